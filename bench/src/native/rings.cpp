// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "rings.hpp"
#include "ring_pair.hpp"

#include <hawser/ivshmem/server/fd.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace hawser::bench {

using namespace hawser::virtio;

namespace {

/// How one side tells the other, who may sleep until then.
struct alignas(128) Door {
  Door() : fd(eventfd(0, EFD_CLOEXEC)) {}

  void ring() {
    ++rings;
    const std::uint64_t one = 1;
    (void)!write(fd.raw(), &one, sizeof one);
  }
  void sleep() {
    ++wakes;
    std::uint64_t count;
    (void)!read(fd.raw(), &count, sizeof count);
  }

  ivshmem::UniqueFd fd;
  std::uint64_t rings = 0;               ///< Who rings counts,
  alignas(128) std::uint64_t wakes = 0;  ///< and who sleeps, apart.
};

struct Shared {
  const RingRun& run;
  const unsigned units;
  Patience& patience;
  std::atomic<bool>& over;
};

/// Until look() finds something. False: the other side has given up.
template <class Queue, class Look>
bool await(Queue& queue, AdaptiveSpin& spin, Door& own, const Shared& shared, Look look) {
  if (shared.run.waiting == Waiting::kPollOnly) return shared.patience.wait();
  const auto sleep = [&](Instant) {
    own.sleep();
    return Wake::kRung;
  };
  (void)spin_then_sleep(
      spin, Instant::never(), look, [&] { return queue.arm(); }, sleep, [] { return Instant{clock_ns()}; });
  queue.disarm();
  return !shared.over.load(std::memory_order_relaxed);
}

class RingDriver {
 public:
  RingDriver(RingPair& pair, const Shared& shared, Door& own, Door& peer, Histogram* single)
      : pair_(pair), shared_(shared), own_(own), peer_(peer), single_(single), spin_(shared.run.waiting) {
    if (single != nullptr) started_.resize(shared.run.size);
  }

  bool drive() {
    const RingRun& run = shared_.run;
    while (good_ && reaped_ < shared_.units) {
      if (added_ < shared_.units && added_ - reaped_ + run.batch <= run.outstanding) add();
      if (reap() || !good_) {
        shared_.patience.reset();
      } else if (reaped_ < shared_.units &&
                 (added_ == shared_.units || added_ - reaped_ + run.batch > run.outstanding)) {
        if (!await(pair_.driver(), spin_, own_, shared_, [&] { return reap(); })) return false;
      }
    }
    return good_;
  }

 private:
  void add() {
    const RingRun& run = shared_.run;
    const std::uint64_t now = single_ == nullptr ? 0 : clock_ns();
    for (unsigned n = 0; n < run.batch; ++n) {
      if (single_ != nullptr) started_[added_ % run.size] = now;
      good_ &= pair_.add(added_, run.size);
      ++added_;
    }
    if (pair_.driver().publish()) peer_.ring();
  }

  bool reap() {
    bool something = false;
    for (;;) {
      const auto done = pair_.driver().try_reap();
      if (!done.ok()) {
        if (done.error() == TakeError::kBroken) good_ = false;
        return something || !good_;
      }
      good_ &= done->token.value == reaped_;
      if (single_ != nullptr) single_->add(clock_ns() - started_[reaped_ % shared_.run.size]);
      ++reaped_;
      something = true;
      if (shared_.run.batch == 1) return true;
    }
  }

  RingPair& pair_;
  const Shared& shared_;
  Door& own_;
  Door& peer_;
  Histogram* const single_;
  AdaptiveSpin spin_;
  std::vector<std::uint64_t> started_;
  std::uint32_t added_ = 0;
  std::uint32_t reaped_ = 0;
  bool good_ = true;
};

bool serve(AnyDeviceQueue<RegionMemory>& queue, const Shared& shared, Door& own, Door& peer) {
  std::array<Segment, 4> storage;
  AdaptiveSpin spin(shared.run.waiting);
  std::uint32_t served = 0;
  bool good = true;
  const auto work = [&] {
    unsigned taken = 0;
    while (taken < shared.run.batch) {
      auto chain = queue.try_take(storage);
      if (!chain.ok()) {
        good &= chain.error() != TakeError::kBroken;
        break;
      }
      good &= RingPair::whole(*chain);
      queue.complete(std::move(chain).value(), 0);
      ++taken;
    }
    if (taken != 0 && queue.publish()) peer.ring();
    served += taken;
    return taken != 0 || !good;
  };
  while (good && served < shared.units) {
    if (work())
      shared.patience.reset();
    else if (!await(queue, spin, own, shared, work))
      return false;
  }
  return good;
}

}  // namespace

Run ring_requests(Cores cores, const RingRun& run, unsigned units, Histogram* single) {
  RingPair pair(run);
  if (!pair.good()) return {.broken = "the queue could not be set up"};
  Door to_driver, to_device;
  bool driving = true, serving = true;
  std::atomic<bool> over{false};
  // Whoever gives up must not leave the other asleep.
  const auto give_up = [&over](bool good, Door& peer) {
    if (!good) over.store(true);
    if (!good) peer.ring();
    return good;
  };
  Run result = timed_pair(
      cores, units, single,
      [&](Patience& patience, const Pass& pass) {
        const Shared shared{run, pass.units, patience, over};
        to_device.rings = to_driver.wakes = 0;
        driving &= give_up(RingDriver(pair, shared, to_driver, to_device, pass.single).drive(), to_device);
      },
      [&](Patience& patience, const Pass& pass) {
        const Shared shared{run, pass.units, patience, over};
        to_driver.rings = to_device.wakes = 0;
        serving &= give_up(serve(pair.device(), shared, to_device, to_driver), to_driver);
      },
      run.waiting == Waiting::kNever);
  if (!result.disturbed && !(driving && serving)) result.broken = "a request was lost or changed";
  if (run.waiting != Waiting::kPollOnly) {
    result.counts["doorbells"] = static_cast<double>(to_driver.rings + to_device.rings);
    result.counts["wakes"] = static_cast<double>(to_driver.wakes + to_device.wakes);
  }
  return result;
}

}  // namespace hawser::bench
