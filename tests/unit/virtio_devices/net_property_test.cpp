// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Whatever two drivers negotiate and whatever they send: behind driver, device, cable, device and driver the same
// bytes arrive, in order, once what was left undone has been done.
#include "net_pair.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "support/seed.hpp"

#include <cstdlib>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Bytes;

namespace {

struct Sent {
  test::FrameKind kind;
  std::size_t payload = 0;
  unsigned left_undone = 0;  ///< 0: nothing, 1: the checksum, 2: segmentation too.
  std::uint16_t segment = 0;
};

NetOffloads any_offloads() {
  const auto bits = *rc::gen::inRange(0, 64);
  return {(bits & 1) != 0, (bits & 2) != 0,  (bits & 4) != 0,
          (bits & 8) != 0, (bits & 16) != 0, (bits & 32) != 0};
}

bool can_segment(const NetOffloads& offloads, const test::FrameKind& kind) {
  if (!offloads.checksum) return false;
  if (kind.udp) return offloads.uso4 && offloads.uso6;
  return kind.ipv6 ? offloads.tso6 : offloads.tso4;
}

Sent any_frame(const NetOffloads& may) {
  Sent sent;
  sent.kind = {.ipv6 = *rc::gen::arbitrary<bool>(),
               .udp = *rc::gen::arbitrary<bool>(),
               .vlan = *rc::gen::arbitrary<bool>(),
               .ip_options = *rc::gen::element(0u, 2u),
               .tcp_options = *rc::gen::element(0u, 3u),
               .tcp_flags = static_cast<std::uint8_t>(0x10 | *rc::gen::element(0, 1, 8)),
               .sequence = *rc::gen::arbitrary<std::uint32_t>()};
  sent.left_undone = may.checksum ? *rc::gen::inRange(0u, can_segment(may, sent.kind) ? 3u : 2u) : 0;
  if (sent.left_undone == 2) {
    sent.segment = static_cast<std::uint16_t>(*rc::gen::inRange(100, 1400));
    sent.payload = static_cast<std::size_t>(*rc::gen::inRange(1, 20000));
  } else {
    sent.payload = static_cast<std::size_t>(*rc::gen::inRange(0, 1400));
  }
  return sent;
}

Bytes payload_of(const Bytes& frame) {
  return {frame.begin() + static_cast<std::ptrdiff_t>(test::layout_of(frame).payload), frame.end()};
}

/// Finishes the checksum as the header asks, the slow way.
void finish(Bytes& frame, const NetHeader& header) {
  if (!header.needs_checksum) return;
  const unsigned sum = ~test::slow_sum(frame, header.checksum_start, frame.size()) & 0xffff;
  test::set16(frame, std::size_t{header.checksum_start} + header.checksum_offset, sum == 0 ? 0xffff : sum);
}

}  // namespace

TEST_CASE("any sequence of frames arrives equal once what was left undone is done") {
  HAWSER_TEST_SEED(seed);
  setenv("RC_PARAMS", ("seed=" + std::to_string(seed) + " max_success=200").c_str(), 0);
  const bool holds = rc::check([] {
    test::NetPairSetup setup;
    setup.queue_features = *rc::gen::arbitrary<bool>() ? test::packed_features() : test::split_features();
    setup.left_driver.send = any_offloads();
    setup.right_driver.receive = any_offloads();
    setup.right_driver.mergeable = *rc::gen::arbitrary<bool>();
    setup.right_driver.receive_buffers = 16;
    setup.left_driver.mergeable = true;
    test::NetPair pair(setup);
    RC_ASSERT(pair.started);

    const NetOffloads may = pair.left.driver.send_offloads();
    const NetOffloads accepted = pair.right.driver.receive_offloads();
    const int frames = *rc::gen::inRange(1, 12);
    for (int n = 0; n < frames; ++n) {
      const Sent sent = any_frame(may);
      const Bytes whole = test::make_frame(sent.kind, test::pattern(sent.payload, static_cast<unsigned>(n)));
      Bytes frame = whole;
      NetHeader header;
      if (sent.left_undone == 1) header = test::leave_checksum(frame);
      if (sent.left_undone == 2) header = test::leave_segmentation(frame, sent.segment);
      RC_ASSERT(pair.send(pair.left, header, frame));

      NetHeader arrived_header;
      auto arrived = pair.receive(pair.right, &arrived_header);
      RC_ASSERT(arrived.has_value());
      if (sent.left_undone == 2 && can_segment(accepted, sent.kind)) {
        RC_ASSERT(*arrived == frame);
        RC_ASSERT(arrived_header == header);
        continue;
      }
      if (sent.left_undone != 2) {
        RC_ASSERT(accepted.checksum || !arrived_header.needs_checksum);
        finish(*arrived, arrived_header);
        RC_ASSERT(*arrived == whole);
        continue;
      }
      Bytes joined;
      for (;;) {
        RC_ASSERT(test::wrong_with(*arrived) == std::string());
        RC_ASSERT(arrived_header == NetHeader{});
        if (!sent.kind.udp) {
          const auto at = test::layout_of(*arrived).transport + 4;
          RC_ASSERT(test::get32(*arrived, at) ==
                    sent.kind.sequence + static_cast<std::uint32_t>(joined.size()));
        }
        const Bytes payload = payload_of(*arrived);
        RC_ASSERT(payload.size() <= sent.segment);
        joined.insert(joined.end(), payload.begin(), payload.end());
        if (joined.size() >= sent.payload) break;
        arrived = pair.receive(pair.right, &arrived_header);
        RC_ASSERT(arrived.has_value());
      }
      RC_ASSERT(joined == payload_of(whole));
    }
    RC_ASSERT(!pair.receive(pair.right).has_value());
    RC_ASSERT(pair.right.driver.counters().received.malformed == 0u);
    RC_ASSERT(pair.cable->right().malformed() == 0u);
  });
  CHECK(holds);
}
