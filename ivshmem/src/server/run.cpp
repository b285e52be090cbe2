// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "listener.hpp"

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/server.hpp>

#include <cstdio>

namespace hawser::ivshmem {

int run_server(ServerOptions options) {
  const auto say = [](std::string_view line) { fmt::print(stderr, "ivshmem-server: {}\n", line); };
  if (!options.log) options.log = say;
  try {
    ServerControl control;
    control.take_signals();
    options.inherited = inherited_sockets();
    Server server(std::move(options));
    server.run(control);
    return 0;
  } catch (const std::exception& e) {
    say(e.what());
    return 1;
  }
}

}  // namespace hawser::ivshmem
