// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The ivshmem Port of a process in a Linux guest that has an IOMMU and no module of ours: the PCI function by vfio-pci.
#pragma once

#include <hawser/process/mapped_port.hpp>
#include <hawser/process/owned_fd.hpp>

#include <hawser/ivshmem/port.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace hawser::process {

/// Has the function from construction to destruction; however this process ends, the kernel then turns the function's
/// interrupts off. It stays bound to vfio-pci.
class VfioPort : public MappedPort {
 public:
  /// `address`: as in /sys/bus/pci/devices.
  /// @throws std::runtime_error in one sentence, with what to type where that helps.
  explicit VfioPort(const std::string& address);

  // The rest of the Port concept.
  std::uint16_t own_id() const { return own_id_; }
  std::uint16_t vectors() const { return static_cast<std::uint16_t>(doorbells_.size()); }
  void ring(std::uint16_t id, std::uint16_t vector);

  /// How the processor treats the window here, and what to do about it.
  std::string memory_note() const;

 private:
  struct Region {
    std::uint64_t bytes = 0, offset = 0;
    bool mappable = false;
  };
  void open_group(unsigned number);
  Region region(std::uint32_t index) const;
  void enable();
  void take_interrupts();

  std::string address_;
  OwnedFd container_, group_, device_;
  std::vector<OwnedFd> doorbells_;
  Region registers_;
  std::uint16_t own_id_ = 0;
};

static_assert(ivshmem::Port<VfioPort>);

}  // namespace hawser::process
