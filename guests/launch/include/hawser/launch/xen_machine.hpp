// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Xen and its domains on one emulated arm64 machine, all started by Xen itself from the device tree (dom0less): no dom0, no
// tool stack, no xenstore.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hawser::launch {

struct XenDomain {
  std::string name;  ///< Of its node; for messages.
  std::filesystem::path image;
  std::filesystem::path ramdisk;  ///< Of a kernel that wants one; empty: none.
  unsigned memory_mib = 64;
  std::vector<std::string> arguments;  ///< Words of the guest's command line; none contains a space.
};

/// Memory that two domains share from their start, and an event channel between them.
struct XenWindow {
  std::string id;  ///< 1 to 15 characters.
  std::uint64_t bytes = 0;
  std::size_t one = 0, other = 1;  ///< Indices into domains.
};

struct XenMachine {
  std::filesystem::path xen;
  std::vector<XenDomain>
      domains;  ///< Xen numbers them from 1 on, in this order, and starts them in this order.
  std::vector<XenWindow> windows;
  bool argo = false;
  /// Xen's access policy: empty for its own default, which is "silo" and forbids domains to speak Argo with one another;
  /// "dummy" allows it; "flask" does what its rules say.
  std::string policy;
  std::filesystem::path domain0;  ///< The image of a small domain 0; empty: there is no such domain.
  std::filesystem::path rules;    ///< Of "flask", compiled; empty: those that Xen was built with, if it was.
  std::vector<std::string> arguments;  ///< Further words for Xen.
  unsigned processors = 1;             ///< Of the machine. Each of more than one is a thread of QEMU's.
  bool counted = false;  ///< Its clock counts instructions, one a nanosecond. Of one processor only.
};

/// Where everything lies in the machine's memory. Throws std::runtime_error with one sentence if a file can not be read.
struct XenLayout {
  static constexpr std::uint64_t kWindowInGuest = 0x90000000;  ///< The first window's address in its domains.

  struct Piece {
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<Piece> images;    ///< One for each domain.
  std::vector<Piece> ramdisks;  ///< The same; of no bytes where there is none.
  Piece domain0, rules;         ///< Of no bytes where there are none.
  std::vector<Piece> windows;   ///< One for each window.
  unsigned memory_mib = 0;      ///< Of the whole machine.

  explicit XenLayout(const XenMachine& machine);
};

/// QEMU's device tree of the bare machine, as it is without Xen, with what Xen is to do: its command line, its domains, their windows and event channels. Throws
/// std::runtime_error with one sentence if it is no device tree or something can not be expressed in it.
std::vector<std::byte> xen_tree(const XenMachine& machine, const XenLayout& layout,
                                const std::vector<std::byte>& bare_tree);

/// Asks QEMU for its device tree and writes to `file` what xen_tree() makes of it. Throws std::runtime_error with one
/// sentence.
void write_xen_tree(const XenMachine& machine, const XenLayout& layout, const std::filesystem::path& file);

/// The words that start it all; `tree` is a file with what xen_tree() made.
std::vector<std::string> qemu_xen_command(const XenMachine& machine, const XenLayout& layout,
                                          const std::filesystem::path& tree);

}  // namespace hawser::launch
