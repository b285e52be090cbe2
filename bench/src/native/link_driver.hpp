// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver side of a rig.
#pragma once

#include "link_process.hpp"
#include "link_rigs.hpp"

#include <hawser/virtio/msg/driver_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace hawser::bench {

template <Link L>
class LinkDriver {
 public:
  LinkDriver(L& link, LinkControl& control, const RigOptions& options)
      : link_(link),
        control_(control),
        options_(options),
        bus_(link),
        bitmap_(virtio::Arena::bitmap_words(link.region().size())),
        arena_(Offset(0), link.region().size(), bitmap_),
        slots_(options.queue_size) {}

  void wait_up() {
    if (!bus_.wait_up(link_.now() + seconds(10)).ok())
      throw std::runtime_error("the link did not come up in 10 s");
  }

  Run run(const LinkRun& run, unsigned units, Histogram* single, const std::function<double()>& hypercalls) {
    if (const char* wrong = prepare(run)) return broken(wrong);
    const Pinned pinned(options_.cores.measuring);
    control_.waiting.store(static_cast<std::uint32_t>(run.waiting), std::memory_order_relaxed);
    // Both sides wait as they will from now on.
    Requests warm{*this, run, std::min(units, 64u / run.batch * run.batch), nullptr};
    if (!warm.go()) return broken(warm.why());
    const int there = control_.thread.load();
    const LinkCounters before = link_.counters();
    const auto bells = control_.doorbells.load(), wakes = control_.wakes.load();
    const double calls = hypercalls ? hypercalls() : 0;
    const long own_preemptions = preemptions();
    const std::uint64_t their_preemptions = preemptions_of(there);
    Requests all{*this, run, units, single};
    const std::uint64_t start = clock_ns();
    if (!all.go()) return broken(all.why());
    Run result;
    result.ns = static_cast<double>(clock_ns() - start);
    result.disturbed =
        !options_.crowded && (preemptions() != own_preemptions || preemptions_of(there) != their_preemptions);
    const LinkCounters after = link_.counters();
    result.counts["doorbells"] =
        static_cast<double>(after.doorbells - before.doorbells + control_.doorbells.load() - bells);
    result.counts["interrupts"] =
        static_cast<double>(after.wakes - before.wakes + control_.wakes.load() - wakes);
    if (hypercalls) result.counts["hypercalls"] = hypercalls() - calls;
    control_.waiting.store(static_cast<std::uint32_t>(Waiting::kNever), std::memory_order_relaxed);
    return result;
  }

 private:
  static constexpr std::uint32_t kStatus = 16;

  /// What is still in flight is forgotten with the queue: the next run starts a new one.
  Run broken(const char* why) {
    packed_.reset();
    return {.broken = why};
  }

  /// The queue in that format, and buffers. A sentence where that did not work.
  const char* prepare(const LinkRun& run) {
    bus_.pump();
    if (!bus_.up() && !bus_.wait_up(link_.now() + seconds(5)).ok()) return "the link went down";
    const std::size_t place = (run.payload + kStatus + 63) / 64 * 64 + 64;
    if (place * run.outstanding != buffer_bytes_) {
      if (buffer_bytes_ != 0) arena_.release(buffers_, buffer_bytes_);
      buffer_bytes_ = 0;
      const auto at = arena_.allocate(place * run.outstanding);
      if (!at) return "the window has no room for so many and so large requests";
      buffers_ = *at;
      buffer_bytes_ = place * run.outstanding;
      from_.assign(std::max(from_.size(), run.payload), std::byte{0x5a});
    }
    place_ = place;
    if (packed_ == run.packed && device_->in_session()) return nullptr;
    queue_ = {};
    packed_.reset();
    if (!device_) device_.emplace(bus_, std::uint16_t{0}, arena_);
    virtio::Features wanted = virtio::kQueueFeatures;
    wanted.set(virtio::VIRTIO_F_RING_PACKED, run.packed);
    if (!device_->negotiate(wanted).ok()) return "the device did not take the features";
    auto queue = device_->start_queue(0, options_.queue_size, slots_);
    if (!queue.ok() || !device_->start().ok()) return "the device did not start";
    queue_ = std::move(*queue);
    queue_.disarm();
    packed_ = run.packed;
    return nullptr;
  }

