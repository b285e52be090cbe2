// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Rows about sendv within one domain. Included by rows.hpp.
#pragma once

namespace hawser::conformance::argo::rows {

template <class E>
void s1(E& x) {
  x.want(x.loop(0, 1), 0);
  x.want(x.send({.to = x.own, .port = 1, .length = 1, .source_pad = 1}), -kEINVAL);
  x.want(x.send({.to = x.own, .port = 1, .length = 1, .pad = 1}), -kEINVAL);
  x.want(x.send({.to = x.own, .port = 1, .length = 1, .from = static_cast<std::uint16_t>(x.own + 1)}),
         -kEPERM);
  x.want(x.send({.to = x.own, .port = 1, .length = 1, .from = kSelf}), -kEPERM);
  x.want(x.send({.to = x.own, .port = 1, .length = 1, .from = x.own}), 1);
  x.want(x.send({.to = x.own, .port = 1, .length = 1, .from = kAny}), 1);
  x.want(x.header(0, 0).domain, x.own);
  x.want(x.header(0, 32).domain, x.own);
}

template <class E>
void s2(E& x) {
  for (const std::uint16_t to : {x.facts.absent, kAny, kSelf, kIo, kXen}) {
    x.want(x.send({.to = to, .port = 1, .length = 1}), -kESRCH);
  }
  x.want(x.to_self(1, 1), -kECONNREFUSED);
  x.want(x.loop(0, 1), 0);
  x.want(x.to_self(2, 1), -kECONNREFUSED);
  x.want(x.to_self(1, 1), 1);
}

template <class E>
void s3(E& x) {
  x.want(x.loop(0, 1), 0);
  for (unsigned i = 0; i < 9; ++i) x.vector(i, x.payload() + i, 1);
  x.fill(5, 16);
  x.want(x.sent({.to = x.own, .port = 1}, 9), -kEINVAL);
  x.want(x.sent({.to = x.own, .port = 1}, 0xffffffff), -kEINVAL);
  x.want(x.tx(0), 0);
  x.want(x.sent({.to = x.own, .port = 1}, 8), 8);
  x.want(x.tx(0), 32);
  x.must(x.intact(0, 0, 5, 8, 4032), "eight vectors were not put together");
  x.want(x.sent({.to = x.own, .port = 1}, 0), 0);
  x.want(x.tx(0), 48);
  x.want(x.header(0, 32).length, 16);
  // Without vectors, their address does not matter.
  x.want(static_cast<std::int32_t>(x.raw(kSend, x.address(x.arguments() + 64), 0, 0, 1)), 0);
  x.want(static_cast<std::int32_t>(x.raw(kSend, x.address(x.arguments() + 64), 0, 1, 1)), -kEFAULT);
  x.want(static_cast<std::int32_t>(x.raw(kSend, 0, 0, 9, 1)), -kEFAULT);  // the addresses first
  x.want(x.tx(0), 64);
}

template <class E>
void s4(E& x) {
  constexpr std::uint32_t kMost = (16u << 20) - 32;
  x.want(x.loop(0, 1), 0);
  x.vector(0, x.payload(), 1, 1);
  x.want(x.sent({.to = x.own, .port = 1}, 1), -kEINVAL);
  x.vector(0, x.payload(), kMost + 1);
  x.want(x.sent({.to = x.own, .port = 1}, 1), -kEINVAL);
  x.vector(0, x.payload(), kMost);
  x.vector(1, x.payload(), 1);
  x.want(x.sent({.to = x.own, .port = 1}, 2), -kEMSGSIZE);
  x.vector(1, x.payload(), kMost + 1);  // the second is looked at before the sum is
  x.want(x.sent({.to = x.own, .port = 1}, 2), -kEINVAL);
  x.vector(2, x.payload(), 1, 1);  // the third is not, when the first two are too long
  x.vector(1, x.payload(), kMost);
  x.want(x.sent({.to = x.own, .port = 1}, 3), -kEMSGSIZE);
  x.want(x.tx(0), 0);
}

template <class E>
void s5(E& x) {
  x.want(x.loop(0, 1), 0);
  x.fill(9, 4001);
  x.want(x.to_self(1, 4001), -kEMSGSIZE);
  x.want(x.send({.to = x.own, .port = 1, .length = 4000, .type = 0xfedcba98, .source_port = 0x12345678}),
         4000);
  x.want(x.tx(0), 4016);
  const auto h = x.header(0, 0);
  x.want(h.length, 4016);
  x.want(h.port, 0x12345678);
  x.want(h.domain, x.own);
  x.want(h.pad, 0);
  x.want(h.type, 0xfedcba98);
  x.must(x.intact(0, 0, 9, 4000, 4032), "the payload is not what was sent");
}

template <class E>
void s6(E& x) {
  x.want(x.loop(0, 1, 128), 0);
  x.want(x.to_self(1, 96), 96);       // 112 of 128
  x.want(x.to_self(1, 0), -kEAGAIN);  // a header would fit, but nothing would stay free
  x.set_rx(0, 16);
  x.want(x.to_self(1, 1), -kEAGAIN);
  x.want(x.to_self(1, 0), 0);
  x.want(x.tx(0), 0);
  x.want(x.to_self(1, 0), -kEAGAIN);
  x.set_rx(0, 0);  // all
  x.want(x.to_self(1, 96), 96);
}

template <class E>
void s7(E& x) {
  if (!x.takes(x.facts.unmapped != 0, "an address that is not mapped")) return;
  x.want(x.loop(0, 1), 0);
  x.vector(0, x.facts.unmapped, 8);
  x.want(x.sent({.to = x.own, .port = 1}, 1), -kEFAULT);
  x.want(x.tx(0), 0);
  x.vector(0, x.payload(), 64);
  x.vector(1, x.facts.unmapped, 8);
  x.want(x.sent({.to = x.own, .port = 1}, 2), -kEFAULT);
  x.want(x.tx(0), 0);
  x.vector(1, std::uint64_t{0}, 8);
  x.want(x.sent({.to = x.own, .port = 1}, 2), -kEFAULT);
  x.want(x.tx(0), 0);
  x.want(x.to_self(1, 5, 0x31), 5);
  x.want(x.header(0, 0).type, 0x31);
}

template <class E>
void s8(E& x) {
  constexpr std::uint32_t kLength = 256;
  x.want(x.loop(0, 1, kLength), 0);
  std::uint32_t position = 0, dice = 12345;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    dice = dice * 1664525 + 1013904223;
    const std::uint32_t length = (dice >> 16) % (kLength - 31);
    x.fill(i, length);
    x.want(x.to_self(1, length, i), length);
    x.want(x.header(0, position).length, length + 16);
    x.want(x.header(0, position).type, i);
    x.must(x.intact(0, position, i, length, kLength), "payload that wraps around is damaged");
    position = (position + 16 + (length + 15) / 16 * 16) % kLength;
    x.want(x.tx(0), position);
    x.set_rx(0, position);
  }
}

