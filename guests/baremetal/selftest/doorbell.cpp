// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// ivshmem-doorbell, ringing ourselves: each vector alone, all at once, early, late, and to nobody.
#include "checks.hpp"
#include "patterns.hpp"

#include <hawser/transport/order.hpp>

#include <array>

namespace hawser::guest::selftest {
namespace {

constexpr Duration kLong = seconds(2);
constexpr Duration kShort = milliseconds(30);

// Doorbells coalesce and may be late; this waits until nothing has come for a while.
void settle(IvshmemPort& port) {
  while (port.wait(port.now() + kShort) == Wake::kRung) {
  }
}

std::uint64_t spin(Machine& machine, Duration length) {
  std::uint64_t rounds = 0;
  for (const Instant end = machine.now() + length; machine.now() < end; ++rounds) spin_hint();
  return rounds;
}

bool rings_only(IvshmemPort& port, std::uint16_t vector) {
  settle(port);
  std::array<std::uint32_t, IvshmemPort::kMaxVectors> before{};
  for (std::uint16_t v = 0; v < port.vectors(); ++v) before[v] = port.interrupts(v);
  port.ring(port.own_id(), vector);
  if (port.wait(port.now() + kLong) != Wake::kRung) return false;
  for (std::uint16_t v = 0; v < port.vectors(); ++v) {
    if (port.interrupts(v) - before[v] != (v == vector ? 1u : 0u)) return false;
  }
  return true;
}

bool every_vector_rings_alone(IvshmemPort& port) {
  for (std::uint16_t v = 0; v < port.vectors(); ++v) {
    if (!rings_only(port, v)) return false;
  }
  return true;
}

bool all_vectors_ring_together(IvshmemPort& port) {
  settle(port);
  const auto before = port.interrupts(0);
  for (std::uint16_t v = 0; v < port.vectors(); ++v) port.ring(port.own_id(), v);
  const Instant end = port.now() + kLong;
  std::uint16_t last = static_cast<std::uint16_t>(port.vectors() - 1);
  const auto last_before = port.interrupts(last);
  while (port.interrupts(0) == before || port.interrupts(last) == last_before) {
    if (port.wait(end) == Wake::kTimeout) return false;
  }
  return true;
}

// One ring at a time, so that none can hide in another: a single lost one is a timeout.
bool no_ring_is_lost(Machine& machine, IvshmemPort& port, Report& report) {
  constexpr unsigned kRings = 300;
  settle(port);
  const Instant start = port.now();
  for (unsigned i = 0; i < kRings; ++i) {
    port.ring(port.own_id(), static_cast<std::uint16_t>(i % port.vectors()));
    // At every distance from the ring, from "before it arrives" to "long after".
    spin(machine, {(i % 16) * UINT64_C(20'000)});
    if (port.wait(port.now() + kLong) != Wake::kRung) return false;
  }
  report.say("one ring and its wait: ", elapsed(start, port.now()).ns / kRings / 1000, " us");
  return true;
}

}  // namespace

void check_doorbell(Machine& machine, Report& report, IvshmemPort& port) {
  const Arguments& arguments = machine.arguments();
  report.say("doorbell at device ", port.address().device, ": ", port.memory().size() / 1024, " KiB at ",
             hex(reinterpret_cast<std::uint64_t>(port.memory().data())), ", id ", port.own_id(), ", ",
             port.vectors(), " vectors");
  report.check(port.vectors() == arguments.number("vectors"), "the port has the vectors that it was given");
  report.check(port.own_id() == arguments.number("id"), "the port knows its own id");
  check_window(report, port.memory(), arguments.number("window-size").value_or(0));

  report.check(every_vector_rings_alone(port), "a ring interrupts exactly the vector that was rung");
  report.check(all_vectors_ring_together(port), "vectors that ring together are all heard");
  report.check(no_ring_is_lost(machine, port, report), "no ring is lost, however it meets the wait");

  settle(port);
  (void)machine.wait({});
  port.ring(port.own_id(), 0);
  report.check(machine.wait(machine.now() + kLong) == Wake::kRung,
               "the machine's own wait hears a port's ring");
  report.check(port.wait({}) == Wake::kRung, "such a ring still counts for its port, even past the deadline");
  report.check(port.wait(port.now() + kShort) == Wake::kTimeout, "a ring is heard once");

  const auto before = machine.interrupts();
  port.ring(12345, 0);
  port.ring(port.own_id(), 255);
  report.check(port.wait(port.now() + kShort) == Wake::kTimeout && machine.interrupts() == before,
               "a ring for nobody changes nothing");
}

void check_plain(Machine& machine, Report& report, IvshmemPort& port) {
  const Arguments& arguments = machine.arguments();
  report.say("plain at device ", port.address().device, ": ", port.memory().size() / 1024, " KiB at ",
             hex(reinterpret_cast<std::uint64_t>(port.memory().data())));
  report.check(port.vectors() == 1 && port.own_id() == 0,
               "a port without doorbell claims no more than it has");
  check_window(report, port.memory(), arguments.number("plain-size").value_or(0));

  const Instant start = port.now();
  report.check(port.wait(start + seconds(60)) == Wake::kRung && elapsed(start, port.now()) < seconds(1),
               "a wait without doorbell is a nap");
  report.check(port.wait({}) == Wake::kTimeout, "a nap knows that its deadline has passed");
  port.ring(0, 0);
}

}  // namespace hawser::guest::selftest
