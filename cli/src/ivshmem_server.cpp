// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "numbers.hpp"
#include "verbs.hpp"

#include <hawser/ivshmem/server/server.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <memory>

namespace hawser::cli {
namespace {

struct ServerWords {
  std::string socket, policy, status_socket;
  std::uint64_t size = 16 << 20;
  unsigned vectors = 8, max_peers = 64;
};

}  // namespace

void add_ivshmem_server(CLI::App& app, Status& status) {
  auto words = std::make_shared<ServerWords>();
  auto* verb =
      app.add_subcommand("ivshmem-server", "give QEMU guests and processes a shared window with doorbells");
  verb->footer(
      "A guest joins with:\n"
      "  -chardev socket,id=w,path=PATH -device ivshmem-doorbell,chardev=w,vectors=8\n"
      "SIGHUP reads the policy again; SIGTERM and SIGINT stop the server and remove its socket.");
  verb->add_option("--socket", words->socket,
                   "where clients connect (not needed if the policy names the sockets)")
      ->check(socket_path());
  verb->add_option("--size", words->size, "size of the window")
      ->transform(window_size(ivshmem::kMinMemorySize, ivshmem::kMaxMemorySize))
      ->default_str("16M");
  verb->add_option("--vectors", words->vectors, "doorbell vectors per peer")
      ->transform(whole(1, ivshmem::kMaxVectors))
      ->capture_default_str();
  verb->add_option("--max-peers", words->max_peers, "peers at the same time, per link")
      ->transform(whole(1, ivshmem::kMaxPeers))
      ->capture_default_str();
  verb->add_option("--policy", words->policy,
                   "TOML file that says who may join which link; without it only this user and root may")
      ->check(CLI::ExistingFile);
  verb->add_option("--status-socket", words->status_socket, "answers every connection with one line of JSON")
      ->check(socket_path());
  verb->callback([words, &status] {
    if (words->socket.empty() && words->policy.empty()) {
      throw CLI::ValidationError("--socket", "is required: clients have to connect somewhere");
    }
    ivshmem::ServerOptions options;
    options.socket = words->socket;
    options.size = words->size;
    options.vectors = words->vectors;
    options.max_peers = words->max_peers;
    options.policy = words->policy;
    options.status_socket = words->status_socket;
    status = ivshmem::run_server(std::move(options));
  });
}

}  // namespace hawser::cli
