// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Fills the MSI-X table with function mask set, then unmasks the whole: no message leaves half configured.
#include "msix.hpp"

#include "arch.hpp"
#include "interrupts.hpp"
#include "mmio.hpp"

#include <algorithm>

namespace hawser::guest::pci {
namespace {

constexpr std::uint8_t kMsixCapability = 0x11;
constexpr std::uint32_t kControl = 2;
constexpr std::uint16_t kControlEnable = 1 << 15;
constexpr std::uint16_t kControlMaskAll = 1 << 14;
constexpr std::uint16_t kControlSizeMask = 0x7ff;
constexpr std::uint32_t kTable = 4;
constexpr std::uint32_t kEntrySize = 16;
constexpr std::uint32_t kEntryMasked = 1;

void write_entry(std::uint64_t entry, arch::Message message) {
  arch::write32(entry + 0, static_cast<std::uint32_t>(message.address));
  arch::write32(entry + 4, static_cast<std::uint32_t>(message.address >> 32));
  arch::write32(entry + 8, message.data);
  arch::write32(entry + 12, 0);
}

}  // namespace

MessageSlots enable_messages(const Function& function, const Bars& bars, std::uint16_t wanted) {
  const std::uint32_t capability = function.capability(kMsixCapability);
  if (capability == 0) return {};
  const std::uint16_t control = function.read16(capability + kControl);
  const unsigned entries = (control & kControlSizeMask) + 1u;
  const std::uint32_t table = function.read32(capability + kTable);
  const unsigned bar = table & 7;
  const std::uint64_t offset = table & ~UINT32_C(7);
  if (bar >= bars.size() || offset > bars[bar].size || bars[bar].size - offset < entries * kEntrySize)
    return {};
  const Range area{bars[bar].base + offset, std::uint64_t{entries} * kEntrySize};
  if (!arch::map(area, MemoryKind::kDevice)) return {};

  const unsigned vectors = std::min({entries, unsigned{wanted}, interrupts::left()});
  const auto first = interrupts::reserve(vectors);
  if (vectors == 0 || !first) return {};

  function.write16(capability + kControl, control | kControlEnable | kControlMaskAll);
  for (unsigned v = 0; v < entries; ++v) {
    const std::uint64_t entry = area.base + v * kEntrySize;
    if (v >= vectors) {
      arch::write32(entry + 12, kEntryMasked);
      continue;
    }
    const auto message = arch::route_message(function.address().requester(), v, vectors, *first + v);
    if (!message) {
      function.write16(capability + kControl, control & static_cast<std::uint16_t>(~kControlEnable));
      return {};
    }
    write_entry(entry, *message);
  }
  function.write16(capability + kControl,
                   static_cast<std::uint16_t>((control | kControlEnable) & ~kControlMaskAll));
  return {static_cast<std::uint16_t>(vectors), *first};
}

}  // namespace hawser::guest::pci
