// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A process on a link: greets every peer through the shared memory and answers doorbells until the server is gone.
#include <hawser/ivshmem/client/socket_port.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) try {
  if (argc != 2) {
    fmt::print(stderr, "usage: process_peer SOCKET\n");
    return 2;
  }
  hawser::ivshmem::ClientOptions options;
  options.socket = argv[1];
  options.wait_for_server = true;
  hawser::ivshmem::SocketPort port(options);
  fmt::print("peer {}: {} bytes, {} vectors\n", port.own_id(), port.memory().size(), port.vectors());

  port.memory()[port.own_id() % 4096] = std::byte{1};
  for (const std::uint16_t peer : port.peers()) port.ring(peer, 0);
  while (port.server_alive()) {
    const hawser::Wake wake = port.wait(port.now() + hawser::seconds(10));
    fmt::print("{}; {} peers\n", wake == hawser::Wake::kRung ? "look" : "nothing for 10 s",
               port.peers().size());
  }
  fmt::print("the server {}\n", port.server_loss());
  return 0;
} catch (const std::exception& e) {
  fmt::print(stderr, "process_peer: {}\n", e.what());
  return 1;
}
