// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Uses a network device, and finds out first what network it is. One that echoes (NetEcho): frames of many sizes, frames
// that leave checksum and segmentation to the device. One with a gateway (libslirp, a TAP): ARP and echo requests. Of
// any other nothing can be verified. And the control queue.
#pragma once

#include <hawser/app/gateway.hpp>
#include <hawser/app/pattern.hpp>
#include <hawser/app/use_device.hpp>

#include <hawser/virtio/driver/net.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace hawser::app {

template <ManagedLink L, Reporter R>
class UseNet : UseDevice<L, R> {
  using Base = UseDevice<L, R>;
  using Base::device_;
  using Base::fail;
  using Base::measured;
  using Base::session_;
  using typename Base::Device;
  using typename Base::Session;
  using Driver = virtio::driver::Net<Device>;

 public:
  UseNet(Session& session, Device& device, R& reporter, std::string_view name)
      : Base(session, device, reporter, name),
        driver_({.queue_features = session.options().queue_features}) {}
  ~UseNet() { driver_.stop(); }

  bool start() { return Base::started(driver_); }

  bool verify() {
    bool good = true;
    switch (find_network()) {
      case Network::kEchoes:
        good &= measured("echo-64", [&] { return exchange(2000, 64, 64, 16); });
        good &= measured(longest() == 1514 ? "echo-1514" : "echo-mtu",
                         [&] { return exchange(1000, longest(), longest(), 16); });
        good &= measured("echo-64-depth1", [&] { return exchange(200, 64, 64, 1); });
        good &= measured("echo-mixed", [&] { return exchange(500, kSmallest, longest(), 8); });
        if (driver_.send_offloads().tso4 && driver_.receive_offloads().tso4) {
          good &= measured("echo-tso", [&] { return segmented(64); });
        }
        break;
      case Network::kHasGateway:
        good &= measured("arp", [&] { return find_gateway(16); });
        good &= measured("ping", [&] { return ping(200); });
        break;
      case Network::kUnknown:
        good = fail("network", driver_.link_up() ? kNobody : "the device says that its network is down");
        break;
    }
    if (driver_.negotiated().has(virtio::VIRTIO_NET_F_CTRL_VQ)) {
      good &= measured("control", [&] { return control(); });
    }
    return good;
  }

  bool soak(Instant until) {
    return measured("soak", [&] {
      Totals totals;
      const Network network = find_network();
      if (network == Network::kUnknown) return Totals::bad(kNobody);
      while (totals.good && session_.now() < until) {
        totals.add(network == Network::kEchoes ? exchange(200, kSmallest, longest(), 8) : ping(50));
      }
      return totals;
    });
  }

 private:
  static constexpr std::size_t kHeader = virtio::kEthernetHeader;
  static constexpr std::size_t kSmallest = 60;
  static constexpr std::uint16_t kExperimental = 0x88b5;  ///< IEEE Std 802 local experimental EtherType 1.
  static constexpr Duration kLost = milliseconds(300);    ///< A frame that is not back by then is sent again.

  static constexpr std::string_view kNobody =
      "the test frame did not come back, and 10.0.2.2 answered neither ARP nor an echo request from "
      "10.0.2.15";

  enum class Network : std::uint8_t {
    kUnknown,
    kEchoes,
    kHasGateway,
  };

  using Frame = std::array<std::byte, virtio::kMaxFrame>;

  static void put16(std::byte* to, std::uint16_t value) {
    to[0] = static_cast<std::byte>(value >> 8);
    to[1] = static_cast<std::byte>(value);
  }

  /// The longest frame that this network carries, as far as this test goes.
  std::size_t longest() const { return std::min<std::size_t>(1514, driver_.mtu() + kHeader); }

  bool send(std::size_t bytes) {
    const std::span<const std::byte> frame(out_.data(), bytes);
    return driver_.send(0, {}, std::span(&frame, 1)).ok();
  }
  std::span<const std::byte> received(std::size_t bytes) const { return std::span(in_).first(bytes); }

  /// Sends a frame that an echo sends back, and after a while also asks for a gateway; the first to answer decides.
  Network find_network() {
    constexpr Duration kEnough = seconds(3);
    gateway_ = Gateway(driver_.mac());
    const Instant begin = session_.now();
    Instant sent{};
    while (!Base::late(begin + kEnough)) {
      const Instant now = session_.now();
      if (sent.ns == 0 || elapsed(sent, now) > kLost) {
        const bool again = sent.ns != 0;
        const std::size_t bytes = make(sequence_, 64).size();
        if (send(bytes)) sent = now;
        if (again) (void)send(gateway_.ask(out_));
      }
      const auto got = driver_.receive(0, in_);
      if (!got.ok()) {
        wait();
        continue;
      }
      if (got->bytes == 64 && came_back(sequence_, 64, 64)) {
        ++sequence_;
        return Network::kEchoes;
      }
      if (gateway_.hears(received(got->bytes))) return Network::kHasGateway;
    }
    return Network::kUnknown;
  }

