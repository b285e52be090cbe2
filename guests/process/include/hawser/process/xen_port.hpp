// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The Argo Port of a process in a Linux domain of Xen: /dev/hawser_argo of the module hawser_argo.
#pragma once

#include <hawser/process/mapped_port.hpp>
#include <hawser/process/owned_fd.hpp>

#include <hawser/argo/port.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace hawser::process {

/// The module unregisters the rings of whoever ends, however it ends.
class XenPort : public MappedPort {
 public:
  static constexpr std::size_t kDefaultBytes = 16u << 20;

  /// @throws std::runtime_error in one sentence: no such device, not one of ours.
  explicit XenPort(const std::string& path, std::size_t bytes = kDefaultBytes);

  // The rest of the Port concept.
  std::uint64_t frame(const std::byte* page) const;
  std::int64_t hypercall(argo::Command command, void* arg1, void* arg2, std::uint32_t arg3,
                         std::uint32_t arg4);
  /// The signal ends a wait and is gone with it, so there always may be something.
  bool take_signal() { return true; }

 private:
  OwnedFd device_;
  OwnedFd signal_;
};

static_assert(argo::Port<XenPort>);

}  // namespace hawser::process
