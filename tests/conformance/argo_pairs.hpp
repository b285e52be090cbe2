// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Pairs of Argo links for the suite: two domains of the broker's engine.
#pragma once

#include "conformance/bench.hpp"
#include "support/argo_port.hpp"

#include <hawser/argo/link.hpp>

#include <memory>
#include <optional>

namespace hawser::conformance {

/// What happens to the domain of an end that is killed.
enum class Death : std::uint8_t {
  kDestroyed,  ///< Its rings are gone, and those that were registered for it; the id returns as a new domain.
  kStopped,    ///< Nothing: its rings take what is sent. It restarts in place, in the memory that it had.
};

template <Death kDeath, argo::broker::House::Time kTime, std::uint32_t kControlBytes,
          class L = argo::Link<test::ArgoPort>>
class ArgoPair {
 public:
  using LinkType = L;
  static constexpr bool kTwoThreads = kTime == argo::broker::House::Time::kReal;
  static constexpr bool kRingsMayBeLate = false;
  // In real time a busy machine may keep both ends from running for a while.
  static constexpr Duration kSilence = kTwoThreads ? seconds(2) : milliseconds(400);
  static constexpr std::uint32_t kDataBytes = 64u << 10;

  explicit ArgoPair(std::uint64_t) {
    start(End::kFirst);
    start(End::kSecond);
  }

  LinkType& first() { return *link(End::kFirst); }
  LinkType& second() { return *link(End::kSecond); }

  void kill(End end) {
    port(end)->dead = true;
    link(end).reset();
    if (kDeath == Death::kDestroyed) port(end).reset();
  }
  void revive(End end) { start(end); }
  void advance(Duration span) { house_->advance(span); }

  /// A frame of the end's own epoch, for its peer's, that no honest end sends.
  void misbehave(End end) {
    const Epoch epoch = link(end)->epoch();
    argo::FrameHeader header{epoch.own, epoch.peer, 0, 0};
    auto kind = argo::FrameKind::kCredit;
    Message body;
    switch (deeds_++ % 4) {
      case 0:
        header.channel_freed = 0x7fffffff;
        break;
      case 1:
        header.data_freed = header.data_freed - 16;
        break;
      case 2:
        kind = argo::FrameKind{0x48570099};
        break;
      default:
        kind = argo::FrameKind::kMessage;
        body.resize(link(end)->channel().mtu() + 1);
        break;
    }
    const std::array parts = {wire_bytes(header), std::span<const std::byte>(body)};
    const auto memory = port(end)->memory();
    argo::Calls<test::ArgoPort> calls(*port(end), memory.last(argo::kPageBytes));
    const auto options = options_of(end);
    const auto to = argo::port_of(0, options_of(other(end)).role, argo::RingKind::kControl);
    REQUIRE(calls.sendv(0, {to, options.peer}, parts, static_cast<std::uint32_t>(kind)).ok());
  }

  /// Nobody but the domain itself and Xen can write here, but a ring that makes no sense must do no harm.
  std::span<std::byte> control_bytes() {
    return argo::divide(port(End::kFirst)->memory(), options_of(End::kFirst)).control;
  }

 private:
  std::optional<test::ArgoPort>& port(End end) { return ports_[static_cast<unsigned>(end)]; }
  std::optional<LinkType>& link(End end) { return links_[static_cast<unsigned>(end)]; }

  static argo::LinkOptions options_of(End end) {
    return {.role = end == End::kFirst ? argo::Role::kDriver : argo::Role::kDevice,
            .peer = static_cast<std::uint16_t>(end == End::kFirst ? 2 : 1),
            .control_bytes = kControlBytes,
            .data_bytes = kDataBytes,
            .max_parcel = 16u << 10,
            .silence = kSilence};
  }

  void start(End end) {
    if (!port(end))
      port(end).emplace(*house_, static_cast<std::uint16_t>(1 + static_cast<unsigned>(end)), 1u << 18);
    port(end)->dead = false;
    const auto options = options_of(end);
    link(end).emplace(*port(end), port(end)->memory().first(argo::link_bytes(options)), options);
  }

  std::unique_ptr<argo::broker::House> house_ =
      std::make_unique<argo::broker::House>(test::allow_all(), kTime);
  std::optional<test::ArgoPort> ports_[2];
  std::optional<LinkType> links_[2];
  unsigned deeds_ = 0;
};

using ArgoDestroyed = ArgoPair<Death::kDestroyed, argo::broker::House::Time::kVirtual, 16u << 10>;
using ArgoStopped = ArgoPair<Death::kStopped, argo::broker::House::Time::kVirtual, 4u << 10>;
using ArgoThreads = ArgoPair<Death::kDestroyed, argo::broker::House::Time::kReal, 16u << 10>;

}  // namespace hawser::conformance

TYPE_TO_STRING_AS("Argo, domains that are destroyed", hawser::conformance::ArgoDestroyed);
TYPE_TO_STRING_AS("Argo, domains that stop and restart in place", hawser::conformance::ArgoStopped);
TYPE_TO_STRING_AS("Argo, in real time", hawser::conformance::ArgoThreads);