template <class E>
void s9(E& x) {
  x.want(x.loop(0, 1, 256), 0);
  x.want(x.to_self(1, 16), 16);  // tx 32
  x.set_rx(0, 35);               // counts as 48: sixteen free
  x.want(x.to_self(1, 0), -kEAGAIN);
  x.set_rx(0, 49);  // 64: a header goes in
  x.want(x.to_self(1, 0), 0);
  x.want(x.tx(0), 48);
  x.set_rx(0, 99999);  // 0: 208 free
  x.want(x.to_self(1, 192), -kEAGAIN);
  x.want(x.to_self(1, 176), 176);
  x.want(x.tx(0), 240);
  x.want(x.rx(0), 99999);
  x.set_rx(0, 0xffffffff);  // rounds to 0
  x.want(x.to_self(1, 0), -kEAGAIN);
  x.set_rx(0, 240);
  x.set_tx(0, 16);  // nobody looks at it
  x.want(x.to_self(1, 16, 0x99), 16);
  x.want(x.tx(0), 16);
  x.want(x.header(0, 240).type, 0x99);
  x.set_tx(0, 0xdeadbeef);
  x.want(x.to_self(1, 0), 0);
  x.want(x.tx(0), 32);
}

template <class E>
void s10(E& x) {
  if (!x.takes(x.facts.mac_permissive, "mac-permissive")) return;
  x.want(x.open(0, 1, kAny, 128), 0);
  x.want(x.to_self(1, 8), 8);
  x.want(x.tx(0), 32);
  x.want(x.open(1, 1, x.own, 128), 0);
  x.want(x.to_self(1, 80), 80);
  x.want(x.tx(0), 32);
  x.want(x.tx(1), 96);
  x.want(x.to_self(1, 80), -kEAGAIN);
  x.want(x.tx(0), 32);
  x.want(x.close(1, x.own), 0);
  x.want(x.to_self(1, 8), 8);
  x.want(x.tx(0), 64);
}

