// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What sysfs says of a PCI function that vfio-pci is to give to a process, and what to type where something is missing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::process {

/// DDDD:BB:DD.F as in /sys/bus/pci/devices; lspci leaves the domain 0000 out, and so may who types.
std::optional<std::string> pci_address(std::string_view text);

/// The number of its IOMMU group.
/// @throws std::runtime_error in one sentence if it is not there, not an ivshmem device, in no group, or not vfio-pci's.
unsigned vfio_group(const std::string& address, const std::filesystem::path& sys = "/sys");

/// How vfio-pci maps memory, which it never asks the processor to cache.
std::string vfio_memory_note(const std::string& address, bool arm);

}  // namespace hawser::process
