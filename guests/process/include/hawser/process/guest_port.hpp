// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The ivshmem Port of a process in a Linux guest: /dev/hawserN of the module hawser_ivshmem.
#pragma once

#include <hawser/process/mapped_port.hpp>
#include <hawser/process/owned_fd.hpp>

#include <hawser/ivshmem/port.hpp>

#include <cstdint>
#include <string>

namespace hawser::process {

/// Has the window from construction to destruction; the kernel's own end stands aside meanwhile, and is back afterwards
/// however this process ends. A function that is taken away (unbound, unplugged) takes the memory with it: SIGBUS.
class GuestPort : public MappedPort {
 public:
  /// @throws std::runtime_error in one sentence: no such window, in use, not one of ours.
  explicit GuestPort(const std::string& path);

  // The rest of the Port concept.
  std::uint16_t own_id() const { return own_id_; }
  std::uint16_t vectors() const { return vectors_; }
  void ring(std::uint16_t id, std::uint16_t vector);

  /// What to say of how the processor treats the window here; empty: it is write-back.
  std::string memory_note() const;

 private:
  std::string path_;
  OwnedFd window_;
  OwnedFd doorbell_;  // all vectors ring the same: whoever waits, waits for any
  std::uint16_t own_id_ = 0;
  std::uint16_t vectors_ = 1;
  bool write_back_ = false;
};

static_assert(ivshmem::Port<GuestPort>);

}  // namespace hawser::process
