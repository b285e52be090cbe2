// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The processor instructions that C++ has no words for.
#pragma once

#include <cstdint>

namespace hawser::guest::cpu {

#define HAWSER_SYSTEM_REGISTER(name, encoding)                           \
  inline std::uint64_t read_##name() {                                   \
    std::uint64_t value;                                                 \
    asm volatile("mrs %0, " encoding : "=r"(value) : : "memory");        \
    return value;                                                        \
  }                                                                      \
  inline void write_##name(std::uint64_t value) {                        \
    asm volatile("msr " encoding ", %0; isb" : : "r"(value) : "memory"); \
  }

HAWSER_SYSTEM_REGISTER(timer_control, "cntv_ctl_el0")
HAWSER_SYSTEM_REGISTER(timer_deadline, "cntv_cval_el0")
HAWSER_SYSTEM_REGISTER(counter_rate, "cntfrq_el0")
HAWSER_SYSTEM_REGISTER(affinity, "mpidr_el1")
// GICv3's processor interface; the assembler has no names for these without an extension.
HAWSER_SYSTEM_REGISTER(gic_enable, "S3_0_C12_C12_5")         // ICC_SRE_EL1
HAWSER_SYSTEM_REGISTER(gic_priority_mask, "S3_0_C4_C6_0")    // ICC_PMR_EL1
HAWSER_SYSTEM_REGISTER(gic_group1_enable, "S3_0_C12_C12_7")  // ICC_IGRPEN1_EL1
HAWSER_SYSTEM_REGISTER(gic_acknowledge, "S3_0_C12_C12_0")    // ICC_IAR1_EL1
HAWSER_SYSTEM_REGISTER(gic_end, "S3_0_C12_C12_1")            // ICC_EOIR1_EL1

#undef HAWSER_SYSTEM_REGISTER

/// Never before what was executed earlier: the counter may otherwise be read ahead of time.
inline std::uint64_t counter() {
  std::uint64_t value;
  asm volatile("isb; mrs %0, cntvct_el0" : "=r"(value) : : "memory");
  return value;
}

/// Earlier accesses to memory and devices are complete.
inline void complete_all() {
  asm volatile("dsb sy" : : : "memory");
}

/// Earlier stores, also to page tables, are complete and seen by what follows.
inline void complete_stores() {
  asm volatile("dsb ishst; isb" : : : "memory");
}

/// Until an interrupt is pending, masked or not; returns at once if one is.
inline void wait_for_interrupt() {
  asm volatile("dsb sy; wfi" : : : "memory");
}

}  // namespace hawser::guest::cpu
