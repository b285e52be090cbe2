// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A process's access to a broker, which ends the process at a step of its fate: before a hypercall is posted, when it is
// posted but not rung for, when the broker is at it, and when its result is there.
#pragma once

#include "shared.hpp"

#include <hawser/argo/broker_port.hpp>
#include <hawser/argo/link_options.hpp>
#include <hawser/ivshmem/client/socket_port.hpp>
#include <hawser/ivshmem/server/error.hpp>

#include <poll.h>
#include <signal.h>

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>

namespace hawser::test {

/// One process has one life, and a signal handler's reach.
struct ThisLife {
  static inline app::Fate fate;
  static inline LifeCount* count = nullptr;

  static void begin(const PartyWords& words, LifeCount& where) {
    count = &where;
    fate = app::Fate(words.step, words.at, [] {
      record();
      (void)::kill(::getpid(), SIGKILL);
      for (;;) (void)::pause();
    });
  }
  static void record() {
    for (std::size_t n = 0; n < app::kSteps; ++n) count->steps[n] = fate.count(static_cast<app::Step>(n));
  }
};

/// A window whose rings for the broker are steps.
class MortalWindow {
 public:
  explicit MortalWindow(const std::string& socket) {
    // The life before may still be this domain, as far as the broker has noticed.
    for (int tries = 0;; ++tries) {
      try {
        port_.emplace(
            ivshmem::ClientOptions{.socket = socket, .patience = seconds(10), .wait_for_server = true});
        return;
      } catch (const ivshmem::Error&) {
        if (tries == 2000) throw;
        (void)::poll(nullptr, 0, 2);
      }
    }
  }
  ivshmem::SocketPort& socket() { return *port_; }
  void calling(std::optional<app::Step> step) { calling_ = step; }

  std::span<std::byte> memory() const { return port_->memory(); }
  void ring(std::uint16_t id, std::uint16_t vector) {
    if (calling_) ThisLife::fate.step(*calling_);
    port_->ring(id, vector);
    if (calling_) ThisLife::fate.step(*calling_);
  }
  Wake wait(Instant until) { return port_->wait(until); }
  Instant now() const { return port_->now(); }
  bool server_alive() const { return port_->server_alive(); }

 private:
  std::optional<ivshmem::SocketPort> port_;
  std::optional<app::Step> calling_;
};

/// Satisfies argo::Port.
class MortalPort {
 public:
  MortalPort(const PartyWords& words, argo::Role role) : role_(role), window_(words.socket), port_(window_) {
    if (const auto attached = port_.attach(); !attached.ok())
      throw std::runtime_error(argo::describe(attached.error()));
  }
  MortalWindow& window() { return window_; }

  std::span<std::byte> memory() const { return port_.memory(); }
  std::uint64_t frame(const std::byte* page) const { return port_.frame(page); }
  std::int64_t hypercall(argo::Command command, void* first, void* second, std::uint32_t third,
                         std::uint32_t fourth) {
    const app::Step step = app::step_of(role_, command, first, fourth);
    ThisLife::fate.step(step);
    window_.calling(step);
    const std::int64_t result = port_.hypercall(command, first, second, third, fourth);
    window_.calling(std::nullopt);
    ThisLife::fate.step(step);
    return result;
  }
  bool take_signal() { return port_.take_signal(); }
  Wake wait(Instant until) { return port_.wait(until); }
  Instant now() const { return port_.now(); }

 private:
  argo::Role role_;
  MortalWindow window_;
  argo::BrokerPort<MortalWindow> port_;
};

static_assert(argo::Port<MortalPort>);

inline argo::LinkOptions link_options(const PartyWords& words, argo::Role role) {
  return {.role = role,
          .peer = words.peer,
          .data_bytes = 64u << 10,
          .max_parcel = 20u << 10,
          .silence = milliseconds(100),
          .noise = static_cast<std::uint32_t>(::getpid())};
}

}  // namespace hawser::test
