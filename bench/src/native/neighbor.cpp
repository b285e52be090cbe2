// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "neighbor.hpp"

#include "pair.hpp"

#include <hawser/ivshmem/client/socket_port.hpp>

#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <vector>

namespace hawser::bench {
namespace {

/// False: it has ended.
bool await_rest(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, WUNTRACED) < 0)
    if (errno != EINTR) return false;
  return WIFSTOPPED(status);
}

}  // namespace

Neighbor::Neighbor(const std::function<Nuisance()>& prepare)
    : process_([&prepare] {
        const Nuisance nuisance = prepare();
        raise(SIGSTOP);
        for (;;) nuisance();
      }) {
  if (await_rest(process_.pid())) return;
  process_.forget();
  throw std::runtime_error("a process that should be in the way ended");
}

void Neighbor::go() {
  if (!ended_) kill(process_.pid(), SIGCONT);
}

bool Neighbor::rest() {
  if (ended_) return false;
  kill(process_.pid(), SIGSTOP);
  ended_ = !await_rest(process_.pid());
  if (ended_) process_.forget();
  return !ended_;
}

Neighbor::Nuisance busy(int core) {
  pin(core);
  return [sum = 0u]() mutable {
    for (unsigned n = 0; n < 100'000; ++n) {
      sum += n;
      asm volatile("" : "+r"(sum));  // or it would be computed at once
    }
  };
}

Neighbor::Nuisance writes_memory(int core, std::size_t bytes) {
  pin(core);
  const auto memory = std::make_shared<std::vector<std::byte>>(bytes);
  return [memory] {
    for (std::size_t at = 0; at < memory->size(); at += 64) {
      std::byte& line = (*memory)[at];
      line = std::byte(std::to_integer<unsigned>(line) + 1);
    }
  };
}

Neighbor::Nuisance rings_doorbells(const std::string& socket) {
  const auto port = std::make_shared<ivshmem::SocketPort>(ivshmem::ClientOptions{.socket = socket});
  return [port] {
    for (const std::uint16_t id : port->peers())
      if (id != port->own_id())
        for (std::uint16_t vector = 0; vector < port->vectors(); ++vector) port->ring(id, vector);
  };
}

}  // namespace hawser::bench
