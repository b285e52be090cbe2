// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A process as an Argo domain: a connection to `hawser argo-broker`.
#pragma once

#include <hawser/argo/broker_port.hpp>
#include <hawser/ivshmem/client/socket_port.hpp>

#include <string>

namespace hawser::process {

struct BrokerPortAddress {
  std::string socket;
  Duration patience =
      seconds(5);  ///< for the connection; a broker that is not there yet is waited for so long
  argo::BrokerPortOptions port;
};

/// Satisfies argo::Port. One thread, but for cancel(). When it goes, the domain is destroyed.
class BrokerPort {
 public:
  /// @throws ivshmem::Error in one sentence: no broker there, another client is this domain, another version.
  explicit BrokerPort(const BrokerPortAddress& address);

  std::span<std::byte> memory() const { return port_.memory(); }
  std::uint64_t frame(const std::byte* page) const { return port_.frame(page); }
  std::int64_t hypercall(argo::Command command, void* arg1, void* arg2, std::uint32_t arg3,
                         std::uint32_t arg4) {
    return port_.hypercall(command, arg1, arg2, arg3, arg4);
  }
  bool take_signal() { return port_.take_signal(); }
  Wake wait(Instant until) { return port_.wait(until); }
  Instant now() const { return port_.now(); }

  std::int64_t raw(std::uint32_t command, std::uint64_t arg1, std::uint64_t arg2, std::uint64_t arg3,
                   std::uint64_t arg4) {
    return port_.raw(command, arg1, arg2, arg3, arg4);
  }
  std::uint16_t domain() const { return port_.domain(); }
  /// The broker is gone: every hypercall fails from now on.
  bool lost() const { return port_.lost() || !window_.server_alive(); }

  /// For watching other descriptors in wait(), and for cancel().
  ivshmem::SocketPort& window() { return window_; }

 private:
  ivshmem::SocketPort window_;
  argo::BrokerPort<ivshmem::SocketPort> port_;
};

static_assert(argo::Port<BrokerPort>);

}  // namespace hawser::process
