// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Any bytes: what decodes can be encoded, and then stands for itself: decoding and encoding it again changes nothing.
#include <hawser/virtio/msg/codec.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace hawser;
using namespace hawser::virtio::msg;

namespace {

void must(bool truth) {
  if (!truth) std::abort();
}

void round_trip(std::span<const std::byte> frame, WireVersion wire) {
  const auto first = decode(frame, wire);
  if (!first.ok()) {
    must(*describe(first.error()) != '\0');
    return;
  }
  // The form of device information is the frame's own business, not the caller's.
  if (const auto* info = first->body.as<GetDeviceInfo::Response>()) wire = info->wire;

  std::vector<std::byte> canonical(frame.size());
  const auto size = encode(*first, wire, canonical);
  must(size.ok() && *size <= frame.size());
  canonical.resize(*size);

  const auto second = decode(canonical, wire);
  must(second.ok());
  std::vector<std::byte> again(canonical.size());
  const auto same = encode(*second, wire, again);
  must(same.ok() && *same == canonical.size() && again == canonical);

  std::vector<std::byte> small(canonical.size() - 1);
  must(!encode(*second, wire, small).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // An exact copy on the heap, so that one byte too far is seen.
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> frame(bytes.begin(), bytes.end());
  round_trip(frame, WireVersion::kV1);
  round_trip(frame, WireVersion::kV2);
  return 0;
}
