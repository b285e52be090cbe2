// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Rows about notify and the signal within one domain. Included by rows.hpp.
#pragma once

namespace hawser::conformance::argo::rows {

template <class E>
void n1(E& x) {
  const auto call = [&](std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
    return static_cast<std::int32_t>(x.raw(kNotify, a, b, c, d));
  };
  x.want(call(0, 0, 0, 0), 0);
  x.want(call(0, 1, 0, 0), -kEINVAL);
  x.want(call(0, 0, 1, 0), -kEINVAL);
  x.want(call(0, 0, 0, 1), -kEINVAL);
  for (unsigned i = 0; i < 257; ++i) x.question(i, x.own, 1, 0);
  x.want(x.ask_all(0), 0);
  x.want(x.ask_all(256), 0);
  x.want(x.answer(255).flags, 0);
  x.want(x.answer(256).flags, 0xffff);
  x.want(x.ask_all(257), -kEACCES);
  x.want(x.ask_all(0xffffffff), -kEACCES);
  if (x.facts.unmapped != 0) x.want(call(x.facts.unmapped, 0, 0, 0), -kEFAULT);
}

template <class E>
void n2(E& x) {
  x.want(x.loop(0, 1, 256), 0);
  auto a = x.ask(x.own, 1, 100);
  x.want(a.result, 0);
  x.want(a.flags, kExists | kEmpty | kSufficient);
  x.want(a.max, 224);
  x.want(x.ask(x.own, 1, 224).flags, kExists | kEmpty | kSufficient);
  x.want(x.ask(x.own, 1, 225).flags, kExists | kEmpty | kTooLong);
  x.want(x.to_self(1, 16), 16);
  x.want(x.ask(x.own, 1, 192).flags, kExists | kSufficient);
  x.want(x.ask(x.own, 1, 193).flags, kExists);
  x.want(x.ask(x.own, 1, 225).flags, kExists | kTooLong);
  x.set_rx(0, 32);
  x.want(x.ask(x.own, 1, 1).flags, kExists | kEmpty | kSufficient);
  if (!x.facts.mac_permissive) return;
  x.want(x.open(1, 2, kAny, 256), 0);
  x.want(x.ask(x.own, 2, 1).flags, kExists | kShared | kEmpty | kSufficient);
}

template <class E>
void n3(E& x) {
  for (const std::uint16_t domain : {x.own, x.facts.absent, kAny, kSelf, kIo, kXen}) {
    const auto a = x.ask(domain, 1, 5);
    x.want(a.result, 0);
    x.want(a.flags, 0);
    x.want(a.max, 0xabcd);
  }
}

template <class E>
void n4(E& x) {
  x.want(x.loop(0, 1, 256), 0);
  x.want(x.to_self(1, 208), 208);
  x.want(x.ask(x.own, 1, 100).flags, kExists);  // now we wait for 100
  x.hush();
  x.set_rx(0, x.tx(0));
  x.want(x.notify(), 0);
  x.must(x.signalled(), "an insufficient answer did not start the waiting");
  // Asking wakes first: so wait for more than there is room for, and ask for less.
  x.set_rx(0, 0);
  x.want(x.ask(x.own, 1, 200).flags, kExists);
  x.hush();
  x.set_rx(0, 160);  // room for 160
  x.want(x.ask(x.own, 1, 8).flags, kExists | kSufficient);
  x.hush();
  x.set_rx(0, x.tx(0));
  x.want(x.notify(), 0);
  x.must(!x.signalled(kSoon), "a sufficient answer did not end the waiting");
}

template <class E>
void n5(E& x) {
  x.want(x.loop(0, 1, 128), 0);
  const auto wait_for_room = [&] {
    x.set_rx(0, x.tx(0));
    x.want(x.to_self(1, 96), 96);
    x.want(x.to_self(1, 96), -kEAGAIN);
    x.hush();
    x.set_rx(0, x.tx(0));
  };
  wait_for_room();
  x.want(x.notify(), 0);
  x.must(x.signalled(), "notify without a question woke nobody");
  if (x.facts.unmapped != 0) {
    wait_for_room();
    x.want(static_cast<std::int32_t>(x.raw(kNotify, x.facts.unmapped)), -kEFAULT);
    x.must(x.signalled(), "notify with an unmapped question woke nobody");
  }
  wait_for_room();
  x.want(x.ask_all(257), -kEACCES);
  x.must(x.signalled(), "notify with too many questions woke nobody");
  wait_for_room();
  x.want(static_cast<std::int32_t>(x.raw(kNotify, 0, 1, 0, 0)), -kEINVAL);
  x.must(!x.signalled(kSoon), "notify with a second argument woke somebody");
}

template <class E>
void n6(E& x) {
  x.want(x.loop(0, 1, 256), 0);
  x.want(x.to_self(1, 208), 208);  // 224
  x.want(x.to_self(1, 60), -kEAGAIN);
  x.hush();
  x.set_rx(0, 48);  // 80 free: room for 48
  x.want(x.notify(), 0);
  x.must(!x.signalled(kSoon), "a waiter was woken too early");
  x.set_rx(0, 64);  // room for 64
  x.want(x.notify(), 0);
  x.must(x.signalled(), "a waiter was not woken");
  x.want(x.notify(), 0);
  x.must(!x.signalled(kSoon), "a waiter was woken twice");
}

template <class E>
void n7(E& x) {
  x.want(x.loop(0, 1, 128), 0);
  x.want(x.to_self(1, 96), 96);  // 16 free
  x.want(x.to_self(1, 0), -kEAGAIN);
  x.want(x.ask(x.own, 1, 0).flags, kExists | kSufficient);
  x.want(x.to_self(1, 0), -kEAGAIN);
  x.hush();
  x.set_rx(0, 16);  // 32 free: it would fit, but no byte of payload would
  x.want(x.notify(), 0);
  x.must(!x.signalled(kSoon), "a waiter for nothing was woken without room for a byte");
  x.set_rx(0, 32);
  x.want(x.notify(), 0);
  x.must(x.signalled(), "a waiter for nothing was not woken");
}

template <class E>
void v1(E& x) {
  x.want(x.loop(0, 1), 0);
  x.hush();
  for (int i = 0; i < 5; ++i) x.want(x.to_self(1, 1), 1);
  x.must(x.signalled(), "no signal came");
  x.hush();
  x.must(!x.signalled(kSoon), "signals go on coming");
  x.want(x.tx(0), 5 * 32);
}

template <class E>
void o3(E& x) {
  x.want(x.loop(0, 1, 128), 0);
  x.want(x.to_self(1, 96), 96);
  x.want(x.to_self(1, 96), -kEAGAIN);
  x.hush();
  x.set_rx(0, x.tx(0));
  x.must(!x.signalled(milliseconds(200)), "a waiter was woken without notify");
  x.want(x.to_self(1, 96), 96);
}

}  // namespace hawser::conformance::argo::rows
