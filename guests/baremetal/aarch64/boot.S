// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// From the Linux boot protocol (Documentation/arm64/booting.rst: MMU off, x0 = device tree) to C++ at EL1 with the MMU
// and the caches on. C++ runs on SP_EL0 and exceptions on SP_EL1, so that a full stack can still be reported.

  .section .head, "ax"
  b start
  .long 0
  .quad 0x200000                      // text_offset: link.ld
  .quad image_size                    // image_size, with everything that is not in the file
  .quad 0xa                           // flags: little-endian, 4 KiB pages, anywhere in memory
  .quad 0, 0, 0
  .ascii "ARM\x64"
  .long 0

  .text
start:
  msr daifset, #0xf
  mov x19, x0
  mov x21, xzr                        // not a restart

  // Linked to one address. Loaded elsewhere there is nobody to tell, and only one clean way out.
  adrp x0, image_start
  add x0, x0, :lo12:image_start
  ldr x1, =image_start
  cmp x0, x1
  b.ne leave

  mrs x0, CurrentEL
  cmp x0, #(2 << 2)
  b.lo at_el1
  b.hi leave

  // EL2: hand EL1 the timers and the interrupt controller's registers, then step down.
  mov x0, #(1 << 31)                  // HCR_EL2.RW: EL1 is AArch64
  msr hcr_el2, x0
  isb
  mov x0, #3                          // CNTHCTL_EL2: EL1 may read the counter and use the physical timer
  msr cnthctl_el2, x0
  msr cntvoff_el2, xzr
  mrs x0, midr_el1
  msr vpidr_el2, x0
  mrs x0, mpidr_el1
  msr vmpidr_el2, x0
  mov x0, #0x33ff                     // CPTR_EL2: trap nothing
  msr cptr_el2, x0
  msr hstr_el2, xzr
  mrs x0, id_aa64pfr0_el1
  ubfx x0, x0, #24, #4                // GIC system registers?
  cbz x0, 1f
  mrs x0, S3_4_C12_C9_5               // ICC_SRE_EL2
  mov x1, #9                          // SRE, and EL1 may have its own
  orr x0, x0, x1
  msr S3_4_C12_C9_5, x0
  isb
1:ldr x0, =0x30c50830                 // SCTLR_EL1: the bits that are one, MMU and caches off
  msr sctlr_el1, x0
  mov x0, #0x3c4                      // EL1 on SP_EL0, everything masked
  msr spsr_el2, x0
  adr x0, at_el1
  msr elr_el2, x0
  eret

at_el1:
  ldr x0, =0x30c50830
  msr sctlr_el1, x0
  isb
  msr spsel, #1
  ldr x0, =fault_stack_end
  mov sp, x0
  msr spsel, #0
  ldr x0, =stack_end
  mov sp, x0
  ldr x0, =vectors
  msr vbar_el1, x0
  isb

  // With the MMU off these stores pass the caches by; stale lines must not hide them afterwards, nor be written back
  // over them. So: discard the lines before and after.
  bl discard_cached_data
  ldr x0, =bss_start
  ldr x1, =bss_end
2:cmp x0, x1
  b.hs 3f
  stp xzr, xzr, [x0], #16
  b 2b

3:cbnz x21, 6f
  ldr x0, =surviving_start            // what a restart in place will need
  ldr x1, =surviving_end
4:stp xzr, xzr, [x0], #16
  cmp x0, x1
  b.lo 4b
  ldr x0, =boot_device_tree
  str x19, [x0]
  ldr x0, =data_start
  ldr x1, =image_file_end
  ldr x2, =pristine_data
  bl copy_data

6:mov x0, x19
  bl aarch64_build_first_page_tables  // returns the root, or 0
  cbz x0, leave
  mov x20, x0
  bl discard_cached_data

  // Attribute 0: Normal write-back; 1: Device-nGnRE (page_entries.hpp).
  mov x0, #0x04ff
  msr mair_el1, x0
  // 48-bit addresses by TTBR0 with 4 KiB granules, walks write-back inner-shareable; TTBR1 off; the physical size
  // that the processor has.
  ldr x0, =0x00803510
  mrs x1, id_aa64mmfr0_el1
  and x1, x1, #0xf
  cmp x1, #5                          // 48 bits: more needs other table formats
  mov x2, #5
  csel x1, x1, x2, lo
  orr x0, x0, x1, lsl #32
  msr tcr_el1, x0
  msr ttbr0_el1, x20
  tlbi vmalle1
  ic iallu
  dsb sy
  isb
  ldr x0, =0x30c5183d                 // ... MMU, data cache, instruction cache, stack alignment checks on; A stays 0:
                                      // accesses to Normal memory may be misaligned
  msr sctlr_el1, x0
  isb

  mov x29, xzr
  mov x30, xzr
  bl aarch64_start
  brk #0

// A restart in place (restart.hpp), from C++ at EL1: the state of a first start, but for what survives. Nobody is told.
  .globl aarch64_restart
aarch64_restart:
  msr daifset, #0xf
  mrs x3, ctr_el0
  ubfx x3, x3, #16, #4
  mov x2, #4
  lsl x2, x2, x3
  ldr x0, =data_start
  ldr x1, =image_end
7:dc civac, x0                        // before the caches go off, and what is left in them is discarded
  add x0, x0, x2
  cmp x0, x1
  b.lo 7b
  dsb sy
  ldr x0, =0x30c50830
  msr sctlr_el1, x0
  isb
  tlbi vmalle1
  ic iallu
  dsb sy
  isb
  ldr x0, =pristine_data
  ldr x2, =data_start
  ldr x1, =image_file_end
  sub x1, x1, x2
  add x1, x1, x0
  bl copy_data
  ldr x0, =data_start                 // lines fetched again before the caches went off hold the old life's data
  ldr x1, =image_file_end
  bl discard_lines
  ldr x0, =boot_device_tree
  ldr x19, [x0]
  mov x21, #1
  b at_el1

// From x0 up to x1, to x2; whole 16 bytes, perhaps none.
copy_data:
  cmp x0, x1
  b.hs 8f
  ldp x3, x4, [x0], #16
  stp x3, x4, [x2], #16
  b copy_data
8:ret

// Discards cached copies of everything that is not in the image's file; surviving_start begins a line of its own.
discard_cached_data:
  ldr x0, =surviving_start
  ldr x1, =image_end
discard_lines:                        // from x0 up to x1; each begins a line
  mrs x3, ctr_el0
  ubfx x3, x3, #16, #4
  mov x2, #4
  lsl x2, x2, x3                      // the line size
1:dc ivac, x0
  add x0, x0, x2
  cmp x0, x1
  b.lo 1b
  dsb sy
  ret

// PSCI SYSTEM_OFF, by either conduit.
  .globl leave
leave:
  ldr x0, =0x84000008
  hvc #0
  ldr x0, =0x84000008
  smc #0
4:wfi
  b 4b

  .section .note.GNU-stack, "", %progbits
