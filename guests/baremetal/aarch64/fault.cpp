// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The exception report: from ESR_EL1 (Arm ARM, D17.2.37) to words.
#include "arch.hpp"
#include "end.hpp"
#include "fault_text.hpp"
#include "power.hpp"

#include <cstdint>
#include <string_view>

namespace hawser::guest {
namespace {

constexpr std::uint64_t kUnknown = 0x00;
constexpr std::uint64_t kFloatingPoint = 0x07;
constexpr std::uint64_t kIllegalState = 0x0e;
constexpr std::uint64_t kSystemRegister = 0x18;
constexpr std::uint64_t kInstructionAbort = 0x21;
constexpr std::uint64_t kPcAlignment = 0x22;
constexpr std::uint64_t kDataAbort = 0x25;
constexpr std::uint64_t kSpAlignment = 0x26;
constexpr std::uint64_t kSystemError = 0x2f;
constexpr std::uint64_t kBreakpoint = 0x3c;

constexpr std::uint64_t kWrite = 1 << 6;

std::string_view exception_name(std::uint64_t exception_class) {
  switch (exception_class) {
    case kUnknown:
      return "undefined instruction";
    case kFloatingPoint:
      return "floating-point instruction";
    case kIllegalState:
      return "illegal execution state";
    case kSystemRegister:
      return "forbidden system register";
    case kPcAlignment:
      return "misaligned instruction address";
    case kSpAlignment:
      return "misaligned stack pointer";
    case kSystemError:
      return "system error";
    case kBreakpoint:
      return "trap instruction";
    default:
      return "unexpected exception";
  }
}

// What an abort's fault status says, where the page tables have nothing to do with it; empty otherwise.
std::string_view other_abort(std::uint64_t status) {
  if (status == 0x10 || (status >= 0x14 && status <= 0x17)) return "access that the bus refused";
  if (status == 0x21) return "misaligned access";
  return {};
}

}  // namespace
}  // namespace hawser::guest

extern "C" [[noreturn]] void aarch64_fault(std::uint64_t entry, std::uint64_t syndrome,
                                           std::uint64_t instruction, std::uint64_t address) {
  using namespace hawser::guest;
  if (exit_was_refused()) power_off_by_psci();
  if (entry % 4 != 0) {  // not synchronous: the registers tell nothing about it
    report_fault(entry % 4 == 3 ? "system error" : "unexpected interrupt", instruction, nullptr);
  }
  const std::uint64_t exception_class = syndrome >> 26 & 0x3f;
  if (exception_class != kDataAbort && exception_class != kInstructionAbort) {
    report_fault(exception_name(exception_class), instruction, nullptr);
  }
  const std::uint64_t status = syndrome & 0x3f;
  if (const auto other = other_abort(status); !other.empty()) report_fault(other, instruction, &address);
  const bool mapped = status >= 0x0c && status <= 0x0f;  // a permission fault, at whatever level
  const Access access = exception_class == kInstructionAbort ? Access::kExecute
                        : syndrome & kWrite                  ? Access::kWrite
                                                             : Access::kRead;
  report_fault(describe_memory_fault(access, mapped, address), instruction, &address);
}
