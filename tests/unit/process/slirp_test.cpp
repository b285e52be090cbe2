// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// User-mode networking. Nothing here leaves the machine: the gateway and the DHCP server are inside libslirp, and the
// forwarded port is on the loopback interface.
#include "driven.hpp"

#include <hawser/process/slirp.hpp>

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <sys/socket.h>

using namespace hawser;
using namespace hawser::virtio;
using hawser::process::UserNetwork;
using hawser::test::Address;
using hawser::test::Bytes;

namespace {

constexpr std::uint32_t kGatewayIp = 0x0a000202;
constexpr std::uint32_t kOwnIp = 0x0a00020f;

struct Wired {
  explicit Wired(const process::SlirpOptions& options = {.restricted = true},
                 const driver::NetDriverOptions& driver_options = {})
      : network(options), net(network, driver_options) {
    REQUIRE(net.started);
    own.mac = net.driver.mac();
  }
  UserNetwork network;
  test::DrivenNet<UserNetwork> net;
  Address own{{}, kOwnIp, 68};
  Address gateway{{}, kGatewayIp, 67};
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return made;
}

/// A port that was free a moment ago.
std::uint16_t free_udp_port() {
  const process::OwnedFd probe(::socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in own = loopback(0);
  socklen_t bytes = sizeof(own);
  REQUIRE(::bind(probe.get(), reinterpret_cast<sockaddr*>(&own), bytes) == 0);
  REQUIRE(::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&own), &bytes) == 0);
  return ntohs(own.sin_port);
}

}  // namespace

TEST_CASE("the gateway answers for its address") {
  Wired wired;
  CHECK(wired.net.driver.link_up());
  CHECK(wired.net.driver.mtu() == 1500);
  CHECK(wired.net.driver.send_offloads() == NetOffloads{});
  CHECK(wired.net.driver.receive_offloads() == NetOffloads{});
  REQUIRE(wired.net.send(test::arp_frame(1, wired.own, wired.gateway)));
  const auto answer = wired.net.receive(1, [](const Bytes& f) { return test::is_arp(f, 2); });
  REQUIRE(answer.size() == 1);
  CHECK(test::get32(answer[0], 28) == kGatewayIp);
}

TEST_CASE("DHCP offers the first address") {
  Wired wired;
  Bytes request;
  test::put32(request, 0x01010600);
  test::put32(request, 0x12345678);  // transaction
  request.resize(28);
  for (const auto byte : wired.own.mac) test::put8(request, byte);
  request.resize(236);
  test::put32(request, 0x63825363);
  for (const unsigned byte : {53u, 1u, 1u, 255u}) test::put8(request, byte);  // DHCPDISCOVER
  request.resize(300);
  const Address nobody{wired.own.mac, 0, 68};
  const Address everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0xffffffff, 67};
  REQUIRE(wired.net.send(test::udp_frame(nobody, everybody, request)));
  const auto offers = wired.net.receive(1, test::is_udp);
  REQUIRE(offers.size() == 1);
  CHECK(test::wrong_with(offers[0]) == "");
  CHECK(test::get32(offers[0], 42 + 4) == 0x12345678);
  CHECK(test::get32(offers[0], 42 + 16) == kOwnIp);
}