  /// Sends what `prepare` writes to out_, again when it seems lost, until `expected` accepts a frame. Answers who asks
  /// for our address meanwhile.
  template <class Prepare, class Expected>
  bool ask(Prepare prepare, Expected expected) {
    const Instant until = session_.now() + Base::patience();
    Instant sent{};
    while (!Base::late(until)) {
      const Instant now = session_.now();
      if (sent.ns == 0 || elapsed(sent, now) > kLost) {
        if (send(prepare())) sent = now;
      }
      const auto got = driver_.receive(0, in_);
      if (!got.ok()) {
        wait();
        continue;
      }
      if (expected(received(got->bytes))) return true;
      const std::size_t answer = gateway_.answer(received(got->bytes), out_);
      if (answer != 0) (void)send(answer);
    }
    return false;
  }

  Totals find_gateway(unsigned count) {
    Totals totals;
    for (unsigned n = 0; n < count; ++n) {
      const auto heard = [&](std::span<const std::byte> frame) { return gateway_.hears(frame); };
      if (!ask([&] { return gateway_.ask(out_); }, heard)) return Totals::bad("10.0.2.2 did not answer ARP");
      totals.bytes += kSmallest;
      ++totals.operations;
    }
    return totals;
  }

  /// Echo requests of all sizes, one at a time, each with bytes of its own.
  Totals ping(unsigned count) {
    Totals totals;
    for (unsigned n = 0; n < count; ++n) {
      const auto number = static_cast<std::uint16_t>(sequence_++);
      const std::size_t bytes = size_of(number, kSmallest, longest());
      const auto prepare = [&] {
        const auto frame = std::span(out_).first(bytes);
        Pattern(number).fill(frame.subspan(Gateway::kPingHeaders), 0);
        gateway_.ping(frame, number);
        return bytes;
      };
      bool changed = false;
      const bool answered = ask(prepare, [&](std::span<const std::byte> frame) {
        if (Gateway::pong(frame) != number) return false;
        changed = frame.size() != bytes ||
                  Pattern(number).first_difference(frame.subspan(Gateway::kPingHeaders), 0).has_value();
        return true;
      });
      if (!answered) return Totals::bad("10.0.2.2 did not answer an echo request");
      if (changed) return Totals::bad("an echo request came back changed");
      totals.bytes += bytes;
      ++totals.operations;
    }
    return totals;
  }

  /// Frame `number` of this run: addressed away from us, its payload a function of the number.
  std::span<const std::byte> make(std::uint64_t number, std::size_t bytes) {
    constexpr virtio::Mac kFar = {0x02, 0, 0, 0, 0, 0x77};
    std::memcpy(out_.data(), kFar.data(), 6);
    std::memcpy(out_.data() + 6, driver_.mac().data(), 6);
    put16(out_.data() + 12, kExperimental);
    std::memcpy(out_.data() + kHeader, &number, 8);
    Pattern(number).fill(std::span(out_).subspan(kHeader + 8, bytes - kHeader - 8), 0);
    return std::span(out_).first(bytes);
  }

  std::size_t size_of(std::uint64_t number, std::size_t smallest, std::size_t largest) const {
    return smallest + static_cast<std::size_t>(Pattern(7).word(number) % (largest - smallest + 1));
  }

  /// Sends `count` frames, `window` of them under way at a time, and expects each back as it was. Lost ones are sent again:
  /// a network may lose frames, most of all when its device restarts.
  Totals exchange(std::uint64_t count, std::size_t smallest, std::size_t largest, unsigned window) {
    Totals totals;
    const std::uint64_t first = sequence_;
    sequence_ += count;
    std::uint64_t sent = 0, back = 0;
    std::array<bool, 64> arrived{};
    std::uint64_t oldest = 0;  // every frame before it is back
    Instant progress = session_.now();
    Instant last_sent = progress;
    const auto send = [&](std::uint64_t n, bool more) {
      const auto frame = make(first + n, size_of(first + n, smallest, largest));
      return driver_.send(0, {}, std::span(&frame, 1), more).ok();
    };
    while (back < count && totals.good) {
      while (sent < count && sent - oldest < window) {
        if (!send(sent, sent + 1 < count && sent + 1 - oldest < window)) break;
        arrived[sent % 64] = false;
        ++sent;
        last_sent = session_.now();
      }
      bool something = false;
      while (true) {
        const auto got = driver_.receive(0, in_);
        if (!got.ok()) break;
        something = true;
        std::uint64_t number = 0;
        if (got->bytes >= kHeader + 8) std::memcpy(&number, in_.data() + kHeader, 8);
        if (number < first + oldest || number >= first + sent || arrived[(number - first) % 64])
          continue;  // a late double
        if (!came_back(number, got->bytes, size_of(number, smallest, largest))) {
          totals = Totals::bad("a frame came back changed");
          break;
        }
        arrived[(number - first) % 64] = true;
        ++back;
        totals.bytes += got->bytes;
        ++totals.operations;
        while (oldest < sent && arrived[oldest % 64]) ++oldest;
      }
      const Instant now = session_.now();
      if (something) {
        progress = now;
        continue;
      }
      if (elapsed(progress, now) > Base::patience()) return Totals::bad("frames did not come back");
      if (elapsed(last_sent, now) > kLost && elapsed(progress, now) > kLost) {
        for (std::uint64_t n = oldest; n < sent; ++n) {
          if (!arrived[n % 64]) (void)send(n, false);
        }
        last_sent = now;
      }
      wait();
    }
    return totals;
  }

