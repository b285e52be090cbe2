// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the driver sides of all rigs have in common: the bus, memory for buffers, and how a run is taken.
#pragma once

#include "in_vain.hpp"
#include "link_process.hpp"
#include "link_rigs.hpp"

#include <hawser/virtio/msg/driver_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <functional>
#include <stdexcept>
#include <vector>

namespace hawser::bench {

/// Has the device side wait in that way, and sleep from then on: one that polls takes its core from all that follows.
class HowTheyWait {
 public:
  HowTheyWait(LinkControl& control, Waiting waiting) : control_(control) { have(waiting); }
  ~HowTheyWait() { have(Waiting::kNever); }
  HowTheyWait(const HowTheyWait&) = delete;
  HowTheyWait& operator=(const HowTheyWait&) = delete;

 private:
  void have(Waiting waiting) {
    control_.waiting.store(static_cast<std::uint32_t>(waiting), std::memory_order_relaxed);
  }
  LinkControl& control_;
};

template <Link L>
class DriverSide {
 public:
  DriverSide(L& link, LinkControl& control, const RigOptions& options)
      : link_(link),
        control_(control),
        options_(options),
        bus_(link, {.timeout = kLost}),
        bitmap_(virtio::Arena::bitmap_words(link.region().size())),
        arena_(Offset(0), link.region().size(), bitmap_) {}

  void wait_up() {
    if (!bus_.wait_up(link_.now() + seconds(10)).ok())
      throw std::runtime_error("the link did not come up in 10 s");
  }

 protected:
  /// Why nothing more will come of it.
  static Run broken(const char* why) { return {.broken = why}; }

  /// Pins this thread, has the device side wait in that way, and times `all`, after `warm`. Both return a sentence where
  /// they fail, or null.
  template <class Warm, class All>
  Run measured(Waiting waiting, Warm warm, All all, const std::function<double()>& hypercalls = {}) {
    const Pinned pinned(options_.cores.measuring);
    const HowTheyWait while_measured(control_, waiting);
    // Both sides wait as they will from now on.
    if (const char* why = warm()) return broken(why);
    const int there = control_.thread.load();
    const LinkCounters before = link_.counters();
    const auto bells = control_.doorbells.load(), wakes = control_.wakes.load();
    const double calls = hypercalls ? hypercalls() : 0;
    const long own_preemptions = preemptions();
    const std::uint64_t their_preemptions = preemptions_of(there);
    const std::uint64_t start = clock_ns();
    if (const char* why = all()) return broken(why);
    Run result;
    result.ns = static_cast<double>(clock_ns() - start);
    // Whoever sleeps leaves its core all the time.
    result.disturbed = !options_.crowded && waiting != Waiting::kNever &&
                       (preemptions() != own_preemptions || preemptions_of(there) != their_preemptions);
    const LinkCounters after = link_.counters();
    result.counts["doorbells"] =
        static_cast<double>(after.doorbells - before.doorbells + control_.doorbells.load() - bells);
    result.counts["interrupts"] =
        static_cast<double>(after.wakes - before.wakes + control_.wakes.load() - wakes);
    if (hypercalls) result.counts["hypercalls"] = hypercalls() - calls;
    return result;
  }

  L& link_;
  LinkControl& control_;
  const RigOptions options_;
  virtio::msg::DriverBus<L> bus_;
  std::vector<std::uint64_t> bitmap_;
  virtio::Arena arena_;
};

}  // namespace hawser::bench
