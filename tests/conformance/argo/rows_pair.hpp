// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Rows that take a second domain. Included by rows.hpp.
#pragma once

namespace hawser::conformance::argo::rows {

template <class E>
void d3(E& x) {
  if (!x.takes(x.assisted, "a second domain")) return;
  const std::uint16_t peer = x.host.peer();
  x.want(static_cast<std::int32_t>(x.orders.give(Order::kOpen, 0, 0x61, 256)[1]), 0);
  for (int i = 0; i < 3; ++i) x.want(x.send({.to = peer, .port = 0x61, .length = 48}), 48);
  for (int i = 0; i < 5; ++i) x.want(x.send({.to = peer, .port = 0x61, .length = 48}), -kEAGAIN);
  const auto peek = x.orders.give(Order::kPeek, 0);
  x.want(peek[2], 0);
  x.want(peek[3], 192);
  x.want(peek[4], 64);
  x.want(peek[5], x.own);
  x.want(static_cast<std::int32_t>(x.orders.give(Order::kClose, 0x61)[1]), 0);
  x.want(x.send({.to = peer, .port = 0x61, .length = 48}), -kECONNREFUSED);
}

template <class E>
void o1(E& x) {
  if (!x.takes(x.assisted, "a second domain")) return;
  constexpr std::uint32_t kCount = 2000, kLength = 1024;
  x.want(x.open(0, 0x62, x.host.peer(), kLength), 0);
  x.want(x.orders.begin(Order::kStream, 0x62, kCount, 0), 32);
  std::uint32_t position = 0, got = 0;
  for (Instant end = x.host.now() + kLatest; got < kCount && x.host.now() < end;) {
    for (int spins = 0; x.tx(0) == position && spins < 10'000; ++spins) spin_hint();
    if (x.tx(0) == position) {
      (void)x.host.wait(x.host.now() + milliseconds(1));  // in virtual time the peer runs only now
      continue;
    }
    const auto h = x.header(0, position);
    x.want(h.type, got);
    x.want(h.length, 16 + got % 200);
    x.must(x.intact(0, position, got, got % 200, kLength), "a message was announced before it was complete");
    if (x.verdict.outcome != Outcome::kOk) break;
    position = (position + (h.length + 15) / 16 * 16) % kLength;
    x.set_rx(0, position);
    x.want(x.notify(), 0);
    ++got;
    end = x.host.now() + kLatest;
  }
  x.want(got, kCount);
  x.want(static_cast<std::int32_t>(x.orders.finish()[1]), 0);
}

template <class E>
void o2(E& x) {
  if (!x.takes(x.assisted, "a second domain")) return;
  constexpr std::uint32_t kCount = 5000;
  x.want(static_cast<std::int32_t>(x.orders.give(Order::kOpen, 0, 0x63, 4032)[1]), 0);
  // The first wait is certain: nobody takes anything yet. How many more there are is up to the two.
  std::uint32_t next = 0;
  const auto send_next = [&] {
    x.fill(next, 1500);
    (void)x.host.take_signal();  // before the call: what comes after it is news
    const std::int32_t sent = x.send({.to = x.host.peer(), .port = 0x63, .length = 1500, .type = next});
    if (sent == 1500) {
      ++next;
      return true;
    }
    x.want(sent, -kEAGAIN);
    return false;
  };
  while (send_next()) {
  }
  x.want(next, 2);
  x.want(x.orders.begin(Order::kDrain, 0, 4032, kCount), 32);
  while (next < kCount && x.verdict.outcome == Outcome::kOk) {
    x.must(x.signalled(), "a wake-up was lost");
    while (next < kCount && send_next()) {
    }
  }
  const auto end = x.orders.finish();
  x.want(static_cast<std::int32_t>(end[1]), 0);
  x.want(end[2], 0);
  x.want(static_cast<std::int32_t>(x.orders.give(Order::kClose, 0x63)[1]), 0);
}

}  // namespace hawser::conformance::argo::rows
