// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// As much IPv4 as it takes to ask the gateway of a small network whether it is there: ARP (RFC 826) and echo
// requests (RFC 792), from a fixed address. libslirp's gateway answers both without any network outside; so does
// whoever gives a TAP interface the gateway's address.
#pragma once

#include <hawser/virtio/device/net_checksum.hpp>
#include <hawser/virtio/net_offload.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace hawser::app {

class Gateway {
 public:
  using Ip = std::array<std::uint8_t, 4>;
  static constexpr Ip kOwn{10, 0, 2, 15};
  static constexpr Ip kGateway{10, 0, 2, 2};
  static constexpr std::size_t kPingHeaders = 14 + 20 + 8;

  explicit Gateway(const virtio::Mac& own) : own_(own) {}

  bool known() const { return mac_.has_value(); }

  /// Who has the gateway's address? Into `frame`; how long it is.
  std::size_t ask(std::span<std::byte> frame) const {
    return arp(frame, kRequest, virtio::Mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {}, kGateway);
  }

  /// Notices an answer to ask(). True: this frame is one.
  bool hears(std::span<const std::byte> frame) {
    if (!is_arp(frame, kReply) || !is(frame, 28, kGateway) || !is(frame, 38, kOwn)) return false;
    virtio::Mac mac{};
    std::memcpy(mac.data(), frame.data() + 22, mac.size());
    mac_ = mac;
    return true;
  }

  /// The answer to somebody who asks who we are, or zero.
  std::size_t answer(std::span<const std::byte> question, std::span<std::byte> frame) const {
    if (!is_arp(question, kRequest) || !is(question, 38, kOwn)) return 0;
    virtio::Mac mac{};
    Ip ip{};
    std::memcpy(mac.data(), question.data() + 22, mac.size());
    std::memcpy(ip.data(), question.data() + 28, ip.size());
    return arp(frame, kReply, mac, mac, ip);
  }

  /// Puts the headers of echo request `number` before the payload, which begins at kPingHeaders.
  void ping(std::span<std::byte> frame, std::uint16_t number) const {
    ethernet(frame, mac_.value_or(virtio::Mac{}), 0x0800);
    std::memset(frame.data() + 14, 0, 28);
    put8(frame, 14, 0x45);
    put16(frame, 16, static_cast<std::uint16_t>(frame.size() - 14));
    put16(frame, 20, 0x4000);  // don't cut
    put8(frame, 22, 64);
    put8(frame, 23, 1);  // ICMP
    put(frame, 26, kOwn);
    put(frame, 30, kGateway);
    (void)virtio::finish_checksum(frame.first(34), 14, 10);
    put8(frame, 34, 8);  // echo
    put16(frame, 38, kIdentifier);
    put16(frame, 40, number);
    (void)virtio::finish_checksum(frame, 34, 2);
  }

  /// The number of the echo request that this frame answers. Its payload begins at kPingHeaders.
  static std::optional<std::uint16_t> pong(std::span<const std::byte> frame) {
    if (frame.size() < kPingHeaders || at16(frame, 12) != 0x0800 || at8(frame, 14) != 0x45 ||
        at8(frame, 23) != 1 || !is(frame, 26, kGateway) || !is(frame, 30, kOwn) || at16(frame, 34) != 0 ||
        at16(frame, 38) != kIdentifier) {
      return std::nullopt;
    }
    return at16(frame, 40);
  }

 private:
  static constexpr std::uint16_t kRequest = 1, kReply = 2;
  static constexpr std::uint16_t kIdentifier = 0x4857;
  static constexpr std::size_t kArpBytes = 60;  ///< With padding to the least that Ethernet carries.

  static void put8(std::span<std::byte> frame, std::size_t at, unsigned value) {
    frame[at] = static_cast<std::byte>(value);
  }
  static void put16(std::span<std::byte> frame, std::size_t at, std::uint16_t value) {
    put8(frame, at, value >> 8);
    put8(frame, at + 1, value & 0xff);
  }
  template <std::size_t n>
  static void put(std::span<std::byte> frame, std::size_t at, const std::array<std::uint8_t, n>& bytes) {
    std::memcpy(frame.data() + at, bytes.data(), n);
  }
  static unsigned at8(std::span<const std::byte> frame, std::size_t at) {
    return std::to_integer<unsigned>(frame[at]);
  }
  static std::uint16_t at16(std::span<const std::byte> frame, std::size_t at) {
    return static_cast<std::uint16_t>(at8(frame, at) << 8 | at8(frame, at + 1));
  }
  static bool is(std::span<const std::byte> frame, std::size_t at, const Ip& ip) {
    return std::memcmp(frame.data() + at, ip.data(), ip.size()) == 0;
  }

  void ethernet(std::span<std::byte> frame, const virtio::Mac& to, std::uint16_t type) const {
    put(frame, 0, to);
    put(frame, 6, own_);
    put16(frame, 12, type);
  }
  static bool is_arp(std::span<const std::byte> frame, std::uint16_t operation) {
    return frame.size() >= 42 && at16(frame, 12) == 0x0806 && at16(frame, 14) == 1 &&
           at16(frame, 16) == 0x0800 && at16(frame, 18) == 0x0604 && at16(frame, 20) == operation;
  }
  std::size_t arp(std::span<std::byte> frame, std::uint16_t operation, const virtio::Mac& to,
                  const virtio::Mac& about, const Ip& ip) const {
    std::memset(frame.data(), 0, kArpBytes);
    ethernet(frame, to, 0x0806);
    put16(frame, 14, 1);
    put16(frame, 16, 0x0800);
    put16(frame, 18, 0x0604);
    put16(frame, 20, operation);
    put(frame, 22, own_);
    put(frame, 28, kOwn);
    put(frame, 32, about);
    put(frame, 38, ip);
    return kArpBytes;
  }

  virtio::Mac own_;
  std::optional<virtio::Mac> mac_;
};

}  // namespace hawser::app
