// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Rings and sleep. The state of the bells is not memory that a peer could overwrite: it stands for the
// carrier, and is guarded by its lock.
#include "loopback_carrier.hpp"

namespace hawser::loopback {

namespace {

void arrive(BellState& bell, Marks marks) {
  bell.marks |= marks;
  if (bell.armed) bell.rung = true;
}

void put_off(BellState& bell, const BellState::Late& late) {
  if (bell.late_count == BellState::kLate) {  // too many are late: the oldest arrives
    arrive(bell, bell.late[0].marks);
    for (unsigned i = 1; i < BellState::kLate; ++i) bell.late[i - 1] = bell.late[i];
    --bell.late_count;
  }
  bell.late[bell.late_count++] = late;
}

/// Lets arrive what is due, and what waited for another ring if one has come. Returns when the next is due.
Instant settle(BellState& bell, Instant now, bool another_came) {
  Instant next = Instant::never();
  unsigned kept = 0;
  for (unsigned i = 0; i < bell.late_count; ++i) {
    const BellState::Late late = bell.late[i];
    if (late.due <= now || (late.after_next_ring && another_came)) {
      arrive(bell, late.marks);
    } else {
      if (late.due < next) next = late.due;
      bell.late[kept++] = late;
    }
  }
  bell.late_count = kept;
  return next;
}

constexpr Duration kForever = seconds(10);

}  // namespace

/// Always draws the same number of random choices, so that the fate of the n-th ring depends on n alone.
void Link::ring_peer(Marks marks, Random& random) {
  const bool drop = random.chance(faults_.drop_rings);
  const bool twice = random.chance(faults_.duplicate_rings);
  const bool delay = random.chance(faults_.delay_rings);
  const bool reorder = random.chance(faults_.reorder_rings);
  const Duration late{1 + random.below(faults_.longest_delay.ns)};

  CarrierLock lock(pair_);
  Link& peer = pair_.end(other(which_));
  BellState& bell = peer.rings_;
  const Instant now = Carrier::now(pair_);
  if (bell.armed) ++counters_.doorbells;
  if (drop) return;
  if (reorder) {
    put_off(bell, {now + faults_.longest_delay, marks, true});
  } else if (delay) {
    put_off(bell, {now + late, marks, false});
  } else {
    arrive(bell, marks);
    (void)settle(bell, now, true);
  }
  if (twice) put_off(bell, {now + late, marks, false});
  Carrier::wake(pair_, other(which_));
}

void Link::ring_self() {
  CarrierLock lock(pair_);
  arrive(rings_, 0);
}

void Bell::ring() {
  if (!link_.alive()) return;
  ++link_.counters_.rings_asked;
  link_.ring_peer(0, link_.bell_random_);
}

void Bell::ring(Mark mark) {
  if (!link_.alive()) return;
  ++link_.counters_.rings_asked;
  link_.ring_peer(mark.bit(), link_.bell_random_);
}

Marks Bell::take() {
  if (!link_.alive()) return 0;
  link_.looked_ = true;
  const bool more = link_.sleep_random_.chance(link_.faults_.spurious_rings);
  CarrierLock lock(link_.pair_);
  (void)settle(link_.rings_, Carrier::now(link_.pair_), false);
  const Marks marks = link_.rings_.marks;
  link_.rings_.marks = 0;
  return more ? marks | link_.sleep_random_.next() : marks;
}

void Bell::arm() {
  if (!link_.alive()) return;
  link_.looked_ = false;
  link_.waiting_at_arm_ = link_.unread();
  CarrierLock lock(link_.pair_);
  link_.rings_.armed = true;
  link_.rings_.rung = false;
}

void Bell::disarm() {
  if (!link_.alive()) return;
  CarrierLock lock(link_.pair_);
  link_.rings_.armed = false;
  link_.rings_.rung = false;
}

Wake Bell::wait(Instant until) {
  Link& l = link_;
  if (!l.alive()) return Wake::kCancelled;
  if (l.waiting_at_arm_ && !l.looked_) l.violation(Violation::kWaitedWithoutRecheck);
  if (l.waited_) l.violation(Violation::kWaitedWithoutPoll);
  l.waited_ = true;
  const std::uint64_t start = l.pair_.clock_starts_[static_cast<unsigned>(l.which_)];
  const Instant deadline =
      until == Instant::never() ? until : Instant{until.ns > start ? until.ns - start : 0};
  const bool spurious = l.sleep_random_.chance(l.faults_.spurious_rings);

  CarrierLock lock(l.pair_);
  BellState& bell = l.rings_;
  if (!bell.armed) l.violation(Violation::kWaitedUnarmed);
  const Instant began = Carrier::now(l.pair_);
  for (unsigned round = 0;; ++round) {
    const Instant now = Carrier::now(l.pair_);
    const Instant next = settle(bell, now, false);
    if (load_once(&l.dead_) != 0) return Wake::kCancelled;
    if (bell.cancelled) {
      bell.cancelled = false;
      return Wake::kCancelled;
    }
    if (bell.rung || spurious) {
      bell.rung = false;
      ++l.counters_.wakes;
      return Wake::kRung;
    }
    if (now >= deadline) return Wake::kTimeout;
    if (Carrier::virtual_time() && deadline == Instant::never() && elapsed(began, now) > kForever) {
      l.violation(Violation::kWaitedForever);
      return Wake::kRung;
    }
    Carrier::sleep(l.pair_, l.which_, next < deadline ? next : deadline, round);
  }
}

void Bell::cancel() {
  CarrierLock lock(link_.pair_);
  link_.rings_.cancelled = true;
  Carrier::wake(link_.pair_, link_.which_);
}

}  // namespace hawser::loopback