TEST_CASE("a forwarded port leads to the driver and back, and wakes the device") {
  const std::uint16_t port = free_udp_port();
  Wired wired({.forwards = {{.udp = true, .host_port = port, .guest_port = 7}}});
  const process::OwnedFd socket(::socket(AF_INET, SOCK_DGRAM, 0));
  const sockaddr_in to = loopback(port);
  const Bytes question = test::pattern(333);
  REQUIRE(::sendto(socket.get(), question.data(), question.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                   sizeof(to)) == 333);
  CHECK(test::readable(wired.network.wake_fd(), 1000));

  const auto asked = wired.net.receive(1, [](const Bytes& f) { return test::is_arp(f, 1); });
  REQUIRE(asked.size() == 1);  // who is 10.0.2.15?
  wired.gateway.mac = test::mac_at(asked[0], 6);
  REQUIRE(wired.net.send(test::arp_frame(2, wired.own, wired.gateway)));
  const auto arrived = wired.net.receive(1, test::is_udp);
  REQUIRE(arrived.size() == 1);
  CHECK(test::wrong_with(arrived[0]) == "");
  CHECK(test::get16(arrived[0], 36) == 7);
  CHECK(Bytes(arrived[0].begin() + 42, arrived[0].end()) == question);

  const Address from{wired.own.mac, kOwnIp, 7};
  const Address back{wired.gateway.mac, test::get32(arrived[0], 26), test::get16(arrived[0], 34)};
  REQUIRE(wired.net.send(test::udp_frame(from, back, test::pattern(222, 3))));
  Bytes reply(1000);
  REQUIRE(test::readable(socket.get(), 1000));
  const ssize_t got = ::recv(socket.get(), reply.data(), reply.size(), 0);
  REQUIRE(got == 222);
  reply.resize(222);
  CHECK(reply == test::pattern(222, 3));
}

TEST_CASE("what arrives while the driver has no buffer wakes the device once and not for ever") {
  const std::uint16_t port = free_udp_port();
  Wired wired({.forwards = {{.udp = true, .host_port = port, .guest_port = 7}}}, {.receive_buffers = 1});
  const process::OwnedFd socket(::socket(AF_INET, SOCK_DGRAM, 0));
  const sockaddr_in to = loopback(port);
  const auto settled = [&] {
    for (int n = 0; n < 50 && test::readable(wired.network.wake_fd(), 20); ++n)
      wired.net.transport.serve_all();
    return !test::readable(wired.network.wake_fd());
  };
  REQUIRE(wired.net.send(test::arp_frame(1, wired.own, wired.gateway)));  // its answer takes the only buffer
  for (int n = 0; n < 12; ++n) {
    const Bytes text = test::pattern(100, static_cast<unsigned>(n));
    REQUIRE(::sendto(socket.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                     sizeof(to)) == 100);
    CHECK(settled());
  }
  const auto got = wired.net.receive(12, test::is_udp);
  REQUIRE(got.size() == 12);
  for (unsigned n = 0; n < 12; ++n) CHECK(Bytes(got[n].begin() + 42, got[n].end()) == test::pattern(100, n));
  CHECK(wired.network.counters().overflowed == 0);
}

TEST_CASE("without a driver nothing wakes anybody") {
  const std::uint16_t port = free_udp_port();
  Wired wired({.restricted = true, .forwards = {{.udp = true, .host_port = port, .guest_port = 7}}});
  wired.net.driver.stop();
  const process::OwnedFd socket(::socket(AF_INET, SOCK_DGRAM, 0));
  const sockaddr_in to = loopback(port);
  const std::byte one{};
  REQUIRE(::sendto(socket.get(), &one, 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 1);
  CHECK_FALSE(test::readable(wired.network.wake_fd(), 50));
}

TEST_CASE("frames of nonsense do no harm") {
  Wired wired;
  for (unsigned bytes = 14; bytes < 400; ++bytes) {
    Bytes frame = test::pattern(bytes, bytes);
    if (bytes % 3 != 0) test::set16(frame, 12, bytes % 3 == 1 ? 0x0800 : 0x0806);
    REQUIRE(wired.net.send(frame));
  }
  REQUIRE(wired.net.send(test::arp_frame(1, wired.own, wired.gateway)));
  CHECK(wired.net.receive(1, [](const Bytes& f) { return test::is_arp(f, 2); }).size() == 1);
}

TEST_CASE("a port that is taken is named") {
  const std::uint16_t port = free_udp_port();
  const process::OwnedFd taken(::socket(AF_INET, SOCK_DGRAM, 0));
  const sockaddr_in own = loopback(port);
  REQUIRE(::bind(taken.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)) == 0);
  CHECK_THROWS_WITH_AS(UserNetwork({.forwards = {{.udp = true, .host_port = port, .guest_port = 7}}}),
                       doctest::Contains("is not possible: Address already in use"), std::runtime_error);
}
