// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A domain's hypercalls to a broker, over an ivshmem window; and the examination, as a bare-metal domain has it.
#include "../conformance/argo/rows.hpp"
#include "parts.hpp"

#include <hawser/argo/broker_port.hpp>

template class hawser::argo::BrokerPort<hawser::freestanding::Port>;

namespace hawser::freestanding {

struct ExamHost {
  argo::BrokerPort<Port>& port;
  volatile std::uint32_t* uart = nullptr;

  std::span<std::byte> memory() { return port.memory(); }
  std::uint64_t frame(const std::byte* page) { return port.frame(page); }
  std::int64_t raw(std::uint32_t command, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                   std::uint64_t d) {
    return port.raw(command, a, b, c, d);
  }
  bool take_signal() { return port.take_signal(); }
  Wake wait(Instant until) { return port.wait(until); }
  Instant now() { return port.now(); }
  std::uint16_t own() { return port.domain(); }
  std::uint16_t peer() { return 2; }
  conformance::argo::Facts facts() { return {}; }
  void report(const char* id, const conformance::argo::Verdict& verdict) {
    *uart = static_cast<std::uint32_t>(id[0]) << 8 | static_cast<std::uint32_t>(verdict.outcome);
  }
};

unsigned examine(ExamHost& host) {
  return conformance::argo::examine(host, seconds(60));
}

void assist(ExamHost& host) {
  conformance::argo::Assistant<ExamHost>(host).run(seconds(60));
}

}  // namespace hawser::freestanding
