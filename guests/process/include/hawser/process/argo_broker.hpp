// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Argo where there is no Xen, as a server: what `hawser argo-broker` does. Each domain joins by a socket of its own, as an
// ivshmem client, and has a window whose only other peer is the broker.
#pragma once

#include <hawser/argo/broker/xen.hpp>
#include <hawser/ivshmem/server/control.hpp>
#include <hawser/ivshmem/server/fd.hpp>
#include <hawser/process/say.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::process {

/// `ID:SOCKET[,size=16M]`
struct BrokerDomain {
  argo::broker::DomainId id = 0;
  std::string socket;
  std::uint64_t size = 16ull << 20;
};

/// Throws std::invalid_argument with one sentence.
BrokerDomain parse_broker_domain(std::string_view text);

struct ArgoBrokerOptions {
  std::vector<BrokerDomain> domains;
  /// `argo.rules` are in force in addition to those of the policy file, and before them.
  argo::broker::Options argo;
  std::string policy;  ///< TOML with [[allow]] tables; read again when told to reload. Empty: none
  std::string
      status_socket;  ///< answers every connection of this user or root with one line of JSON. Empty: none
  Say say;
};

/// The rules of a policy file.
/// @throws ivshmem::Error "FILE:LINE: what is wrong and what was expected".
argo::broker::Rules parse_broker_policy(std::string_view text, std::string_view file);
argo::broker::Rules load_broker_policy(const std::string& file);

class ArgoBroker {
 public:
  /// Domains may join as soon as this returns. Raises this process's soft limit of open files to the hard one.
  /// @throws ivshmem::Error, std::invalid_argument in one sentence; nothing is left behind then.
  explicit ArgoBroker(ArgoBrokerOptions options);
  ~ArgoBroker();
  ArgoBroker(const ArgoBroker&) = delete;
  ArgoBroker& operator=(const ArgoBroker&) = delete;

  /// Serves until control.stop(). Throws nothing: whatever a domain does ends at most that domain.
  void run(ivshmem::ServerControl& control);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Takes over SIGTERM, SIGINT (stop) and SIGHUP (read the policy again), and serves until told to stop.
/// Throws with one sentence if it can't begin: std::invalid_argument for wrong words.
void run_argo_broker(ArgoBrokerOptions options);

}  // namespace hawser::process
