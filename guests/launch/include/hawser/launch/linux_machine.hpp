// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One Linux guest under QEMU: Debian's kernel, and the initramfs of guests/linux/image.
#pragma once

#include <hawser/launch/accel.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hawser::launch {

struct LinuxMachine {
  std::string name;  ///< For QEMU's -name and for messages.
  Arch arch = Arch::kX86_64;
  std::filesystem::path kernel, initramfs;
  std::string accel = "tcg";
  unsigned memory_mib = 384;
  std::vector<std::string>
      arguments;  ///< Words of the kernel's command line, after ours; none contains a space.
  std::filesystem::path ivshmem_socket;       ///< The server's; empty: no doorbell device.
  unsigned vectors = 8;                       ///< As the server hands out.
  std::optional<std::filesystem::path> disk;  ///< The guest's own, QEMU's virtio-blk: /dev/vda.
};

/// Fills in kernel and initramfs, which lie in IMAGES/linux/ARCH. Throws std::runtime_error with one sentence if one is
/// missing.
void find_linux(LinuxMachine& machine, const std::filesystem::path& images);

/// Throws std::runtime_error with one sentence if the machine can not be expressed.
std::vector<std::string> qemu_command(const LinuxMachine& machine);

}  // namespace hawser::launch