  bool came_back(std::uint64_t number, std::size_t got, std::size_t expected) {
    const auto frame = make(number, expected);
    if (got != expected) return false;
    return std::memcmp(in_.data(), frame.data() + 6, 6) == 0 &&
           std::memcmp(in_.data() + 6, frame.data(), 6) == 0 &&
           std::memcmp(in_.data() + 12, frame.data() + 12, expected - 12) == 0;
  }

  /// TCP segments of 32 KiB that leave checksum and cutting to the device: they come back whole, as negotiated.
  Totals segmented(unsigned count) {
    constexpr std::size_t kIp = 20, kTcp = 20, kPayload = 32 * 1024;
    constexpr std::size_t kBytes = kHeader + kIp + kTcp + kPayload;
    Totals totals;
    for (unsigned n = 0; n < count && totals.good; ++n) {
      const std::uint64_t number = sequence_++;
      (void)make(number, kBytes);
      put16(out_.data() + 12, 0x0800);
      std::byte* ip = out_.data() + kHeader;
      std::memset(ip, 0, kIp + kTcp);
      ip[0] = std::byte{0x45};
      put16(ip + 2, kIp + kTcp + kPayload);
      ip[8] = std::byte{64};
      ip[9] = std::byte{6};
      put16(ip + 12, 0x0a00);
      put16(ip + 16, 0x0a00);
      std::byte* tcp = ip + kIp;
      tcp[12] = std::byte{0x50};
      std::memcpy(tcp + 4, &number, 4);
      const virtio::NetHeader header{.needs_checksum = true,
                                     .segmentation = virtio::Segmentation::kTcp4,
                                     .header_bytes = kHeader + kIp + kTcp,
                                     .segment_bytes = 1460,
                                     .checksum_start = kHeader + kIp,
                                     .checksum_offset = 16};
      const std::span<const std::byte> frame(out_.data(), kBytes);
      Instant sent{};
      const Instant until = session_.now() + Base::patience();
      while (true) {
        const Instant now = session_.now();
        if (Base::late(until)) return Totals::bad("a segmented frame did not come back");
        if ((sent.ns == 0 || elapsed(sent, now) > kLost) &&
            driver_.send(0, header, std::span(&frame, 1)).ok())
          sent = now;
        const auto got = driver_.receive(0, in_);
        if (!got.ok()) {
          wait();
          continue;
        }
        if (got->bytes != kBytes || std::memcmp(in_.data() + kHeader + kIp + 4, &number, 4) != 0)
          continue;  // an older one
        if (std::memcmp(in_.data() + 12, out_.data() + 12, kBytes - 12) != 0)
          return Totals::bad("a frame came back changed");
        if (got->header.segmentation != header.segmentation ||
            got->header.segment_bytes != header.segment_bytes || !got->header.needs_checksum ||
            got->header.checksum_start != header.checksum_start) {
          return Totals::bad("what was left undone came back as something else");
        }
        totals.bytes += got->bytes;
        ++totals.operations;
        break;
      }
    }
    return totals;
  }

  Totals control() {
    Totals totals{.bytes = 0, .operations = 2};
    if (!driver_.set_promiscuous(true).ok() || !driver_.set_promiscuous(false).ok()) {
      totals = Totals::bad("a command was refused or not answered");
    }
    return totals;
  }

  void wait() {
    if (Base::healthy() && driver_.started() && !driver_.broken()) {
      if (!driver_.prepare_to_wait()) session_.wait(device_);
      return;
    }
    driver_.suspend();
    if (session_.recover(device_).ok()) (void)driver_.resume(device_);
  }

  Driver driver_;
  std::uint64_t sequence_ = 1;
  Gateway gateway_{virtio::Mac{}};
  Frame out_;
  Frame in_;
};

}  // namespace hawser::app
