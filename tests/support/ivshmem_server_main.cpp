// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The server as a program whose limits of time can be set, for tests only: users have `hawser ivshmem-server`.
#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/server.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  hawser::ivshmem::ServerOptions options;
  std::string size = "16M";
  double knock_limit = 10;
  double stall_limit = 60;
  CLI::App app{"ivshmem server, for tests"};
  app.add_option("--socket", options.socket);
  app.add_option("--size", size);
  app.add_option("--vectors", options.vectors);
  app.add_option("--max-peers", options.max_peers);
  app.add_option("--policy", options.policy);
  app.add_option("--status-socket", options.status_socket);
  app.add_option("--knock-limit", knock_limit);
  app.add_option("--stall-limit", stall_limit);
  CLI11_PARSE(app, argc, argv);
  try {
    options.size = hawser::ivshmem::parse_memory_size(size);
  } catch (const hawser::ivshmem::Error& e) {
    fmt::print(stderr, "ivshmem-server: {}\n", e.what());
    return 1;
  }
  options.knock_limit.ns = static_cast<std::uint64_t>(knock_limit * 1e9);
  options.stall_limit.ns = static_cast<std::uint64_t>(stall_limit * 1e9);
  return hawser::ivshmem::run_server(std::move(options));
}
