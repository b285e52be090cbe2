// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// 256 entry points, 16 bytes apart, for 256 interrupt vectors. Vectors below 32 are the processor's own and never
// return; the others are taken only between the `sti` and the `cli` of cpu.hpp.

  .text
  .balign 16
  .globl trap_stubs
trap_stubs:
  .set vector, 0
  .rept 256
  .balign 16
  // These push an error code themselves (Intel SDM vol. 3, table 6-1).
  .if !((vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || \
        (vector == 29) || (vector == 30))
  pushq $0
  .endif
  pushq $vector
  .if vector < 32
  jmp fault_entry
  .else
  jmp interrupt_entry
  .endif
  .set vector, vector + 1
  .endr

fault_entry:
  movq %rsp, %rdi
  andq $-16, %rsp
  cld
  call x86_64_fault
  ud2

interrupt_entry:
  pushq %rax
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  leaq 72(%rsp), %rdi         // the frame: vector, error code, and what the processor pushed
  pushq %rbp
  movq %rsp, %rbp
  andq $-16, %rsp
  cld
  call x86_64_interrupt
  movq %rbp, %rsp
  popq %rbp
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rax
  addq $16, %rsp
  iretq

  .section .note.GNU-stack, "", @progbits
