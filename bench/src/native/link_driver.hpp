// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver side of a rig: bare requests, as they come.
#pragma once

#include "driver_side.hpp"
#include "in_vain.hpp"
#include "link_rigs.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace hawser::bench {

template <Link L>
class LinkDriver : DriverSide<L> {
  using DriverSide<L>::arena_;
  using DriverSide<L>::bus_;
  using DriverSide<L>::link_;
  using DriverSide<L>::options_;

 public:
  LinkDriver(L& link, LinkControl& control, const RigOptions& options)
      : DriverSide<L>(link, control, options), slots_(options.queue_size) {}
  using DriverSide<L>::wait_up;

  Run run(const LinkRun& run, unsigned units, Histogram* single, const std::function<double()>& hypercalls) {
    if (const char* wrong = prepare(run)) return broken(wrong);
    const auto go = [&](unsigned count, Histogram* each) {
      Requests all{*this, run, count, each};
      return all.go() ? nullptr : all.why();
    };
    Run result = this->measured(
        run.waiting, [&] { return go(std::min(units, 64u / run.batch * run.batch), nullptr); },
        [&] { return go(units, single); }, hypercalls);
    if (!result.broken.empty()) packed_.reset();
    return result;
  }

 private:
  /// What is still in flight is forgotten with the queue: the next run starts a new one.
  Run broken(const char* why) {
    packed_.reset();
    return {.broken = why};
  }

  /// The queue in that format, and buffers. A sentence where that did not work.
  const char* prepare(const LinkRun& run) {
    bus_.pump();
    if (!bus_.up() && !bus_.wait_up(link_.now() + seconds(5)).ok()) return "the link went down";
    const std::size_t place = (run.payload + run.answer() + 63) / 64 * 64 + 64;
    if (place * run.outstanding != buffer_bytes_) {
      if (buffer_bytes_ != 0) arena_.release(buffers_, buffer_bytes_);
      buffer_bytes_ = 0;
      const auto at = arena_.allocate(place * run.outstanding);
      if (!at) return "the window has no room for so many and so large requests";
      buffers_ = *at;
      buffer_bytes_ = place * run.outstanding;
      from_.assign(std::max(from_.size(), run.payload), std::byte{0x5a});
      back_.resize(from_.size());
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
        const virtio::Segment out[] = {{answer_of(at), static_cast<std::uint32_t>(run_.answer())}};
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
        const std::uint32_t place = static_cast<std::uint32_t>(done->token.value) % run_.outstanding;
        if (run_.echo && !take_back(place, done->written)) why_ = "an answer was not as long as its request";
        if (single_ != nullptr) single_->add(clock_ns() - started_[place]);
        ++reaped_;
        something = true;
      }
      return something;
    }

    Offset answer_of(Offset request) const { return request + (run_.payload + 15) / 16 * 16; }

    bool take_back(std::uint32_t place, std::uint64_t written) {
      if (written != run_.payload) return false;
      const auto area =
          rig_.link_.region().area(answer_of(rig_.buffers_ + place * rig_.place_), run_.payload, 1);
      area->read(0, std::span(rig_.back_).first(run_.payload));
      return true;
    }

    /// Over a link that copies, the bus has to carry what comes.
    bool look() {
      if (rig_.link_.visibility() == Visibility::kCopied || (++looks_ & 0xff) == 0) rig_.bus_.pump();
      return reap();
    }

    bool wait() {
      if (run_.waiting == Waiting::kPollOnly) {
        InVain looks;
        for (unsigned n = 0; looks.go_on(); ++n) {
          if (look()) return true;
          spin_hint();
          if ((n & 0xffff) == 0xffff && !rig_.bus_.up()) return false;
        }
        return false;
      }
      const Instant until = rig_.link_.now() + kLost;
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

  std::vector<virtio::DriverSlot> slots_;
  std::optional<virtio::msg::DriverDevice<L>> device_;
  virtio::AnyDriverQueue<RegionMemory> queue_;
  std::optional<bool> packed_;
  std::vector<std::byte> from_, back_;
  Offset buffers_;
  std::size_t buffer_bytes_ = 0;
  std::size_t place_ = 0;
};

}  // namespace hawser::bench
