// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Whose the rings' memory is: once the kernel's end has left, or is broken, nothing that a peer sends reaches it, from
// whatever state it went. Else Xen would write a peer's bytes into pages that are somebody else's by then.
#include "test_link.hpp"

#define HAWSER_ARGO_TEST_LINK \
  ::hawser::test::AnyArgoLink<::hawser::test::ArgoPort, ::hawser::test::Ends::kKernelDrives>
#include "../argo/two_domains.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <set>

namespace hawser::argo {

namespace {

/// Whether Xen has that ring of the kernel's.
bool reaches(WithRawPeer& one, RingKind kind) {
  const auto sent = one.peer->send(kind, 0x48570005, Bytes(16));
  return sent.ok() || sent.error() != Error::kNobodyListens;
}

/// As much of Xen as knows which rings there are.
struct Rings {
  std::set<std::uint32_t> ports;
  std::function<std::int64_t(Command)> refuse;
  static constexpr std::size_t kBytes = 1u << 17;
  void* memory = std::aligned_alloc(kPageBytes, kBytes);
  kernel_link* link = nullptr;

  Rings() {
    const kernel_port port{this,
                           [](void* self, std::uint32_t op, void* arg1, void*, std::uint32_t, std::uint32_t) {
                             return static_cast<Rings*>(self)->call(static_cast<Command>(op), arg1);
                           },
                           [](void*, const void*) { return std::uint64_t{0}; },
                           [](void*) { return std::uint64_t{1} << 30; }};
    const kernel_link_options options{true, 2, 0, 16u << 10, 64u << 10, 16u << 10, seconds(1).ns, 7};
    std::size_t used = 0;
    const char* why = nullptr;
    link = kernel_link_new(&port, &options, memory, kBytes, &used, &why);
    REQUIRE(link != nullptr);
  }
  ~Rings() {
    kernel_link_free(link);
    std::free(memory);
  }
  Rings(const Rings&) = delete;
  Rings& operator=(const Rings&) = delete;

  std::int64_t call(Command command, const void* arg1) {
    if (refuse) {
      if (const auto error = refuse(command); error != 0) return error;
    }
    std::uint32_t aport = 0;
    if (arg1 != nullptr) std::memcpy(&aport, arg1, sizeof aport);
    if (command == Command::kRegisterRing) ports.insert(aport);
    if (command == Command::kUnregisterRing) return ports.erase(aport) != 0 ? 0 : -2;
    return 0;
  }
};

}  // namespace

TEST_CASE("an end that leaves between two sessions takes the rings of the last one with it") {
  for (const bool hello : {false, true}) {
    WithRawPeer one;
    REQUIRE(one.connect());
    const auto sent =
        hello ? one.peer->hello(78, one.victim_epoch) : one.peer->frame(FrameKind::kBye, one.header());
    REQUIRE(sent.ok());
    REQUIRE(one.link().poll() == LinkEvent::kWentDown);
    CHECK(reaches(one, RingKind::kControl));
    one.link().leave();
    CAPTURE(hello);
    CHECK_FALSE(reaches(one, RingKind::kControl));
    CHECK_FALSE(reaches(one, RingKind::kData));
  }
}

TEST_CASE("an end that got one ring and not the other leaves none, and so does one that breaks of it") {
  for (const std::int32_t error : {12, 28}) {  // ENOMEM, ENOSPC
    WithRawPeer one;
    int made = 0;
    one.two.port(Role::kDriver).refuse = [&](Command command) -> std::optional<std::int32_t> {
      if (command == Command::kRegisterRing && ++made == 2) return error;
      return std::nullopt;
    };
    const LinkEvent event = one.link().poll();
    REQUIRE(made == 2);
    CAPTURE(error);
    if (error == 12) {
      CHECK(event == LinkEvent::kNothing);
      CHECK(reaches(one, RingKind::kControl));
      one.link().leave();
    } else {
      CHECK(event == LinkEvent::kBroke);
    }
    CHECK_FALSE(reaches(one, RingKind::kControl));
    CHECK_FALSE(reaches(one, RingKind::kData));
  }
}

TEST_CASE("an end whose rings Xen keeps says so, and leaves them when Xen lets it") {
  Rings xen;
  (void)kernel_link_poll(xen.link);
  REQUIRE(xen.ports.size() == 2);
  xen.refuse = [](Command command) { return command == Command::kUnregisterRing ? -14 : 0; };
  CHECK_FALSE(kernel_link_leave(xen.link));
  CHECK(xen.ports.size() == 2);
  xen.refuse = nullptr;
  CHECK(kernel_link_leave(xen.link));
  CHECK(xen.ports.empty());
}

TEST_CASE("an end that Xen never gave a ring has its memory to itself, whatever Xen says") {
  for (const int error : {-19, -38, -95}) {  // ENODEV, ENOSYS, EOPNOTSUPP
    Rings xen;
    xen.refuse = [&](Command) { return error; };
    CHECK(kernel_link_poll(xen.link) == KERNEL_BROKE);
    CHECK(kernel_link_leave(xen.link));
  }
}

TEST_CASE("a peer that begins anew all the time makes an end do so every 10 ms, not as often as it likes") {
  WithRawPeer one;
  REQUIRE(one.connect());
  one.two.port(Role::kDriver).calls = {};
  one.two.events[0].clear();
  for (std::uint32_t epoch = 100; epoch < 300; ++epoch) {
    while (const auto got = one.peer->take()) one.victim_epoch = got->header().from;
    (void)one.peer->hello(epoch, one.victim_epoch);
    one.idle(milliseconds(1));
  }
  const auto downs = std::count(one.two.events[0].begin(), one.two.events[0].end(), LinkEvent::kWentDown);
  CHECK(downs >= 10);
  CHECK(downs <= 21);
  CHECK(one.two.port(Role::kDriver).calls_of(Command::kRegisterRing) <= 3 * 21);
}

}  // namespace hawser::argo
