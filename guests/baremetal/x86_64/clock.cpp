// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Calibration, now() and the alarm.
#include "clock.hpp"

#include "apic.hpp"
#include "arch.hpp"
#include "cpu.hpp"
#include "end.hpp"
#include "scale.hpp"
#include "xen.hpp"

#include <algorithm>

namespace hawser::guest {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

constexpr std::uint64_t kPitHz = 1'193'182;
constexpr std::uint16_t kPitChannel2 = 0x42;
constexpr std::uint16_t kPitControl = 0x43;
constexpr std::uint16_t kPitGate = 0x61;
constexpr std::uint8_t kGateOnSpeakerOff = 0x01;
constexpr std::uint8_t kChannel2CountDown = 0xb0;
constexpr std::uint8_t kChannel2Latch = 0x80;
constexpr std::uint32_t kCalibrationPitTicks = kPitHz / 250;  // 4 ms

constinit std::uint64_t zero_stamp = 0;
constinit Scale stamps_to_ns;
constinit Scale ns_to_alarm_ticks;

std::uint32_t pit_left() {
  cpu::out8(kPitControl, kChannel2Latch);
  const std::uint32_t low = cpu::in8(kPitChannel2);
  return low | std::uint32_t{cpu::in8(kPitChannel2)} << 8;
}

/// The three clocks at one moment, as nearly as the best of several tries can tell.
struct Moment {
  std::uint64_t stamp;
  std::uint32_t pit;  // both count down
  std::uint32_t alarm;
};

Moment look_at_clocks() {
  Moment best{};
  std::uint64_t narrowest = UINT64_MAX;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint64_t before = cpu::time_stamp();
    const std::uint32_t pit = pit_left();
    const std::uint32_t alarm = alarm_timer_left();
    const std::uint64_t width = cpu::time_stamp() - before;
    if (width < narrowest) {
      narrowest = width;
      best = {before + width / 2, pit, alarm};
    }
  }
  return best;
}

struct Rates {
  std::uint64_t stamp_hz;
  std::uint64_t alarm_hz;
};

/// One measurement against the 8254. Its 16 bits go round every 55 ms: a processor that is not run for that long in
/// the middle of it gets a wrong answer here.
Rates measure() {
  const Moment first = look_at_clocks();
  Moment last;
  std::uint16_t pit_ticks = 0;
  int looks = 0;
  do {
    last = look_at_clocks();
    pit_ticks = static_cast<std::uint16_t>(first.pit - last.pit);
    if (++looks == 1'000'000) give_up("the 8254 timer does not count");
  } while (pit_ticks < kCalibrationPitTicks);
  return {(last.stamp - first.stamp) * kPitHz / pit_ticks,
          std::uint64_t{first.alarm - last.alarm} * kPitHz / pit_ticks};
}

/// A domain of Xen has no 8254, but is told the rate of the time stamp counter: 4 ms of that measure the other.
Rates ask_xen(std::uint64_t stamp_hz) {
  const std::uint64_t ticks = stamp_hz / 250;
  const std::uint64_t first = cpu::time_stamp();
  const std::uint32_t before = alarm_timer_left();
  std::uint64_t took = 0;
  while (took < ticks) took = cpu::time_stamp() - first;
  return {stamp_hz, std::uint64_t{before - alarm_timer_left()} * stamp_hz / took};
}

bool agree(std::uint64_t one, std::uint64_t other) {
  const std::uint64_t difference = one > other ? one - other : other - one;
  return difference <= one / 32;
}

Rates measure_carefully() {
  cpu::out8(kPitGate, kGateOnSpeakerOff);
  cpu::out8(kPitControl, kChannel2CountDown);
  cpu::out8(kPitChannel2, 0xff);
  cpu::out8(kPitChannel2, 0xff);
  // Two measurements in a row that agree were not disturbed.
  Rates rates = measure();
  for (int tries = 0;; ++tries) {
    const Rates again = measure();
    const bool same = agree(rates.stamp_hz, again.stamp_hz) && agree(rates.alarm_hz, again.alarm_hz);
    rates = again;
    if (same) return rates;
    if (tries == 100) give_up("the clocks do not run evenly enough to be compared");
  }
}

}  // namespace

void open_clock() {
  start_alarm_timer(UINT32_MAX);
  zero_stamp = cpu::time_stamp();
  const auto told = xen::time_stamp_rate();
  const Rates rates = told ? ask_xen(*told) : measure_carefully();
  start_alarm_timer(0);
  if (rates.stamp_hz == 0 || rates.alarm_hz == 0) {
    give_up("the time stamp counter or the APIC timer does not count");
  }
  stamps_to_ns = Scale::between(rates.stamp_hz, kNanosecondsPerSecond);
  ns_to_alarm_ticks = Scale::between(kNanosecondsPerSecond, rates.alarm_hz);
}

namespace arch {

Instant now() {
  return {stamps_to_ns(cpu::time_stamp() - zero_stamp)};
}

void set_alarm(Instant deadline) {
  if (deadline == Instant::never()) {
    start_alarm_timer(0);
    return;
  }
  // At least one tick: a count of 0 would never interrupt. A far deadline takes several alarms.
  const std::uint64_t ticks = ns_to_alarm_ticks(elapsed(now(), deadline).ns) + 1;
  start_alarm_timer(static_cast<std::uint32_t>(std::min<std::uint64_t>(ticks, UINT32_MAX)));
}

}  // namespace arch
}  // namespace hawser::guest
