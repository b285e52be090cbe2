// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "xen.hpp"

#include "arch.hpp"
#include "cpu.hpp"
#include "xen/abi.hpp"

#include <algorithm>
#include <array>

extern "C" char xen_hypercall_page[];

namespace hawser::guest::xen {
namespace {

constexpr std::uint32_t kFirstLeaf = 0x40000000;
constexpr std::uint32_t kLeavesBetween = 0x100;  // another hypervisor's may come first
constexpr std::uint32_t kLastLeaf = 0x40010000;
constexpr std::uint64_t kSetEventVector = 23;  // HVMOP_set_evtchn_upcall_vector
constexpr std::uint64_t kConsoleWrite = 0;     // CONSOLEIO_write
constexpr std::uint64_t kShutdown = 2;         // SCHEDOP_shutdown; its first reason is power-off

constexpr std::uint64_t kMemoryMap = 9;  // XENMEM_memory_map
constexpr std::uint32_t kRam = 1;        // of E820

constinit std::uint32_t leaves = 0;

}  // namespace

bool find_itself() {
  for (std::uint32_t at = kFirstLeaf; at < kLastLeaf && leaves == 0; at += kLeavesBetween) {
    const auto id = cpu::cpuid(at);
    if (id.b == 0x566e6558 && id.c == 0x65584d4d && id.d == 0x4d4d566e) leaves = at;  // XenVMMXenVMM
  }
  if (leaves == 0) return false;
  cpu::write_msr(cpu::cpuid(leaves + 2).b, reinterpret_cast<std::uint64_t>(xen_hypercall_page));
  return true;
}

bool here() {
  return leaves != 0;
}

std::optional<std::uint64_t> time_stamp_rate() {
  if (!here() || cpu::cpuid(leaves).a < leaves + 3) return std::nullopt;
  const std::uint64_t khz = cpu::cpuid(leaves + 3).c;
  return khz == 0 ? std::nullopt : std::optional(khz * 1000);
}

std::size_t memory_map(std::span<Range> into) {
  constexpr std::size_t kMost = 64;
  struct Entry {
    std::uint32_t base[2], size[2], type;
  };
  static_assert(sizeof(Entry) == 20);
  std::array<Entry, kMost> entries{};
  struct {
    std::uint32_t count = kMost;
    std::uint32_t unused = 0;
    Entry* buffer = nullptr;
  } request{.buffer = entries.data()};
  if (arch::hypercall(Hypercall::kMemory, {kMemoryMap, reinterpret_cast<std::uint64_t>(&request)}) != 0)
    return 0;
  std::size_t found = 0;
  for (std::size_t n = 0; n < std::min<std::size_t>(request.count, kMost) && found < into.size(); ++n) {
    const Entry& entry = entries[n];
    const auto whole = [](const std::uint32_t(&halves)[2]) {
      return halves[0] | std::uint64_t{halves[1]} << 32;
    };
    if (entry.type == kRam) into[found++] = Range::clipped(whole(entry.base), whole(entry.size));
  }
  return found;
}

bool choose_event_vector(std::uint8_t vector) {
  struct {
    std::uint32_t vcpu;
    std::uint8_t vector;
  } request{0, vector};
  return arch::hypercall(Hypercall::kHvm, {kSetEventVector, reinterpret_cast<std::uint64_t>(&request)}) == 0;
}

void console_put(char c) {
  (void)arch::hypercall(Hypercall::kConsole, {kConsoleWrite, 1, reinterpret_cast<std::uint64_t>(&c)});
}

void shut_down() {
  std::uint32_t reason = 0;
  (void)arch::hypercall(Hypercall::kScheduler, {kShutdown, reinterpret_cast<std::uint64_t>(&reason)});
}

}  // namespace hawser::guest::xen
