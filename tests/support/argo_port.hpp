// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A domain of the broker's engine, and faults to order: for the tests of what stands on argo::Port.
#pragma once

#include <hawser/argo/broker/domain_port.hpp>
#include <hawser/argo/spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace hawser::test {

class ArgoPort {
 public:
  ArgoPort(argo::broker::House& house, argo::broker::DomainId id, std::size_t bytes = 1 << 20)
      : domain_(house, id, bytes) {}

  std::span<std::byte> memory() const { return domain_.memory(); }
  std::uint64_t frame(const std::byte* page) const { return domain_.frame(page); }
  Instant now() const { return domain_.now(); }

  std::int64_t hypercall(argo::Command command, void* arg1, void* arg2, std::uint32_t arg3,
                         std::uint32_t arg4) {
    if (dead) return -38;
    ++calls[static_cast<unsigned>(command)];
    if (before) before(command);
    if (refuse) {
      if (const auto error = refuse(command)) {
        // As sendv's late errors come: zero-extended.
        return static_cast<std::int64_t>(static_cast<std::uint32_t>(-*error));
      }
    }
    return domain_.hypercall(command, arg1, arg2, arg3, arg4);
  }
  bool take_signal() { return domain_.take_signal(); }
  Wake wait(Instant until) {
    if (spurious) return Wake::kRung;
    if (!deaf) return domain_.wait(until);
    while (domain_.wait(until) == Wake::kRung) {
    }
    return Wake::kTimeout;
  }

  argo::broker::DomainPort& domain() { return domain_; }

  bool dead = false;  ///< Makes no hypercall any more: a domain that stopped, without having been destroyed.
  bool deaf = false;  ///< No signal ends a wait.
  bool spurious = false;                      ///< Every wait ends at once.
  std::function<void(argo::Command)> before;  ///< Each hypercall.
  std::function<std::optional<std::int32_t>(argo::Command)>
      refuse;                            ///< With that errno, instead of the call.
  std::array<std::uint64_t, 5> calls{};  ///< How many of each, by their numbers.
  std::uint64_t calls_of(argo::Command command) const { return calls[static_cast<unsigned>(command)]; }

 private:
  argo::broker::DomainPort domain_;
};

static_assert(argo::Port<ArgoPort>);

/// Everybody may send to everybody.
inline argo::broker::Options allow_all() {
  return {.rules = {argo::broker::Rule{}}};
}

}  // namespace hawser::test