  /// One run's requests, from the first to the last.
  class Requests {
   public:
    Requests(LinkDriver& rig, const LinkRun& run, unsigned units, Histogram* single)
        : rig_(rig), run_(run), units_(units), single_(single), spin_(run.waiting) {
      if (single != nullptr) started_.resize(run.outstanding);
    }

    bool go() {
      const Instant patience = rig_.link_.now() + seconds(20);
      while (why_ == nullptr && reaped_ < units_) {
        const bool room = may_add();
        if (room) add();
        if (!reap() && !may_add() && !wait()) why_ = "requests did not come back";
        if (why_ == nullptr && (++turns_ & 0xfff) == 0 && rig_.link_.now() > patience)
          why_ = "requests came back too slowly";
      }
      return why_ == nullptr;
    }
    const char* why() const { return why_; }

   private:
    bool may_add() const {
      return added_ < units_ &&
             added_ - reaped_ + std::min<unsigned>(run_.batch, units_ - added_) <= run_.outstanding;
    }

    void add() {
      const unsigned now = std::min<unsigned>(run_.batch, units_ - added_);
      const std::uint64_t start = single_ == nullptr ? 0 : clock_ns();
      for (unsigned n = 0; n < now; ++n, ++added_) {
        const std::uint32_t place = added_ % run_.outstanding;
        if (single_ != nullptr) started_[place] = start;
        const Offset at = rig_.buffers_ + place * rig_.place_;
        const virtio::Segment in[] = {{at, static_cast<std::uint32_t>(run_.payload)}};
        const virtio::Segment out[] = {{at + (run_.payload + 15) / 16 * 16, kStatus}};
        if (run_.payload != 0) {
          const auto area = rig_.link_.region().area(at, run_.payload, 1);
          area->write(0, std::span(rig_.from_).first(run_.payload));
        }
        const auto readable = run_.payload == 0 ? std::span<const virtio::Segment>() : in;
        if (!rig_.queue_.try_add(readable, out, virtio::Token{added_}).ok()) {
          why_ = "the queue had no room for what should fit";
          return;
        }
      }
      if (rig_.queue_.publish()) rig_.device_->notify(0, rig_.queue_.next_offset());
    }

    bool reap() {
      bool something = false;
      for (auto done = rig_.queue_.try_reap(); done.ok(); done = rig_.queue_.try_reap()) {
        if (single_ != nullptr) single_->add(clock_ns() - started_[done->token.value % run_.outstanding]);
        ++reaped_;
        something = true;
      }
      return something;
    }

    /// Over a link that copies, the bus has to carry what comes.
    bool look() {
      if (rig_.link_.visibility() == Visibility::kCopied || (++looks_ & 0xff) == 0) rig_.bus_.pump();
      return reap();
    }

    bool wait() {
      if (run_.waiting == Waiting::kPollOnly) {
        for (unsigned n = 0; n < 1u << 26; ++n) {
          if (look()) return true;
          spin_hint();
          if ((n & 0xffff) == 0xffff && !rig_.bus_.up()) return false;
        }
        return false;
      }
      const Instant until = rig_.link_.now() + seconds(2);
      const Wake wake = virtio::spin_then_sleep(
          spin_, until, [this] { return look(); }, [this] { return rig_.queue_.arm(); },
          [this](Instant t) { return rig_.bus_.wait(t); }, [this] { return rig_.link_.now(); });
      rig_.queue_.disarm();
      return wake == Wake::kRung && rig_.bus_.up();
    }

    LinkDriver& rig_;
    const LinkRun& run_;
    const unsigned units_;
    Histogram* const single_;
    virtio::AdaptiveSpin spin_;
    std::vector<std::uint64_t> started_;
    unsigned added_ = 0, reaped_ = 0;
    unsigned turns_ = 0, looks_ = 0;
    const char* why_ = nullptr;
  };

  L& link_;
  LinkControl& control_;
  const RigOptions options_;
  virtio::msg::DriverBus<L> bus_;
  std::vector<std::uint64_t> bitmap_;
  virtio::Arena arena_;
  std::vector<virtio::DriverSlot> slots_;
  std::optional<virtio::msg::DriverDevice<L>> device_;
  virtio::AnyDriverQueue<RegionMemory> queue_;
  std::optional<bool> packed_;
  std::vector<std::byte> from_;
  Offset buffers_;
  std::size_t buffer_bytes_ = 0;
  std::size_t place_ = 0;
};

}  // namespace hawser::bench
