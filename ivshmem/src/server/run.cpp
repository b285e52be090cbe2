// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "listener.hpp"

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/server.hpp>

#include <csignal>
#include <cstdio>

namespace hawser::ivshmem {

int run_server(ServerOptions options) {
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads the log may go away
  // fputs: a log that cannot be written (a full disk, nobody reads) must not end the server, as fmt::print would.
  const auto say = [](std::string_view line) {
    std::fputs(fmt::format("ivshmem-server: {}\n", line).c_str(), stderr);
  };
  if (!options.log) options.log = say;
  int status = 2;
  try {
    ServerControl control;
    control.take_signals();
    options.inherited = inherited_sockets();
    Server server(std::move(options));
    status = 1;
    server.run(control);
    return 0;
  } catch (const std::exception& e) {
    say(e.what());
    return status;
  }
}

}  // namespace hawser::ivshmem
