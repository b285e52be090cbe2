// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A driver and a device that really run at the same time, with doorbells that really put them to sleep. Every
// request's bytes are checked on both sides. A doorbell that stays silent for seconds is a lost wake-up.
#pragma once

#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/chain_io.hpp>
#include <hawser/virtio/queue/spin.hpp>

#include "support/queue_rig.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace hawser::test {

/// One direction of telling.
class Doorbell {
 public:
  Doorbell() : fd_(eventfd(0, EFD_NONBLOCK)) {}
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell() { close(fd_); }

  void ring() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
  }
  /// kTimeout after ten seconds: nobody rang who should have.
  Wake wait() const {
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, 10'000) <= 0) return Wake::kTimeout;
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
    return Wake::kRung;
  }

 private:
  int fd_;
};

inline Instant steady_now() {
  return {static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                         std::chrono::steady_clock::now().time_since_epoch())
                                         .count())};
}

/// What both sides agree on. Request n carries n in its readable bytes and gets n + 1 back, in a shape that
/// depends on n.
struct PairPlan {
  virtio::Features features;
  std::uint16_t size = 8;
  std::uint64_t requests = 1000;
  virtio::AdaptiveSpin::Mode mode = virtio::AdaptiveSpin::Mode::kNever;
  const Doorbell* to_device = nullptr;
  const Doorbell* to_driver = nullptr;

  RigLayout layout() const {
    return RigLayout::of(size, virtio::ring_format(features), features.has(virtio::VIRTIO_F_INDIRECT_DESC));
  }
};

/// How a side ended.
enum class PairEnd : int {
  kGood = 0,
  kBroken = 1,
  kWrongBytes = 2,
  kLostWake = 3,
  kRunning = 4,
};

/// Steps until the side has ended, and sleeps while there is nothing to do.
template <class Side>
PairEnd run_pair(Side& side, const PairPlan& plan, const Doorbell& bell) {
  virtio::AdaptiveSpin spin(plan.mode);
  while (side.end == PairEnd::kRunning) {
    if (side.step()) continue;
    const Wake wake = virtio::spin_then_sleep(
        spin, Instant::never(), [&] { return side.step() || side.end != PairEnd::kRunning; },
        [&] { return side.queue.arm(); }, [&](Instant) { return bell.wait(); }, steady_now);
    side.queue.disarm();
    if (wake == Wake::kTimeout && side.end == PairEnd::kRunning) return PairEnd::kLostWake;
  }
  return side.end;
}

/// The driver. Buffers are of 64 bytes: the number at 0, room for the answer at 16 and 32.
struct PairDriver {
  PairDriver(RegionMemory region, const PairPlan& agreed)
      : plan(agreed),
        memory(region),
        slots(agreed.size),
        free(agreed.size, true),
        queue(virtio::AnyDriverQueue<RegionMemory>::make(memory, plan.layout().queue, plan.features, slots,
                                                         plan.layout().tables)
                  .value()) {}

  /// Adds and reaps what it can; whether anything moved.
  bool step() {
    bool added_some = false;
    for (unsigned n = 0; n < 5 && added < plan.requests && add(); ++n) added_some = true;
    if (added_some && queue.publish()) plan.to_device->ring();
    bool reaped_some = false;
    while (reap()) reaped_some = true;
    if (reaped == plan.requests && end == PairEnd::kRunning) end = PairEnd::kGood;
    return added_some || reaped_some;
  }

  bool add() {
    const auto place = static_cast<std::uint64_t>(std::find(free.begin(), free.end(), true) - free.begin());
    if (place == plan.size) return false;
    const Offset at = buffer(place);
    const std::array readable = {virtio::Segment{at, 8}};
    const std::array writable = {virtio::Segment{at + 16, 4}, virtio::Segment{at + 32, 4}};
    const std::size_t pieces = plan.size >= 3 ? added % 3 : 0;  // of the answer
    memory.area(at, 8, 8)->write(0, wire_bytes(le64{added}));
    if (!queue.try_add(readable, std::span(writable).first(pieces), virtio::Token{place << 48 | added}).ok())
      return false;
    free[place] = false;
    ++added;
    return true;
  }

  bool reap() {
    const auto done = queue.try_reap();
    if (!done.ok()) {
      if (done.error() == virtio::TakeError::kBroken) end = PairEnd::kBroken;
      return false;
    }
    const std::uint64_t place = done->token.value >> 48;
    const std::uint64_t number = done->token.value & 0xffff'ffff'ffff;
    const std::uint64_t pieces = plan.size >= 3 ? number % 3 : 0;
    bool right = done->written == 4 * pieces;
    le64 answer = 0;
    const auto bytes = std::as_writable_bytes(std::span(&answer, 1));
    for (std::uint64_t n = 0; n < pieces; ++n) {
      memory.area(buffer(place) + 16 + 16 * n, 4, 4)->read(0, bytes.subspan(4 * n, 4));
    }
    if (pieces == 1) right = right && answer == ((number + 1) & 0xffff'ffff);
    if (pieces == 2) right = right && answer == number + 1;
    if (!right) end = PairEnd::kWrongBytes;
    free[place] = true;
    ++reaped;
    return true;
  }

  Offset buffer(std::uint64_t place) const { return plan.layout().buffers + 64 * place; }

  PairPlan plan;
  RegionMemory memory;
  std::vector<virtio::DriverSlot> slots;
  std::vector<bool> free;
  virtio::AnyDriverQueue<RegionMemory> queue;
  std::uint64_t added = 0;
  std::uint64_t reaped = 0;
  PairEnd end = PairEnd::kRunning;
};

/// The device: takes up to two and completes them, the other way round where the order is free.
struct PairDevice {
  PairDevice(RegionMemory region, const PairPlan& agreed)
      : plan(agreed),
        memory(region),
        queue(
            virtio::AnyDeviceQueue<RegionMemory>::make(memory, plan.layout().queue, plan.features).value()) {}

  bool step() {
    std::array<std::array<virtio::Segment, 4>, 2> storage;
    std::array<virtio::Chain, 2> chains;
    std::array<std::uint32_t, 2> written{};
    std::size_t count = 0;
    for (; count < 2; ++count) {
      auto taken = queue.try_take(storage[count]);
      if (!taken.ok()) {
        if (taken.error() == virtio::TakeError::kBroken) end = PairEnd::kBroken;
        break;
      }
      virtio::ChainReader<RegionMemory> reader(memory, *taken);
      const auto number = reader.read_wire<le64>();
      if (!number.ok() || *number != next++) end = PairEnd::kWrongBytes;
      virtio::ChainWriter<RegionMemory> writer(memory, *taken);
      written[count] = static_cast<std::uint32_t>(*writer.write_some(wire_bytes(le64{next})));
      chains[count] = std::move(taken).value();
    }
    const bool in_order = plan.features.has(virtio::VIRTIO_F_IN_ORDER);
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t which = in_order ? n : count - 1 - n;
      queue.complete(std::move(chains[which]), written[which]);
    }
    if (count != 0 && queue.publish()) plan.to_driver->ring();
    if (next == plan.requests && end == PairEnd::kRunning) end = PairEnd::kGood;
    return count != 0;
  }

  PairPlan plan;
  RegionMemory memory;
  virtio::AnyDeviceQueue<RegionMemory> queue;
  std::uint64_t next = 0;
  PairEnd end = PairEnd::kRunning;
};

}  // namespace hawser::test
