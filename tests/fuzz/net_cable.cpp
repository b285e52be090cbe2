// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Any header that passes the check, with any frame, into a cable whose far end accepts anything from nothing to all:
// it ends, nothing is read or written outside the frame, and what comes out asks only for what was accepted.
#include "support/device_play.hpp"

#include <hawser/virtio/device/net_cable.hpp>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Input;
using hawser::test::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static device::Cable<1, device::FrameFifo::kSmallest> cable;
  Input input({data, size});
  const unsigned bits = input.byte();
  const NetOffloads accepted{(bits & 1) != 0, (bits & 2) != 0,  (bits & 4) != 0,
                             (bits & 8) != 0, (bits & 16) != 0, (bits & 32) != 0};
  cable.right().start(accepted, 1);
  virtio_net_hdr wire{};
  const auto header_bytes = input.take(sizeof(wire));
  if (header_bytes.empty()) return 0;
  std::memcpy(&wire, header_bytes.data(), header_bytes.size());
  const std::size_t longer = input.below(8) == 0 ? 3000 : 0;
  auto frame = input.take(SIZE_MAX);
  frame.resize(frame.size() + longer);
  const auto header = check_header(wire, frame.size(), NetOffloads::all());
  if (!header.ok()) return 0;
  const std::span<const std::byte> part(frame);
  must(cable.left().send(0, *header, std::span(&part, 1)) == device::NetSent::kSent);
  for (std::size_t count = 0;; ++count) {
    const device::NetFrame out = cable.right().front(0);
    if (out.bytes.empty()) break;
    must(count <= frame.size() && out.bytes.size() <= frame.size());
    must(check_header(to_wire(out.header, 0), out.bytes.size(), accepted).ok());
    cable.right().pop(0);
  }
  return 0;
}
