// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// See link_options.hpp.
#include <hawser/argo/link_options.hpp>

namespace hawser::argo {

const char* unfit(const LinkOptions& options, std::span<const std::byte> memory,
                  std::span<const std::byte> port_memory) {
  const auto whole = [](std::uint32_t bytes) {
    return bytes != 0 && bytes % kPageBytes == 0 && bytes <= XEN_ARGO_MAX_RING_SIZE;
  };
  if (!whole(options.control_bytes) || !whole(options.data_bytes)) {
    return "the link's rings must be whole pages of 4 KiB, of at most 16 MiB: correct their sizes";
  }
  if (options.max_parcel < kMinDataMtu || options.max_parcel > XEN_ARGO_MAX_RING_SIZE) {
    return "the link's longest parcel must be of 64 bytes to 16 MiB: correct max_parcel";
  }
  if (options.number > (UINT32_MAX - kFirstPort) / 4 - 1)
    return "there are no Argo ports for a link of that number";
  if (options.silence.ns == 0) return "a link without patience for silence can not stay up: correct silence";
  const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
  const auto first = reinterpret_cast<std::uintptr_t>(port_memory.data());
  if (memory.size() < link_bytes(options)) return "the link was given less memory than link_bytes()";
  if (begin % kPageBytes != 0) return "the link's memory must begin at a page";
  if (begin < first || begin - first > port_memory.size() ||
      memory.size() > port_memory.size() - (begin - first)) {
    return "the link's memory must lie in the port's";
  }
  return nullptr;
}

}  // namespace hawser::argo
