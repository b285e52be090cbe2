// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The exception vectors. Interrupts stay masked for good (the runtime asks the interrupt controller itself), so
// whatever comes here is a fault, and none returns.

  .section .vectors, "ax"
  .balign 2048
  .globl vectors
vectors:
  .set entry, 0
  .rept 16
  .balign 128
  mov x0, #entry
  mrs x1, esr_el1
  mrs x2, elr_el1
  mrs x3, far_el1
  b fault
  .set entry, entry + 1
  .endr

fault:
  mrs x4, sctlr_el1
  tbnz x4, #0, 1f
  b leave                             // the MMU is off: no console yet, and C++ may access what is not aligned
1:msr spsel, #1
  ldr x4, =fault_stack_end
  mov sp, x4
  bl aarch64_fault
  brk #0

  .section .note.GNU-stack, "", %progbits
