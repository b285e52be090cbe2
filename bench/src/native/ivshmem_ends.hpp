// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// An ivshmem server, a process for the device side, and this one for the driver side.
#pragma once

#include "link_process.hpp"
#include "pair.hpp"

#include <hawser/ivshmem/client/socket_port.hpp>
#include <hawser/ivshmem/link.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace hawser::bench {

inline constexpr std::uint64_t kWindow = 64u << 20;  ///< Bytes of an ivshmem window, or of a broker's domain.
/// A rig is not looked at while others are measured.
inline constexpr Duration kSilence = seconds(120);

class IvshmemEnds {
 public:
  using Link = ivshmem::Link<ivshmem::SocketPort>;
  using Serve = std::function<void(Link&, LinkControl&)>;

  /// `serve` runs in a process of its own, on the other core, until `control.stop`. Forks: no other thread may run. The
  /// server lets in as many as `members`.
  IvshmemEnds(Cores cores, const Serve& serve, unsigned members = 2);

  Link& link() { return link_; }
  LinkControl& control() { return *control_; }
  std::string socket() const { return folder_ / "s"; }
  /// Both ends are there: nobody needs the sockets any more.
  void settled() { folder_.remove(); }

 private:
  SharedControl control_;
  SocketFolder folder_;
  LinkProcess server_, device_;
  ivshmem::SocketPort port_;
  Link link_;
};

}  // namespace hawser::bench
