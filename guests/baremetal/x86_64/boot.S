// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// From the PVH entry (32-bit protected mode, no paging, %ebx = start info; Xen docs/misc/pvh.pandoc) to C++ in long
// mode. The tables built here map the first 4 GiB one to one, for as long as it takes C++ to build better ones.

#define CR0_CACHE_DISABLE ((1 << 30) | (1 << 29))
#define CR0_PAGING (1 << 31)
#define CR0_WRITE_PROTECT (1 << 16)
#define CR4_PAE (1 << 5)
#define MSR_EFER 0xc0000080
#define EFER_LONG_MODE (1 << 8)
#define EFER_NO_EXECUTE (1 << 11)
#define PAGE_PRESENT_WRITE 3
#define PAGE_LARGE (1 << 7)

  .section .note.pvh, "a", @note
  .balign 4
  .long 4              // "Xen\0"
  .long 4              // one 32-bit address
  .long 18             // XEN_ELFNOTE_PHYS32_ENTRY
  .asciz "Xen"
  .long pvh_entry

  .section .head, "ax"
  .code32
  .globl pvh_entry
pvh_entry:
  cli
  cld
  movl %ebx, %ebp

  // A warm reset leaves the image's data as they were, but not its zeroes.
  movl $bss_start, %edi
  movl $bss_end, %ecx
  subl %edi, %ecx
  shrl $2, %ecx
  xorl %eax, %eax
  rep stosl

  movl $(boot_l3 + PAGE_PRESENT_WRITE), boot_l4
  movl $(boot_l2 + PAGE_PRESENT_WRITE), %eax
  movl $boot_l3, %edi
  movl $4, %ecx
1:movl %eax, (%edi)
  addl $4096, %eax
  addl $8, %edi
  loop 1b

  movl $(PAGE_PRESENT_WRITE + PAGE_LARGE), %eax
  movl $boot_l2, %edi
  movl $2048, %ecx
2:movl %eax, (%edi)
  addl $0x200000, %eax
  addl $8, %edi
  loop 2b

  movl $CR4_PAE, %eax
  movl %eax, %cr4
  movl $boot_l4, %eax
  movl %eax, %cr3
  movl $MSR_EFER, %ecx
  rdmsr
  orl $(EFER_LONG_MODE + EFER_NO_EXECUTE), %eax
  wrmsr
  movl %cr0, %eax
  andl $~CR0_CACHE_DISABLE, %eax
  orl $(CR0_PAGING + CR0_WRITE_PROTECT), %eax
  movl %eax, %cr0
  lgdt gdt_pointer
  ljmp $0x08, $long_mode

  .code64
long_mode:
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  xorl %eax, %eax
  movl %eax, %fs
  movl %eax, %gs
  movl $stack_end, %esp
  movl %ebp, %edi
  xorl %ebp, %ebp
  call x86_64_start
  ud2

  .data
  .balign 8
  .globl gdt
gdt:
  .quad 0
  .quad 0x00af9a000000ffff   // 0x08: 64-bit code
  .quad 0x00cf92000000ffff   // 0x10: data
  .quad 0, 0                 // 0x18: the task state segment, filled in by C++
gdt_pointer:
  .word gdt_pointer - gdt - 1
  .long gdt

  .bss
  .balign 4096
boot_l4: .skip 4096
boot_l3: .skip 4096
boot_l2: .skip 4 * 4096

  .section .note.GNU-stack, "", @progbits
