// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Domain 0 of a Xen that started all other domains itself: gives domains 1 and 2 the label of the initial SID domU, and sleeps.
// Xen 4.17 starts each of them with the same label (unlabeled), so no FLASK policy could tell them from a third. Without MMU,
// stack or memory of its own; a refusal is in Xen's log. xsm/flask_op.h and arch-arm.h describe the call.

  .text
  .globl start
start:                                // of the Linux boot protocol (Documentation/arm64/booting.rst), wherever it lies
  b label
  .long 0
  .quad 0                             // text_offset
  .quad end - start                   // image_size
  .quad 0xa                           // flags: little-endian, 4 KiB pages, anywhere in memory
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .long 0

label:
  adr x0, first
  bl call
  adr x0, second
  bl call
sleep:
  wfi
  b sleep

call:
  mov x16, #27                        // xsm_op
  hvc #0xea1
  ret

  .macro relabel domain
  .long 24, 1                         // FLASK_RELABEL_DOMAIN, version of the interface
  .long \domain, 12                   // the initial SID domU
  .endm
  .balign 8
first:
  relabel 1
second:
  relabel 2
  .space 64                           // Xen reads as much as its longest request
  .balign 4096, 0
end:
