// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The PVH start info (Xen xen/include/public/arch-x86/hvm/start_info.h): command line, modules, memory map.
#pragma once

#include "range.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hawser::guest {

/// A private copy of what the loader says. Everything read lies in the first 4 GiB; what does not is left out.
struct StartInfo {
  static constexpr std::size_t kMaxRam = 16;

  std::array<char, 2048> text{};
  std::size_t text_size = 0;
  Range initrd;  ///< The first module.
  std::array<Range, kMaxRam> ram{};
  std::size_t ram_count = 0;

  std::string_view command_line() const { return {text.data(), text_size}; }
  std::span<const Range> memory() const { return {ram.data(), ram_count}; }

  /// False when there is no start info at this address. To be called while the boot code's mapping stands.
  bool read(std::uint32_t address);
};

}  // namespace hawser::guest
