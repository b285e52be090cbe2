// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The clock against itself, and waits against the clock. Against the world's clock it can only be held from outside:
// whoever runs the test times the two marks.
#include "checks.hpp"

namespace hawser::guest::selftest {
namespace {

constexpr std::uint64_t kMillisecond = milliseconds(1).ns;

std::uint64_t time_wait(Machine& machine, Duration length, Wake& wake) {
  const Instant start = machine.now();
  wake = machine.wait(start + length);
  return elapsed(start, machine.now()).ns;
}

}  // namespace

void check_clock(Machine& machine, Report& report) {
  bool forward = true;
  Instant last = machine.now();
  const Instant first = last;
  for (int i = 0; i < 100'000; ++i) {
    const Instant now = machine.now();
    forward = forward && now >= last;
    last = now;
  }
  report.check(forward, "the clock never steps back");
  report.check(last > first, "the clock moves");

  (void)machine.wait({});  // whatever came before
  Wake wake{};
  for (const std::uint64_t length : {1, 20}) {
    const std::uint64_t took = time_wait(machine, milliseconds(length), wake);
    report.say("a wait of ", length, " ms took ", took / 1000, " us");
    report.check(wake == Wake::kTimeout && took >= length * kMillisecond,
                 "a wait never ends before its deadline");
    report.check(took < length * kMillisecond + 500 * kMillisecond, "a wait ends soon after its deadline");
  }
  const std::uint64_t took = time_wait(machine, {}, wake);
  report.check(wake == Wake::kTimeout && took < 500 * kMillisecond, "a wait until now ends at once");
}

void mark_time(Machine& machine, Report& report) {
  report.say("mark start");
  const Instant start = machine.now();
  (void)machine.wait(start + milliseconds(300));
  report.say("mark end ", elapsed(start, machine.now()).ns);
  report.check(true, "two marks were made");
}

}  // namespace hawser::guest::selftest
