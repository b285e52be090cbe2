// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The page tables, and the caches they speak of.
#include "mmu.hpp"

#include "arch.hpp"
#include "cpu.hpp"
#include "end.hpp"
#include "image.hpp"
#include "page_entries.hpp"
#include "page_tables.hpp"

namespace hawser::guest {
namespace {

// 64 tables of 2 MiB blocks: RAM and windows of about 50 GiB in all.
constinit PageTables<PageEntries, 64> tables;

constexpr std::uint32_t kMsrMtrrCapabilities = 0xfe;
constexpr std::uint32_t kMsrMtrrDefault = 0x2ff;
constexpr std::uint32_t kMsrMtrrMask0 = 0x201;
constexpr std::uint64_t kMtrrEnable = 1 << 11;
constexpr std::uint64_t kMtrrWriteBack = 6;
constexpr std::uint32_t kCpuidMtrr = 1 << 12;

// Firmware marks the PCI hole uncachable, and then a BAR2 in it can never be write-back (a page table entry cannot
// overrule an MTRR); without firmware everything starts uncachable. So: all of memory write-back, and the page tables
// alone say what is a device. The order is the SDM's (vol. 3, 11.11.7.2).
void make_page_tables_decide_caching() {
  if (!(cpu::cpuid(1).d & kCpuidMtrr)) return;
  std::uint64_t cr0, cr3;
  asm volatile("mov %%cr0, %0" : "=r"(cr0));
  asm volatile("mov %0, %%cr0; wbinvd" : : "r"((cr0 | 1u << 30) & ~std::uint64_t{1u << 29}) : "memory");
  asm volatile("mov %%cr3, %0" : "=r"(cr3));
  asm volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
  const auto variable = static_cast<std::uint32_t>(cpu::read_msr(kMsrMtrrCapabilities) & 0xff);
  for (std::uint32_t i = 0; i < variable; ++i) cpu::write_msr(kMsrMtrrMask0 + 2 * i, 0);
  cpu::write_msr(kMsrMtrrDefault, kMtrrEnable | kMtrrWriteBack);
  asm volatile("wbinvd; mov %0, %%cr3" : : "r"(cr3) : "memory");
  asm volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
}

}  // namespace

void switch_to_own_page_tables() {
  const auto map = [](Range range, MemoryKind kind) { return tables.map(range, kind); };
  if (!image::map_parts(map)) give_up("the image does not fit its own page tables");
  asm volatile("mov %0, %%cr3" : : "r"(tables.root()) : "memory");
  make_page_tables_decide_caching();
}

bool arch::map(Range range, MemoryKind kind) {
  return tables.map(range, kind);
}

}  // namespace hawser::guest
