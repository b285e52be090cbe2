// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a link over Argo is told: its place among others, its sizes, its patience; and the memory it needs for that.
#pragma once

#include <hawser/argo/calls.hpp>
#include <hawser/argo/frames.hpp>

#include <hawser/transport/time.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::argo {

struct LinkOptions {
  Role role = Role::kDriver;
  std::uint16_t peer = 0;                   ///< The domain at the other end.
  std::uint32_t number = 0;                 ///< Which of the links between the two domains.
  std::uint32_t control_bytes = 16u << 10;  ///< Of the ring for frames, its header included; whole pages.
  std::uint32_t data_bytes = 512u << 10;    ///< Of the ring for parcels; whole pages, at most 16 MiB.
  /// The longest parcel, as far as the rings allow. A message is copied by one hypercall that nothing preempts.
  std::uint32_t max_parcel = 68u << 10;
  Duration silence = seconds(3);  ///< A peer that says nothing for so long is gone.
  std::uint32_t noise = 0;        ///< Something that differs from start to start, if the caller has any.
};

namespace detail {
constexpr std::size_t whole_pages(std::size_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}
constexpr std::size_t link_scratch_bytes(const LinkOptions& options) {
  const std::size_t payload = std::max<std::size_t>(options.max_parcel, sizeof(FrameHeader) + kChannelMtu);
  return scratch_bytes(payload, std::max(options.control_bytes, options.data_bytes) / kPageBytes);
}
}  // namespace detail

/// What a link with these options needs of its port's memory.
constexpr std::size_t link_bytes(const LinkOptions& options) {
  return detail::whole_pages(detail::link_scratch_bytes(options) + options.control_bytes / 2) +
         options.control_bytes + options.data_bytes;
}

/// That memory, divided.
struct LinkMemory {
  std::span<std::byte> control;  ///< The two rings, page-aligned.
  std::span<std::byte> data;
  std::span<std::byte> inbox;  ///< Channel messages that wait for try_receive().
  std::span<std::byte>
      scratch;  ///< Arguments of hypercalls, and payload that does not lie in the port's memory.
};

constexpr LinkMemory divide(std::span<std::byte> memory, const LinkOptions& options) {
  const std::span<std::byte> rest = memory.subspan(std::size_t{options.control_bytes} + options.data_bytes);
  return {.control = memory.first(options.control_bytes),
          .data = memory.subspan(options.control_bytes, options.data_bytes),
          .inbox = rest.first(options.control_bytes / 2),
          .scratch = rest.subspan(options.control_bytes / 2, detail::link_scratch_bytes(options))};
}

/// Why these options and this memory do not do, in a sentence; nullptr if they do.
const char* unfit(const LinkOptions& options, std::span<const std::byte> memory,
                  std::span<const std::byte> port_memory);

}  // namespace hawser::argo
