// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The examination's view of a DomainPort.
#pragma once

#include "conformance/argo/rows.hpp"

#include <hawser/argo/broker/domain_port.hpp>

#include <functional>
#include <string_view>

namespace hawser::test {

class HouseHost {
 public:
  HouseHost(argo::broker::DomainPort& port, std::uint16_t peer, conformance::argo::Facts facts = {})
      : port_(port), peer_(peer), facts_(facts) {}

  std::span<std::byte> memory() { return port_.memory(); }
  std::uint64_t frame(const std::byte* page) { return port_.frame(page); }
  std::int64_t raw(std::uint32_t command, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                   std::uint64_t d) {
    return port_.raw(command, a, b, c, d);
  }
  bool take_signal() { return port_.take_signal(); }
  Wake wait(Instant until) { return port_.wait(until); }
  Instant now() { return port_.now(); }
  std::uint16_t own() { return port_.id(); }
  std::uint16_t peer() { return peer_; }
  conformance::argo::Facts facts() { return facts_; }
  void report(const char* id, const conformance::argo::Verdict& verdict) {
    if (on_report) on_report(id, verdict);
  }

  std::function<void(std::string_view, const conformance::argo::Verdict&)> on_report;

 private:
  argo::broker::DomainPort& port_;
  std::uint16_t peer_;
  conformance::argo::Facts facts_;
};

static_assert(conformance::argo::Host<HouseHost>);

/// Two domains that may send to each other, and what the examination has to know of them.
struct TwoDomains {
  static constexpr std::size_t kBytes = 512 * 1024;

  explicit TwoDomains(argo::broker::Options options,
                      argo::broker::House::Time time = argo::broker::House::Time::kVirtual)
      : house(with_rules(std::move(options)), time), one(house, 1, kBytes), two(house, 2, kBytes) {}

  static argo::broker::Options with_rules(argo::broker::Options options) {
    options.rules = {argo::broker::Rule{.from = 1, .to = 2}, argo::broker::Rule{.from = 2, .to = 1}};
    return options;
  }

  conformance::argo::Facts facts() {
    return house.with([&](const argo::broker::Xen& xen) {
      conformance::argo::Facts facts;
      facts.mac_permissive = xen.options().mac_permissive;
      facts.zero_extended_errors = xen.options().quirks.zero_extended_errors;
      facts.ring_count_leak = xen.options().quirks.ring_count_leak;
      facts.unmapped = reinterpret_cast<std::uintptr_t>(one.memory().data()) - 4096 + 64;
      facts.foreign = reinterpret_cast<std::uintptr_t>(two.memory().data());
      facts.device_frame = 0;
      return facts;
    });
  }

  argo::broker::House house;
  argo::broker::DomainPort one, two;
};

}  // namespace hawser::test
