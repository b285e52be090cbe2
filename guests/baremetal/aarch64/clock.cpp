// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The generic timer: the virtual counter for now(), its compare register for the alarm.
#include "clock.hpp"

#include "arch.hpp"
#include "cpu.hpp"
#include "end.hpp"
#include "scale.hpp"

namespace hawser::guest {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::uint64_t kEnabled = 1 << 0;

constinit std::uint64_t zero_count = 0;
constinit Scale counts_to_ns;
constinit Scale ns_to_counts;

}  // namespace

void open_clock() {
  const std::uint64_t rate = cpu::read_counter_rate();
  if (rate == 0) give_up("the generic timer has no rate");
  counts_to_ns = Scale::between(rate, kNanosecondsPerSecond);
  ns_to_counts = Scale::between(kNanosecondsPerSecond, rate);
  zero_count = cpu::counter();
}

void silence_alarm() {
  cpu::write_timer_control(0);
}

namespace arch {

Instant now() {
  return {counts_to_ns(cpu::counter() - zero_count)};
}

void set_alarm(Instant deadline) {
  if (deadline == Instant::never()) {
    silence_alarm();
    return;
  }
  cpu::write_timer_deadline(zero_count + ns_to_counts(deadline.ns) + 1);
  cpu::write_timer_control(kEnabled);
}

}  // namespace arch
}  // namespace hawser::guest
