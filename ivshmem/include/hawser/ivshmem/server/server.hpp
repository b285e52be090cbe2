// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The ivshmem server: hands every admitted client the memory of its link and everybody's doorbells, in the
// protocol that stock QEMU speaks. What it survives is listed in the module's README, with the tests.
#pragma once

#include <hawser/ivshmem/server/control.hpp>
#include <hawser/ivshmem/server/fd.hpp>
#include <hawser/transport/time.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::ivshmem {

struct ServerOptions {
  std::string socket;                         ///< may be empty when every link of the policy names its own
  std::uint64_t size = 16ull << 20;           ///< bytes; a power of two, at least 4 KiB
  std::uint32_t vectors = 8;                  ///< per peer; 1 to 2048
  std::uint32_t max_peers = 64;               ///< at once, per link; 1 to 65536
  std::string policy;                         ///< a file; empty: this user and root, one link
  std::string status_socket;                  ///< answers every connection with one line of JSON; empty: none
  Duration knock_limit = seconds(60);         ///< a newcomer that has read nothing by then is refused
  Duration stall_limit = seconds(60);         ///< a client whose socket stays full for so long is dropped
  std::function<void(std::string_view)> log;  ///< one sentence a call; empty: nothing is said
  std::vector<UniqueFd> inherited;            ///< of links, from a service manager; matched by path
};

class Server {
 public:
  /// Makes the memory objects and sockets: clients may connect as soon as this returns.
  /// Raises this process's soft limit of open files to the hard one.
  /// @throws Error in one sentence; nothing is left behind then.
  explicit Server(ServerOptions options);
  ~Server();  ///< Removes the sockets that it made, unless somebody else's stand there by now.
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves until control.stop(). Throws nothing: whatever a client does ends at most that client.
  void run(ServerControl& control);

  /// The line that the status socket gives, without the newline. Only between or after runs, or from the log.
  std::string status() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// What `hawser ivshmem-server` does: takes over SIGTERM, SIGINT and SIGHUP, accepts sockets from a service
/// manager (LISTEN_FDS), logs to standard error unless options.log is set, serves until told to stop.
/// @return the exit status: 0 after a clean stop; after one sentence on standard error, 2 if it could not start, else 1.
int run_server(ServerOptions options);

}  // namespace hawser::ivshmem