template <class E>
void s11(E& x) {
  const auto late = [&](int error) {
    return x.facts.zero_extended_errors ? std::int64_t{static_cast<std::uint32_t>(-error)}
                                        : std::int64_t{-error};
  };
  x.vector(0, x.payload(), 1);
  x.want(x.send_vectors({.to = x.own, .port = 1}, 1), late(kECONNREFUSED));
  x.want(x.loop(0, 1, 64), 0);
  x.vector(0, x.payload(), 64);
  x.want(x.send_vectors({.to = x.own, .port = 1}, 1), late(kEMSGSIZE));
  x.vector(0, x.payload(), 1, 1);
  x.want(x.send_vectors({.to = x.own, .port = 1}, 1), late(kEINVAL));
  x.vector(0, std::uint64_t{0}, 1);
  x.want(x.send_vectors({.to = x.own, .port = 1}, 1), late(kEFAULT));
  x.vector(0, x.payload(), 32);
  x.want(x.send_vectors({.to = x.own, .port = 1}, 1), 32);
  x.want(x.send_vectors({.to = x.own, .port = 1}, 1), late(kEAGAIN));
  // Early ones.
  x.want(x.raw(kSend, 0, 0, 0, 0), -kEFAULT);
  x.want(x.send_vectors({.to = x.own, .port = 1}, 9), -kEINVAL);
  x.want(x.send_vectors({.to = x.own, .port = 1, .pad = 1}, 1), -kEINVAL);
  x.want(x.send_vectors({.to = x.own, .port = 1, .from = kSelf}, 1), -kEPERM);
  x.want(x.send_vectors({.to = x.facts.absent, .port = 1}, 1), -kESRCH);
}

template <class E>
void s12(E& x) {
  x.want(x.loop(0, 1), 0);
  x.fill(3, 8);
  x.vector(0, x.payload(), 0);
  x.vector(1, x.payload(), 4);
  x.vector(2, std::uint64_t{0}, 0);
  x.vector(3, x.payload() + 4, 4);
  std::uint32_t position = 0;
  for (const std::uint32_t type : {0u, 1u, 0x80000000u, 0xffffffffu}) {
    x.want(x.sent({.to = x.own, .port = 1, .type = type}, 4), 8);
    x.want(x.header(0, position).type, type);
    x.must(x.intact(0, position, 3, 8, 4032), "empty vectors changed the message");
    position += 32;
  }
  x.want(x.sent({.to = x.own, .port = 1}, 1), 0);
  x.want(x.tx(0), position + 16);
}

