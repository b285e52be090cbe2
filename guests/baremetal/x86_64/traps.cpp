// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The interrupt table, the exception report, and the dispatch of interrupts.
#include "traps.hpp"

#include "apic.hpp"
#include "console_input.hpp"
#include "end.hpp"
#include "fault_text.hpp"
#include "image.hpp"
#include "interrupts.hpp"
#include "xen/events.hpp"

#include <array>
#include <string_view>

extern "C" {
extern char trap_stubs[];
extern std::uint64_t gdt[5];
}

namespace hawser::guest {
namespace {

constexpr std::uint64_t kStubSize = 16;
constexpr std::uint16_t kCodeSelector = 0x08;
constexpr std::uint16_t kTaskSelector = 0x18;
constexpr unsigned kExceptions = 32;

struct Gate {
  std::uint16_t offset_low;
  std::uint16_t selector;
  std::uint8_t stack;  // 1: the first interrupt stack of the task state segment
  std::uint8_t type;
  std::uint16_t offset_middle;
  std::uint32_t offset_high;
  std::uint32_t reserved;
};
static_assert(sizeof(Gate) == 16);

struct [[gnu::packed]] TaskState {
  std::uint32_t reserved0;
  std::uint64_t stack_pointers[3];
  std::uint64_t reserved1;
  std::uint64_t interrupt_stacks[7];
  std::uint64_t reserved2;
  std::uint16_t reserved3;
  std::uint16_t io_map;
};
static_assert(sizeof(TaskState) == 104);

struct [[gnu::packed]] TablePointer {
  std::uint16_t limit;
  std::uint64_t base;
};

constinit std::array<Gate, 256> gates{};
constinit TaskState task{};
constinit unsigned taken_since_opened = 0;

Gate gate_to(std::uint64_t target, std::uint8_t stack) {
  constexpr std::uint8_t kInterruptGate = 0x8e;
  return {static_cast<std::uint16_t>(target),
          kCodeSelector,
          stack,
          kInterruptGate,
          static_cast<std::uint16_t>(target >> 16),
          static_cast<std::uint32_t>(target >> 32),
          0};
}

void load_task_state() {
  task.interrupt_stacks[0] = image::fault_stack_top();
  task.io_map = sizeof task;
  const auto base = reinterpret_cast<std::uint64_t>(&task);
  constexpr std::uint64_t kAvailableTaskState = UINT64_C(0x89) << 40;
  gdt[3] = (sizeof task - 1) | (base & 0xffffff) << 16 | kAvailableTaskState | (base >> 24 & 0xff) << 56;
  gdt[4] = base >> 32;
  asm volatile("ltr %w0" : : "r"(kTaskSelector) : "memory");
}

std::string_view exception_name(std::uint64_t vector) {
  constexpr std::array<std::string_view, 22> kNames = {"division error",
                                                       "debug exception",
                                                       "non-maskable interrupt",
                                                       "breakpoint",
                                                       "overflow",
                                                       "bound exceeded",
                                                       "undefined instruction",
                                                       "device not available",
                                                       "double fault",
                                                       "coprocessor overrun",
                                                       "invalid task state",
                                                       "segment not present",
                                                       "stack segment fault",
                                                       "general protection fault",
                                                       "page fault",
                                                       "reserved exception",
                                                       "floating-point error",
                                                       "alignment check",
                                                       "machine check",
                                                       "SIMD exception",
                                                       "virtualization exception",
                                                       "control protection exception"};
  return vector < kNames.size() ? kNames[vector] : "reserved exception";
}

}  // namespace

void open_traps() {
  for (unsigned v = 0; v < gates.size(); ++v) {
    gates[v] = gate_to(reinterpret_cast<std::uint64_t>(trap_stubs) + v * kStubSize, v < kExceptions ? 1 : 0);
  }
  load_task_state();
  const TablePointer pointer{sizeof gates - 1, reinterpret_cast<std::uint64_t>(&gates)};
  asm volatile("lidt %0" : : "m"(pointer) : "memory");
}

void expect_interrupts() {
  taken_since_opened = 0;
}

}  // namespace hawser::guest

extern "C" {

struct TrapFrame {
  std::uint64_t vector, error, instruction, code_segment, flags, stack, stack_segment;
};

[[noreturn]] void x86_64_fault(const TrapFrame* frame) {
  using namespace hawser::guest;
  constexpr std::uint64_t kPageFault = 14;
  if (frame->vector != kPageFault) {
    report_fault(exception_name(frame->vector), frame->instruction, nullptr);
  }
  // Page fault error code: bit 0 mapped, bit 1 write, bit 4 instruction fetch.
  std::uint64_t address;
  asm volatile("mov %%cr2, %0" : "=r"(address));
  const Access access = frame->error & 1 << 4   ? Access::kExecute
                        : frame->error & 1 << 1 ? Access::kWrite
                                                : Access::kRead;
  report_fault(describe_memory_fault(access, frame->error & 1, address), frame->instruction, &address);
}

void x86_64_interrupt(TrapFrame* frame) {
  using namespace hawser::guest;
  // Bounded: a peer that rings without end must not keep us between the `sti` and the `cli`.
  constexpr std::uint64_t kInterruptsAllowed = 1 << 9;
  if (++taken_since_opened == interrupts::kSlots) frame->flags &= ~kInterruptsAllowed;
  const std::uint64_t vector = frame->vector;
  if (vector == kSpuriousVector) return;  // takes no end of interrupt
  if (vector >= kFirstMessageVector && vector < kFirstMessageVector + interrupts::kSlots) {
    interrupts::message_taken(static_cast<unsigned>(vector - kFirstMessageVector));
  } else if (vector == kConsoleVector) {
    collect_console_input();
    interrupts::other_taken();
  } else if (vector == kEventVector) {
    xen::events::take();
    interrupts::other_taken();
  }
  end_of_interrupt();
}
}
