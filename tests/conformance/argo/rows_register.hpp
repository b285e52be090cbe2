// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Rows about all calls, register_ring and unregister_ring. Included by rows.hpp.
#pragma once

namespace hawser::conformance::argo::rows {

constexpr std::uint64_t kWide = std::uint64_t{1} << 32;

template <class E>
void c1(E& x) {
  for (const std::uint32_t command : {kRegister, kUnregister, kSend, kNotify, 0u, 99u}) {
    x.want(x.raw(command, 0, 0, kWide, 0), -kEINVAL);
    x.want(x.raw(command, 0, 0, 0, kWide), -kEINVAL);
    x.want(x.raw(command, 0, 0, kWide | 1, ~std::uint64_t{0}), -kEINVAL);
  }
}

template <class E>
void c2(E& x) {
  for (const std::uint32_t command : {0u, 5u, 99u, 0x7fffffffu, 0xffffffffu}) {
    x.want(static_cast<std::int32_t>(x.raw(command)), -kEOPNOTSUPP);
  }
}

template <class E>
void r1(E& x) {
  for (const std::uint32_t flags : {2u, 3u, 0x80000000u, 0xffffffffu}) {
    x.want(x.enroll({.port = 1, .partner = x.own, .flags = flags}), -kEINVAL);
    x.want(static_cast<std::int32_t>(x.raw(kRegister, 0, 0, 1, flags)), -kEINVAL);
  }
  x.want(x.enroll({.port = 1, .partner = x.own, .flags = 1}), 0);
}

template <class E>
void r2(E& x) {
  for (const std::uint32_t length : {0u, 16u, 32u, 47u, 50u, 0x1000010u, 0xfffffff0u}) {
    x.want(x.enroll({.port = 1, .partner = x.own, .length = length}), -kEINVAL);
  }
  x.want(x.enroll({.port = 1, .partner = x.own, .length = 48}), 0);
}

template <class E>
void r3(E& x) {
  x.want(x.enroll({.port = 1, .partner = x.own, .length = 4048, .pages = 1}), -kEINVAL);
  x.want(x.enroll({.port = 1, .partner = x.own, .length = 4032, .pages = 2}), -kEINVAL);
  x.want(x.enroll({.port = 1, .partner = x.own, .length = 4032, .pages = 0}), -kEINVAL);
  x.want(x.enroll({.port = 1, .partner = x.own, .length = 0x1000000, .pages = 4096}), -kEINVAL);
  x.want(x.enroll({.port = 1, .partner = x.own, .length = 0x1000000, .pages = 4097}), -kEINVAL);
  x.want(static_cast<std::int32_t>(x.raw(kRegister, 0, 0, 4097, 0)),
         -kEINVAL);  // before the arguments are read
  x.want(x.enroll({.port = 1, .partner = x.own, .length = 4032, .pages = 1}), 0);
  x.want(x.enroll({.port = 2, .partner = x.own, .length = 4048, .pages = 2}), 0);
  x.want(x.enroll({.port = 3, .partner = x.own, .length = 0xffffc0, .pages = 4096}), 0);
}

template <class E>
void r4(E& x) {
  for (const std::uint16_t pad : {1, 0x8000}) {
    x.want(x.enroll({.port = 1, .partner = x.own, .pad = static_cast<std::uint16_t>(pad)}), -kEINVAL);
  }
}

template <class E>
void r5(E& x) {
  x.want(x.enroll({.port = 1, .partner = kAny}), x.facts.mac_permissive ? 0 : -kEPERM);
}

template <class E>
void r6(E& x) {
  for (const std::uint16_t partner : {x.facts.absent, kSelf, kIo, kXen}) {
    x.want(x.enroll({.port = 1, .partner = partner}), -kESRCH);
  }
}

template <class E>
void r8(E& x) {
  (void)x.enroll({.port = 1, .partner = x.own});
  (void)x.close(1, x.own);
  const auto call = [&](std::uint64_t words, std::uint64_t frames) {
    return static_cast<std::int32_t>(x.raw(kRegister, words, frames, 1, 0));
  };
  x.want(call(0, x.address(x.frames())), -kEFAULT);
  if (x.facts.unmapped != 0) {
    x.want(call(x.facts.unmapped, x.address(x.frames())), -kEFAULT);
    x.want(call(x.address(x.arguments()), x.facts.unmapped), -kEFAULT);
  }
  x.want(call(x.address(x.arguments()), 0), -kEFAULT);
  x.want(x.close(1, x.own), -kENOENT);
}

template <class E>
void r9(E& x) {
  const auto with = [&](std::uint32_t port, std::uint64_t first, std::uint64_t second) {
    x.template put<std::uint64_t>(x.frames(), first);
    x.template put<std::uint64_t>(x.frames() + 8, second);
    const std::int32_t result = x.enroll_as_laid_out({.port = port, .partner = x.own, .length = 4048}, 2);
    if (result == 0) x.want(x.close(port, x.own), 0);
    return result;
  };
  const std::uint64_t good = x.host.frame(x.ring(0)), other = x.host.frame(x.ring(1));
  for (const std::uint64_t bad : {~std::uint64_t{0}, x.facts.device_frame, std::uint64_t{1} << 52}) {
    x.want(with(1, bad, good), -kEINVAL);
    x.want(with(1, good, bad), -kEINVAL);
  }
  x.want(with(1, good, other), 0);
  x.want(with(1, good, good), 0);
  // One page in two rings.
  x.want(x.enroll({.piece = 0, .port = 2, .partner = x.own}), 0);
  x.want(x.enroll({.piece = 0, .port = 3, .partner = x.own}), 0);
}

template <class E>
void r10(E& x) {
  x.want(x.loop(0, 1), 0);
  x.want(x.enroll({.port = 1, .partner = x.own, .flags = 1}), -kEEXIST);
  x.want(x.enroll({.port = 1, .partner = x.own, .length = 4016}), -kEEXIST);
  x.want(x.enroll({.port = 1, .partner = x.own, .length = 4016, .flags = 1}), -kEEXIST);
  x.want(x.enroll({.port = 1, .partner = x.own}), 0);
  x.leaked += x.facts.ring_count_leak;
  x.want(x.to_self(1, 1), 1);
}

template <class E>
void r11(E& x) {
  struct Case {
    std::uint32_t rx, tx, wanted;
  };
  std::uint32_t port = 1;
  for (const Case c : {Case{0, 32, 32}, Case{0x15, 0x43, 0x20}, Case{16, 4032, 16}, Case{4032, 4032, 0},
                       Case{4017, ~0u, 0}, Case{~0u, 8, 0}, Case{64, 4016, 4016}}) {
    x.set_rx(0, c.rx);
    x.set_tx(0, c.tx);
    x.want(x.enroll({.piece = 0, .port = port, .partner = x.own}), 0);
    x.want(x.tx(0), c.wanted);
    x.want(x.rx(0), c.rx);
    x.set_rx(0, c.wanted);
    x.want(x.to_self(port, 0, 0x77), 0);
    x.want(x.header(0, c.wanted).type, 0x77);
    x.want(x.close(port++, x.own), 0);
  }
}

template <class E>
void u1(E& x) {
  x.want(x.loop(0, 1), 0);
  x.put(x.arguments() + 16, std::uint32_t{1});
  x.put(x.arguments() + 20, x.own);
  x.put(x.arguments() + 22, std::uint16_t{0});
  const std::uint64_t words = x.address(x.arguments() + 16);
  const auto call = [&](std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
    return static_cast<std::int32_t>(x.raw(kUnregister, a, b, c, d));
  };
  x.want(call(words, words, 0, 0), -kEINVAL);
  x.want(call(words, 0, 1, 0), -kEINVAL);
  x.want(call(words, 0, 0, 1), -kEINVAL);
  x.want(call(0, 0, 0, 0), -kEFAULT);
  x.want(call(0, 0, 1, 0), -kEINVAL);
  x.want(x.close(1, x.own, 1), -kEINVAL);
  x.want(x.close(2, x.own), -kENOENT);
  x.want(x.close(1, kAny), -kENOENT);
  x.want(x.close(1, x.own), 0);
  x.want(x.close(1, x.own), -kENOENT);
  x.want(x.to_self(1, 1), -kECONNREFUSED);
}

template <class E>
void u2(E& x) {
  x.want(x.loop(0, 1, 64), 0);
  x.want(x.to_self(1, 32), 32);
  x.want(x.to_self(1, 32), -kEAGAIN);
  x.hush();
  x.want(x.close(1, x.own), 0);
  x.must(!x.signalled(kSoon), "unregistering woke a waiter");
  x.want(x.loop(0, 1, 64), 0);
  x.want(x.notify(), 0);
  x.must(!x.signalled(kSoon), "a waiter outlived its ring");
}

/// How many more rings this domain may have. Leaves none.
template <class E>
std::int32_t room_for_rings(E& x) {
  typename E::Base& desk = x;  // which remembers nothing
  std::int32_t count = 0;
  while (count < 200) {
    const std::int32_t result =
        desk.enroll({.port = 0x10000 + static_cast<std::uint32_t>(count), .partner = x.own, .length = 48});
    if (result != 0) {
      x.want(result, -kENOSPC);
      break;
    }
    ++count;
  }
  if (count != 0) {  // also for one that exists
    x.want(desk.enroll({.port = 0x10000, .partner = x.own, .length = 48}), -kENOSPC);
  }
  for (std::int32_t i = 0; i < count; ++i) x.want(x.close(0x10000 + static_cast<std::uint32_t>(i), x.own), 0);
  return count;
}

template <class E>
void r12(E& x) {
  x.want(room_for_rings(x), 128 - static_cast<std::int32_t>(x.leaked) - (x.assisted ? 1 : 0));
}

template <class E>
void r13(E& x) {
  const bool leak = x.facts.ring_count_leak;
  const std::int32_t before = room_for_rings(x);
  x.want(x.loop(0, 1), 0);
  for (int i = 0; i < 2; ++i) x.want(x.enroll({.port = 1, .partner = x.own}), 0);
  x.want(x.close(1, x.own), 0);
  x.want(x.close(1, x.own), -kENOENT);
  x.leaked += leak ? 2 : 0;
  x.want(before - room_for_rings(x), leak ? 2 : 0);
  x.want(x.loop(0, 2), 0);
  x.template put<std::uint64_t>(x.frames(), ~std::uint64_t{0});
  x.want(x.enroll_as_laid_out({.port = 2, .partner = x.own}, 1), -kEINVAL);
  x.want(x.to_self(2, 1), leak ? -kECONNREFUSED : 1);
  x.want(x.close(2, x.own), leak ? -kENOENT : 0);
  x.leaked += leak ? 1 : 0;
  x.want(before - room_for_rings(x), leak ? 3 : 0);
}

}  // namespace hawser::conformance::argo::rows
