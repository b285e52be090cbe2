// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One bare-metal guest under QEMU, and the command line that starts it.
#pragma once

#include <hawser/launch/accel.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hawser::launch {

struct Machine {
  std::string name;  ///< For QEMU's -name and for messages.
  Arch arch = Arch::kX86_64;
  std::filesystem::path image;
  std::string accel = "tcg";
  unsigned memory_mib = 128;
  std::vector<std::string> arguments;  ///< Words of the guest's command line; none contains a space or comma.
  std::filesystem::path ivshmem_socket;  ///< The server's; empty: no doorbell device.
  unsigned vectors = 8;                  ///< As the server hands out.
  std::optional<std::filesystem::path> initrd;
  std::optional<std::filesystem::path>
      disk_memory;  ///< A file lent to the guest as an ivshmem-plain device; a power of two in size.
  std::uint64_t disk_memory_bytes = 0;
};

/// Throws std::runtime_error with one sentence if the machine can not be expressed (a comma in a path is escaped, a
/// newline is refused).
std::vector<std::string> qemu_command(const Machine& machine);

}  // namespace hawser::launch
