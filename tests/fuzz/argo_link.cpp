// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// An Argo link whose peer is made of the fuzzer's bytes: frames that are nearly right, parcels, anything at all, between
// the calls of an ordinary user; and a ring whose memory somebody scribbles over. Whatever happens, the link is in a
// state that exists, and an honest peer can be met after a reset.
#include "support/tape.hpp"
#include "unit/argo/two_domains.hpp"

namespace {

using namespace hawser;
using namespace hawser::argo;

/// Lengths and credit are in slots of 16 bytes.
class Tape : public test::Tape {
 public:
  using test::Tape::Tape;
  std::uint32_t near(std::uint32_t right) { return test::Tape::near(right, 16); }
  Bytes take(std::size_t most) {
    Bytes out((std::size_t{byte()} << 4 | byte() >> 4) % (most + 1));
    for (auto& b : out) b = std::byte{byte()};
    return out;
  }
};

void check(bool holds) {
  if (!holds) __builtin_trap();
}

void check_sane(TestLink& link) {
  const bool broken = link.state() == LinkState::kBroken;
  check((*link.broken_reason() != '\0') == broken);
  check((link.broken_by() != BrokenBy::kNothing) == broken);
  if (link.state() == LinkState::kUp) check(link.epoch().own != 0 && link.epoch().peer != 0);
}

void step(Tape& tape, WithRawPeer& one, std::vector<std::uint32_t>& held) {
  TestLink& link = one.link();
  RawPeer& peer = *one.peer;
  const std::uint32_t own = link.epoch().own;
  switch (tape.byte() % 14) {
    case 0:
    case 1:
    case 2: {
      const auto kind = static_cast<FrameKind>(tape.near(0x48570001 + tape.byte() % 6));
      const FrameHeader header{tape.near(77), tape.near(own), tape.near(0), tape.near(0)};
      (void)peer.frame(kind, header, tape.take(1100));
      break;
    }
    case 3: {
      const auto usual = RawPeer::usual();
      const HelloBody body{tape.near(1),
                           tape.near(usual.channel_window),
                           tape.near(usual.channel_mtu),
                           tape.near(usual.data_window),
                           tape.near(usual.data_mtu),
                           {}};
      (void)peer.hello(tape.near(77), tape.near(own), body);
      break;
    }
    case 4:
      (void)peer.send(RingKind::kControl, tape.word(), tape.take(3000));
      break;
    case 5:
      (void)peer.send(RingKind::kData, tape.near(77), tape.take(4000));
      break;
    case 6:
      while (peer.take() || peer.take(RingKind::kData)) {
      }
      break;
    case 7:
      one.two.house.advance(milliseconds(tape.byte()));
      break;
    case 8:
      (void)one.two.receive(Role::kDriver);
      break;
    case 9: {
      const auto got = link.parcels().try_receive();
      if (got.ok()) held.push_back(got->number);
      break;
    }
    case 10:
      if (held.empty()) {
        link.parcels().release(tape.word());
      } else {
        const std::size_t which = tape.byte() % held.size();
        link.parcels().release(held[which]);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
      }
      break;
    case 11: {
      const Bytes bytes = tape.take(1500);
      (void)(tape.byte() % 2 == 0 ? one.two.send(Role::kDriver, bytes)
                                  : one.two.send_parcel(Role::kDriver, bytes));
      break;
    }
    case 12:
      if (tape.byte() % 2 == 0) link.bell().ring(Mark(tape.byte()));
      link.bell().ring();
      (void)link.bell().take();
      (void)link.bell().wait(link.now());
      break;
    default: {
      // Nobody but Xen and the domain itself can; it must do no harm all the same.
      const auto memory = divide(one.two.port(Role::kDriver).memory(), one.two.options(Role::kDriver));
      const auto ring = tape.byte() % 2 == 0 ? memory.control : memory.data;
      const std::size_t at = tape.byte() % 4 == 0 ? tape.word() % ring.size() : tape.byte() % 128;
      ring[at] = std::byte{tape.byte()};
      break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tape tape({data, size});
  WithRawPeer one;
  if (tape.byte() % 4 != 0) check(one.connect());
  std::vector<std::uint32_t> held;
  while (!tape.empty()) {
    step(tape, one, held);
    const LinkEvent event = one.link().poll();
    if (event != LinkEvent::kNothing) held.clear();
    check_sane(one.link());
    if (event == LinkEvent::kBroke && tape.byte() % 2 == 0) one.link().reset();
  }
  one.link().reset();
  check(one.connect());
  return 0;
}