template <class E>
void s13(E& x) {
  x.want(x.loop(0, 1), 0);
  x.hush();
  for (std::uint32_t i = 0; i < 3; ++i) {
    x.want(x.to_self(1, i), i);
    x.must(x.signalled(), "no signal came with a message");
    x.must(!x.signalled(kSoon), "a second signal came with one message");
  }
  x.want(x.to_self(2, 1), -kECONNREFUSED);
  x.must(!x.signalled(kSoon), "a signal came without a message");
  if (!x.assisted) return;
  x.want(x.open(1, 0x60, x.host.peer()), 0);
  x.hush();
  x.want(x.orders.begin(Order::kSend, 0x60, 100, 7, 1), 32);
  x.must(x.signalled(), "no signal came with a message of another domain");
  x.want(static_cast<std::int32_t>(x.orders.finish()[1]), 100);
  x.want(x.header(1, 0).length, 116);
  x.want(x.header(1, 0).domain, x.host.peer());
  x.must(x.intact(1, 0, 0, 100, 4032) || x.header(1, 0).type == 7, "another domain's message is damaged");
}

template <class E>
void s14(E& x) {
  x.want(x.loop(0, 1, 128), 0);
  x.want(x.to_self(1, 96), 96);
  x.hush();
  x.want(x.to_self(1, 50), -kEAGAIN);
  x.want(x.notify(), 0);
  x.must(!x.signalled(kSoon), "a waiter was woken without room");
  x.set_rx(0, x.tx(0));
  x.want(x.notify(), 0);
  x.must(x.signalled(), "a waiter was not woken");
  x.want(x.to_self(1, 50), 50);
}

template <class E>
void s15(E& x) {
  x.want(x.loop(0, 1), 0);
  x.want(x.to_self(1, 4000), 4000);
  x.want(x.to_self(1, 100), -kEAGAIN);
  x.want(x.to_self(1, 2000), -kEAGAIN);
  x.want(x.to_self(1, 50), -kEAGAIN);
  x.hush();
  x.set_rx(0, 1024);  // room for about 1000
  x.want(x.notify(), 0);
  x.must(!x.signalled(kSoon), "a waiter was woken with less room than it had asked for");
  x.set_rx(0, 2080);
  x.want(x.notify(), 0);
  x.must(x.signalled(), "a waiter was not woken");
  x.want(x.notify(), 0);
  x.must(!x.signalled(kSoon), "a domain waited twice in one ring");
}

template <class E>
void x1(E& x) {
  x.want(x.loop(0, 1), 0);
  x.vector(0, x.payload(), 1);
  x.envelope({.to = x.own, .port = 1});
  const std::uint64_t envelope = x.address(x.arguments() + 64), vectors = x.address(x.arguments() + 256);
  const auto try_with = [&](std::uint64_t bad) {
    x.want(static_cast<std::int32_t>(x.raw(kSend, bad, vectors, 1, 1)), -kEFAULT);
    x.want(static_cast<std::int32_t>(x.raw(kSend, envelope, bad, 1, 1)), -kEFAULT);
    x.want(static_cast<std::int32_t>(x.raw(kRegister, bad, x.address(x.frames()), 1, 0)), -kEFAULT);
    x.want(static_cast<std::int32_t>(x.raw(kUnregister, bad)), -kEFAULT);
    x.want(static_cast<std::int32_t>(x.raw(kNotify, bad)), -kEFAULT);
    x.vector(0, bad, 1);
    x.want(x.sent({.to = x.own, .port = 1}, 1), -kEFAULT);
    x.vector(0, x.payload(), 1);
  };
  if (x.facts.unmapped != 0) try_with(x.facts.unmapped);
  if (x.facts.foreign != 0) try_with(x.facts.foreign);
  x.want(x.tx(0), 0);
  x.want(x.sent({.to = x.own, .port = 1}, 1), 1);
  (void)x.takes(x.facts.unmapped != 0 || x.facts.foreign != 0, "an address that is not mapped");
}

}  // namespace hawser::conformance::argo::rows
