// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Whether a response fits its request: everything that the device has to repeat is compared, nothing is assumed.
#pragma once

#include <hawser/virtio/msg/codec.hpp>

#include <cstddef>
#include <optional>
#include <span>

namespace hawser::virtio::msg {

template <Asks Q>
constexpr bool fits(const Q&, const typename Q::Response&) {
  return true;
}
inline bool fits(const GetDeviceFeatures& asked, const GetDeviceFeatures::Response& said) {
  return said.first == asked.block_index && said.count() == asked.num_blocks;
}
inline bool fits(const GetConfig& asked, const GetConfig::Response& said) {
  return said.offset == asked.offset && (said.data.size() == asked.length || said.data.empty());
}
inline bool fits(const SetConfig& asked, const SetConfig::Response& said) {
  return said.offset == asked.offset && (said.data.size() == asked.data.size() || said.data.empty());
}
inline bool fits(const GetVqueue& asked, const GetVqueue::Response& said) {
  return said.index == asked.index;
}
inline bool fits(const GetShm& asked, const GetShm::Response& said) {
  return said.shmid == asked.shmid;
}
inline bool fits(const Ping& asked, const Ping::Response& said) {
  return said.data == asked.data;
}
inline bool fits(const GetDevices& asked, const GetDevices::Response& said) {
  return said.offset == asked.offset && said.count <= asked.count;
}

/// The answer in `frame`, or nothing when it is malformed or no answer to that.
template <Asks Q>
std::optional<typename Q::Response> answer_in(std::span<const std::byte> frame, const Q& asked,
                                              WireVersion wire) {
  const auto message = decode(frame, wire);
  if (!message.ok()) return std::nullopt;
  const auto* said = message->body.template as<typename Q::Response>();
  if (said == nullptr || !fits(asked, *said)) return std::nullopt;
  return *said;
}

/// v1 and v2 differ in the order of two fields here, and no device has said yet which of them it speaks. The length
/// of the bitmap decides: only in the right order does it agree with the count.
inline std::optional<GetDevices::Response> answer_in(std::span<const std::byte> frame,
                                                     const GetDevices& asked, WireVersion) {
  for (const WireVersion wire : {WireVersion::kV2, WireVersion::kV1}) {
    const auto said = answer_in<GetDevices>(frame, asked, wire);
    if (!said) continue;
    const std::size_t exact = sizeof(wire::Header) + sizeof(wire::DeviceList) + said->bitmap.size();
    const bool ends = said->next_offset == 0 || said->next_offset > asked.offset;
    if (peek(frame)->size == exact && (ends || wire == WireVersion::kV1)) return said;
  }
  return std::nullopt;
}

}  // namespace hawser::virtio::msg
