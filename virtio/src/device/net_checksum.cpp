// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/device/net_checksum.hpp>

namespace hawser::virtio {

bool finish_checksum(std::span<std::byte> frame, std::size_t start, std::size_t offset) {
  if (start > frame.size() || offset > frame.size() - start || frame.size() - start - offset < 2)
    return false;
  InternetChecksum sum;
  sum.add(frame.subspan(start));
  std::uint16_t result = sum.result();
  if (result == 0) result = 0xffff;  // the same number; in UDP 0 would mean "no checksum" (RFC 768)
  frame[start + offset] = std::byte(result >> 8);
  frame[start + offset + 1] = std::byte(result & 0xff);
  return true;
}

}  // namespace hawser::virtio
