// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Reads and writes at one depth for a while. Every request's first and last word are its own and are checked; every byte
// of the disk is, before reads and after writes.
#pragma once

#include "point.hpp"
#include "polling.hpp"

#include <hawser/app/driver_session.hpp>
#include <hawser/app/pattern.hpp>
#include <hawser/virtio/driver/blk.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser::bench {

template <ManagedLink L>
class Disk {
  using Session = app::DriverSession<L>;
  using Device = typename Session::Device;
  using Driver = virtio::driver::Blk<Device>;
  using Request = virtio::driver::BlkRequest;

 public:
  static constexpr std::uint32_t kMostAtOnce = 64;
  using Storage = virtio::driver::BlkRoom<typename L::MemoryType, kMostAtOnce, kMostAtOnce, 1, 256>;

  /// `polled`: look until something is there, never sleep, never ask to be told.
  Disk(Session& session, Device& device, Storage& storage, bool polled)
      : session_(session), device_(device), driver_(storage), polled_(polled) {}
  ~Disk() { driver_.stop(); }

  bool start() {
    // A request takes one place of the ring, so that all fit.
    device_.use_indirect_tables(4);
    return driver_.start(device_).ok();
  }

  /// `around(work)`: calls work(), and counts what it costs.
  template <class Around>
  void measure(const Point& point, Duration each, Measured& got, Around&& around) {
    point_ = point;
    const bool writes = point.operation == "write";
    const std::uint64_t room = driver_.capacity() * virtio::kSectorBytes;
    places_ = std::min<std::uint64_t>(room / point.bytes, point.bytes < kLarge ? 512 : kRoom / point.bytes);
    if (point.bytes % virtio::kSectorBytes != 0 || places_ < point.depth || point.depth > kMostAtOnce) {
      got.wrong = "the disk cannot do that";
      return;
    }
    // What does not count is done many at a time, whatever the depth.
    buffer_count_ = std::max(point.depth, std::min(kMostAtOnce, kRoom / point.bytes));
    for (std::uint32_t n = 0; n < buffer_count_; ++n) {
      const auto at = session_.arena().allocate(point.bytes);
      if (!at) {
        got.wrong = "no room for the buffers";
        return;  // this boot's last words
      }
      buffers_[n] = *at;
      app::Pattern(kInside).fill(bytes(n), 0);
    }
    const auto all = [&](bool write) {
      Measured unused;
      pipeline(write, places_, {}, true, unused);
      if (got.wrong == nullptr) got.wrong = unused.wrong;
      return got.wrong == nullptr;
    };
    last_ = 0;
    if (all(true) && all(false)) {
      around([&] { pipeline(writes, 1, each, false, got); });
      if (got.wrong == nullptr && writes) (void)all(false);
    }
    for (std::uint32_t n = 0; n < buffer_count_; ++n) session_.arena().release(buffers_[n], point.bytes);
  }

 private:
  static constexpr std::uint64_t kInside = 0x6861777365726265;
  static constexpr std::uint32_t kRoom = 8 << 20;  ///< For buffers, and of the disk to use.
  static constexpr std::uint32_t kLarge = 16 << 10;

  /// The words that request `number` puts first and last, and that a read expects there.
  static std::uint64_t mark(std::uint64_t number) { return app::Pattern(number).word(0); }

  void stamp(std::uint32_t slot, std::uint64_t number) {
    const auto all = bytes(slot);
    const std::uint64_t first = mark(number), last = ~first;
    std::memcpy(all.data(), &first, 8);
    std::memcpy(all.data() + all.size() - 8, &last, 8);
  }
  bool stamped(std::uint32_t slot, std::uint64_t number) const {
    const auto all = bytes(slot);
    std::uint64_t first = 0, last = 0;
    std::memcpy(&first, all.data(), 8);
    std::memcpy(&last, all.data() + all.size() - 8, 8);
    return first == mark(number) && last == ~first;
  }

  /// The number of the write that was the last one at this place, all writes so far being numbered from 0.
  std::uint64_t writer(std::uint64_t place) const {
    const std::uint64_t end = last_;
    return place + (end - 1 - place) / places_ * places_;
  }

  /// Until `least` have ended and `time` has passed. `whole`: every byte that was read is compared, as many at a time as
  /// there are buffers.
  void pipeline(bool write, std::uint64_t least, Duration time, bool whole, Measured& got) {
    const std::uint32_t depth = whole ? buffer_count_ : point_.depth;
    got.count = 0;
    std::array<std::uint64_t, kMostAtOnce> numbers{};
    std::array<std::uint32_t, kMostAtOnce> free{};
    std::uint32_t free_count = depth;
    for (std::uint32_t n = 0; n < depth; ++n) free[n] = n;
    // Writes go round the disk without a gap, also from one call to the next.
    std::uint64_t next = write ? last_ : 0;
    const Instant start = session_.now();
    Instant now = start, began = start, news = start;
    bool enough = false;
    while (!enough || free_count != depth) {
      while (!enough && free_count != 0) {
        const std::uint32_t slot = free[free_count - 1];
        const std::uint64_t place = next % places_;
        const std::uint64_t sector = place * point_.bytes / virtio::kSectorBytes;
        if (write) stamp(slot, next);
        numbers[slot] = write ? next : place;
        const auto token = virtio::Token{slot};
        const auto accepted =
            driver_.submit(write ? Request::write(sector, buffers_[slot], point_.bytes, token)
                                 : Request::read(sector, buffers_[slot], point_.bytes, token),
                           free_count > 1);
        if (!accepted.ok()) {
          got.wrong = describe(accepted.error());
          return;
        }
        --free_count;
        ++next;
      }
      driver_.poll();
      bool something = false;
      while (const auto done = driver_.take()) {
        something = true;
        const auto slot = static_cast<std::uint32_t>(done->token.value);
        if (!done->result.ok()) {
          got.wrong = describe(done->result.error());
          return;
        }
        if (!write && !right(slot, numbers[slot], whole)) {
          got.wrong = "bytes read are not those written";
          return;
        }
        free[free_count++] = slot;
        ++got.count;
      }
      now = session_.now();
      if (something) {
        if (depth == 1) got.add(elapsed(began, now).ns);
        began = news = now;
        enough = got.count >= least && elapsed(start, now) >= time;
        continue;
      }
      if (elapsed(news, now) > kPatience || driver_.state() != Driver::State::kRunning) {
        got.wrong = "requests did not end in time";
        return;
      }
      if (polled_) {
        look(session_, alive_, now);
      } else {
        (void)driver_.wait(now + kPollInterval);
      }
    }
    got.ns = elapsed(start, now).ns;
    if (write) last_ = next;
  }

  bool right(std::uint32_t slot, std::uint64_t place, bool whole) {
    if (!stamped(slot, writer(place))) return false;
    const auto inside = bytes(slot).subspan(8, point_.bytes - 16);
    return !whole || !app::Pattern(kInside).first_difference(inside, 1);
  }

  std::span<std::byte> bytes(std::uint32_t slot) const {
    return session_.link().region().area(buffers_[slot], point_.bytes, 1).value().bytes();
  }

  Session& session_;
  Device& device_;
  Driver driver_;
  const bool polled_;
  Instant alive_;
  Point point_;
  std::uint64_t places_ = 0;
  std::uint64_t last_ = 0;  ///< Writes so far.
  std::uint32_t buffer_count_ = 0;
  std::array<Offset, kMostAtOnce> buffers_{};
};

}  // namespace hawser::bench
