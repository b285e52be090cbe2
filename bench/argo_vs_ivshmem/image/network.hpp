// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Frames out to a network that echoes, and back: so many under way for a while. Each is checked by length, number and
// last word as it comes; those before and after the time that counts, byte by byte.
#pragma once

#include "point.hpp"
#include "polling.hpp"

#include <hawser/app/driver_session.hpp>
#include <hawser/app/pattern.hpp>
#include <hawser/virtio/driver/net.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser::bench {

template <ManagedLink L>
class Network {
  using Session = app::DriverSession<L>;
  using Device = typename Session::Device;
  using Driver = virtio::driver::Net<Device>;

 public:
  static constexpr std::uint32_t kMostAtOnce = 32;

  Network(Session& session, Device& device, bool polled)
      : session_(session), device_(device), polled_(polled) {}
  ~Network() { driver_.stop(); }

  bool start() { return driver_.start(device_).ok(); }

  template <class Around>
  void measure(const Point& point, Duration each, Measured& got, Around&& around) {
    if (point.bytes < virtio::kEthernetHeader + 16 || point.bytes > virtio::kMaxFrame ||
        point.depth > kMostAtOnce) {
      got.wrong = "a frame cannot be that long, or so many under way";
      return;
    }
    point_ = point;
    make();
    Measured scratch;
    exchange(2 * point.depth, {}, true, scratch);
    got.wrong = scratch.wrong;
    if (got.wrong != nullptr) return;
    around([&] { exchange(1, each, false, got); });
    if (got.wrong != nullptr) return;
    exchange(2 * point.depth, {}, true, scratch);
    got.wrong = scratch.wrong;
  }

 private:
  static constexpr std::size_t kTcpHeaders = virtio::kEthernetHeader + 20 + 20;
  static constexpr std::size_t kLongest = 1514;

  static void put16(std::byte* at, std::size_t value) {
    at[0] = static_cast<std::byte>(value >> 8 & 0xff);
    at[1] = static_cast<std::byte>(value & 0xff);
  }

  /// One that is longer than the network carries is a TCP segment to be cut by whoever has to: nobody here.
  void make() {
    constexpr virtio::Mac kFar = {0x02, 0, 0, 0, 0, 0x77};
    const auto frame = std::span(out_).first(point_.bytes);
    const bool segmented = point_.bytes > kLongest;
    payload_ = segmented ? kTcpHeaders : virtio::kEthernetHeader;
    std::memset(frame.data(), 0, payload_);
    std::memcpy(frame.data(), kFar.data(), 6);
    std::memcpy(frame.data() + 6, driver_.mac().data(), 6);
    app::Pattern(kInside).fill(frame.subspan(payload_), 0);
    put16(frame.data() + 12, 0x88b5);  // IEEE Std 802 local experimental EtherType 1
    header_ = {};
    if (!segmented) return;
    put16(frame.data() + 12, 0x0800);
    std::byte* const ip = frame.data() + virtio::kEthernetHeader;
    ip[0] = std::byte{0x45};
    put16(ip + 2, point_.bytes - virtio::kEthernetHeader);
    ip[8] = std::byte{64};
    ip[9] = std::byte{6};
    ip[20 + 12] = std::byte{0x50};
    header_ = {.needs_checksum = true,
               .segmentation = virtio::Segmentation::kTcp4,
               .header_bytes = kTcpHeaders,
               .segment_bytes = 1460,
               .checksum_start = virtio::kEthernetHeader + 20,
               .checksum_offset = 16};
  }

  void stamp(std::uint64_t number) {
    std::memcpy(out_.data() + payload_, &number, 8);
    number = ~number;
    std::memcpy(out_.data() + point_.bytes - 8, &number, 8);
  }

  /// Frames come back in the order in which they went.
  bool right(std::uint64_t number, std::size_t bytes, bool whole) const {
    if (bytes != point_.bytes) return false;
    std::uint64_t first = 0, last = 0;
    std::memcpy(&first, in_.data() + payload_, 8);
    std::memcpy(&last, in_.data() + bytes - 8, 8);
    if (first != number || last != ~number) return false;
    return !whole ||
           (std::memcmp(in_.data(), out_.data() + 6, 6) == 0 &&
            std::memcmp(in_.data() + 6, out_.data(), 6) == 0 &&
            std::memcmp(in_.data() + 12, out_.data() + 12, payload_ - 12) == 0 &&
            std::memcmp(in_.data() + payload_ + 8, out_.data() + payload_ + 8, bytes - payload_ - 16) == 0);
  }

  void exchange(std::uint64_t least, Duration time, bool whole, Measured& got) {
    got.count = 0;
    const std::uint64_t first = number_;
    std::uint64_t back = number_;
    const Instant start = session_.now();
    Instant now = start, began = start, news = start;
    bool enough = false;
    while (!enough || back != number_) {
      while (!enough && number_ - back < point_.depth) {
        stamp(number_);
        const std::span<const std::byte> frame(out_.data(), point_.bytes);
        // The last of a batch tells of all.
        if (!driver_.send(0, header_, std::span(&frame, 1), number_ + 1 - back < point_.depth).ok()) break;
        ++number_;
      }
      bool something = false;
      while (back != number_) {
        const auto frame = driver_.receive(0, in_);
        if (!frame.ok()) break;
        something = true;
        if (!right(back, frame->bytes, whole)) {
          got.wrong = "a frame came back changed, or not in its turn";
          return;
        }
        ++back;
      }
      now = session_.now();
      if (something) {
        if (point_.depth == 1) got.add(elapsed(began, now).ns);
        began = news = now;
        enough = back - first >= least && elapsed(start, now) >= time;
        continue;
      }
      if (elapsed(news, now) > kPatience || driver_.broken()) {
        got.wrong = "frames did not come back";
        return;
      }
      if (polled_) {
        look(session_, alive_, now);
      } else if (!driver_.prepare_to_wait()) {
        (void)device_.wait(now + kPollInterval);
      }
    }
    got.count = back - first;
    got.ns = elapsed(start, now).ns;
  }

  static constexpr std::uint64_t kInside = 0x6861777365726e65;

  Session& session_;
  Device& device_;
  Driver driver_;
  const bool polled_;
  Point point_;
  Instant alive_;
  virtio::NetHeader header_;
  std::size_t payload_ = 0;  ///< Where it begins in a frame.
  std::uint64_t number_ = 0;
  std::array<std::byte, virtio::kMaxFrame> out_{};
  std::array<std::byte, virtio::kMaxFrame> in_{};
};

}  // namespace hawser::bench
