// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Enumeration and address assignment (PCI Local Bus 3.0, 6.2.5).
#include "pci_bus.hpp"

#include "arch.hpp"
#include "mmio.hpp"

namespace hawser::guest::pci {
namespace {

constexpr std::uint32_t kCommand = 0x04;
constexpr std::uint16_t kCommandIo = 1 << 0;
constexpr std::uint16_t kCommandMemory = 1 << 1;
constexpr std::uint16_t kCommandBusMaster = 1 << 2;
constexpr std::uint32_t kStatus = 0x06;
constexpr std::uint16_t kStatusCapabilities = 1 << 4;
constexpr std::uint32_t kHeaderType = 0x0e;
constexpr std::uint32_t kFirstBar = 0x10;
constexpr std::uint32_t kFirstCapability = 0x34;

constexpr std::uint16_t kNoVendor = 0xffff;
constexpr std::uint16_t kHostBridge = 0x0600;
constexpr std::uint16_t kIsaBridge = 0x0601;

constexpr std::uint32_t kBarIo = 1 << 0;
constexpr std::uint32_t kBarTypeMask = 3 << 1;
constexpr std::uint32_t kBarType64 = 2 << 1;

void clear_command(const Function& function, std::uint16_t bits) {
  function.write16(kCommand, static_cast<std::uint16_t>(function.read16(kCommand) & ~bits));
}

struct BarShape {
  std::uint64_t size = 0;  // 0: not a memory BAR
  bool wide = false;
};

// Writes ones and sees which stick. The function must not be answering meanwhile.
BarShape measure(const Function& function, unsigned bar) {
  const std::uint32_t at = kFirstBar + 4 * bar;
  const std::uint32_t before = function.read32(at);
  if (before & kBarIo) return {};
  BarShape shape;
  shape.wide = (before & kBarTypeMask) == kBarType64 && bar < 5;
  function.write32(at, UINT32_MAX);
  std::uint64_t mask = function.read32(at) & ~UINT32_C(0xf);
  if (shape.wide) {
    function.write32(at + 4, UINT32_MAX);
    mask |= static_cast<std::uint64_t>(function.read32(at + 4)) << 32;
  } else if (mask != 0) {
    mask |= UINT64_C(0xffffffff) << 32;
  }
  const std::uint64_t size = ~mask + 1;
  const bool power_of_two = (size & (size - 1)) == 0;
  shape.size = power_of_two ? size : 0;
  return shape;
}

void assign(const Function& function, unsigned bar, bool wide, std::uint64_t address) {
  const std::uint32_t at = kFirstBar + 4 * bar;
  function.write32(at, static_cast<std::uint32_t>(address));
  if (wide) function.write32(at + 4, static_cast<std::uint32_t>(address >> 32));
}

}  // namespace

std::uint8_t Function::read8(std::uint32_t offset) const {
  return arch::read8(configuration_ + offset);
}
std::uint16_t Function::read16(std::uint32_t offset) const {
  return arch::read16(configuration_ + offset);
}
std::uint32_t Function::read32(std::uint32_t offset) const {
  return arch::read32(configuration_ + offset);
}
void Function::write16(std::uint32_t offset, std::uint16_t value) const {
  arch::write16(configuration_ + offset, value);
}
void Function::write32(std::uint32_t offset, std::uint32_t value) const {
  arch::write32(configuration_ + offset, value);
}

std::uint8_t Function::capability(std::uint8_t id) const {
  if (!(read16(kStatus) & kStatusCapabilities)) return 0;
  std::uint8_t at = read8(kFirstCapability) & 0xfc;
  // 48 capabilities fill the space between the header and byte 256; more is a loop.
  for (int seen = 0; at >= 0x40 && seen < 48; ++seen) {
    if (read8(at) == id) return at;
    at = read8(at + UINT32_C(1)) & 0xfc;
  }
  return 0;
}

bool Bus::open(const Host& host) {
  if (!arch::map(host.ecam, MemoryKind::kDevice)) return false;
  low_left_ = host.low_window;
  high_left_ = host.high_window;
  for (unsigned device = 0; device < 32; ++device) {
    for (unsigned number = 0; number < 8; ++number) {
      const Address address{0, static_cast<std::uint8_t>(device), static_cast<std::uint8_t>(number)};
      const Function function(address, host.ecam.base + (std::uint64_t{address.requester()} << 12));
      if (function.vendor() == kNoVendor) {
        if (number == 0) break;
        continue;
      }
      if (function.kind() != kHostBridge && function.kind() != kIsaBridge) {
        clear_command(function, kCommandIo | kCommandMemory | kCommandBusMaster);
      }
      if (count_ < kMaxFunctions) functions_[count_++] = function;
      constexpr std::uint8_t kManyFunctions = 0x80;
      if (number == 0 && !(function.read8(kHeaderType) & kManyFunctions)) break;
    }
  }
  return true;
}

std::optional<Bars> Bus::claim(const Function& function) {
  clear_command(function, kCommandIo | kCommandMemory);
  Bars bars{};
  for (unsigned bar = 0; bar < bars.size(); ++bar) {
    const BarShape shape = measure(function, bar);
    if (shape.size != 0) {
      const auto range = place(shape.size, shape.wide);
      if (!range) return std::nullopt;
      assign(function, bar, shape.wide, range->base);
      bars[bar] = *range;
    }
    if (shape.wide) ++bar;
  }
  function.write16(kCommand, kCommandMemory | kCommandBusMaster);
  return bars;
}

std::optional<Range> Bus::place(std::uint64_t size, bool above_4g) {
  // Whole pages, so that no two functions share one.
  const std::uint64_t step = size < kPageSize ? kPageSize : size;
  for (Range* left : {above_4g ? &high_left_ : &low_left_, &low_left_}) {
    const std::uint64_t base = align_up(left->base, step);
    if (base < left->base || base > left->end() || left->end() - base < step) continue;
    *left = Range::between(base + step, left->end());
    return Range{base, size};
  }
  return std::nullopt;
}

}  // namespace hawser::guest::pci
