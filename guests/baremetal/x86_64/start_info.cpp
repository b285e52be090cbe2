// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Copies the start info before its memory is used for anything else.
#include "start_info.hpp"

#include <cstring>

namespace hawser::guest {
namespace {

constexpr std::uint32_t kMagic = 0x336ec578;
constexpr std::uint64_t kBootMapped = UINT64_C(1) << 32;  // what boot.S maps

struct Header {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint32_t flags;
  std::uint32_t module_count;
  std::uint64_t modules;
  std::uint64_t command_line;
  std::uint64_t rsdp;
  // Since version 1:
  std::uint64_t memory_map;
  std::uint32_t memory_map_count;
  std::uint32_t reserved;
};
static_assert(sizeof(Header) == 56);

struct Module {
  std::uint64_t address;
  std::uint64_t size;
  std::uint64_t command_line;
  std::uint64_t reserved;
};
static_assert(sizeof(Module) == 32);

struct MemoryMapEntry {
  std::uint64_t address;
  std::uint64_t size;
  std::uint32_t type;
  std::uint32_t reserved;
};
static_assert(sizeof(MemoryMapEntry) == 24);

constexpr std::uint32_t kRam = 1;

template <class T>
std::optional<T> copy_from(std::uint64_t address) {
  if (address == 0 || address > kBootMapped - sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof value);
  return value;
}

}  // namespace

bool StartInfo::read(std::uint32_t address) {
  const auto header = copy_from<Header>(address);
  if (!header || header->magic != kMagic) return false;

  for (std::uint64_t at = header->command_line; header->command_line != 0 && text_size < text.size(); ++at) {
    const auto c = copy_from<char>(at);
    if (!c || *c == '\0') break;
    text[text_size++] = *c;
  }
  if (header->module_count != 0) {
    if (const auto module = copy_from<Module>(header->modules)) {
      initrd = Range::clipped(module->address, module->size);
    }
  }
  if (header->version >= 1 && header->memory_map < kBootMapped) {
    for (std::uint32_t i = 0; i < header->memory_map_count && ram_count < kMaxRam; ++i) {
      const auto entry = copy_from<MemoryMapEntry>(header->memory_map + i * sizeof(MemoryMapEntry));
      if (!entry) break;
      if (entry->type == kRam) ram[ram_count++] = Range::clipped(entry->address, entry->size);
    }
  }
  return true;
}

}  // namespace hawser::guest
