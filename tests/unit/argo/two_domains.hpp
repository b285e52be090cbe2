// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two domains of the broker's engine with a link between them, in virtual time.
#pragma once

#include "support/argo_port.hpp"

#include <hawser/argo/link.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace hawser::argo {

using Bytes = std::vector<std::byte>;
#ifdef HAWSER_ARGO_TEST_LINK  // another link that speaks the same
using TestLink = HAWSER_ARGO_TEST_LINK;
#else
using TestLink = Link<test::ArgoPort>;
#endif
static_assert(CopiedLink<TestLink>);

inline Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return Bytes(bytes.begin(), bytes.end());
}

/// Domain 1 is the driver end, domain 2 the device end.
struct TwoDomains {
  static constexpr Duration kSilence = milliseconds(400);
  static constexpr std::size_t kMemory = 1u << 17;

  explicit TwoDomains(broker::Options options = test::allow_all()) : house(std::move(options)) {
    for (const Role role : {Role::kDriver, Role::kDevice}) {
      create(role);
      start(role);
    }
  }

  /// What a test has hooked into the ports may be gone already.
  ~TwoDomains() {
    for (auto& port : ports) {
      if (port) port->before = nullptr, port->refuse = nullptr;
    }
  }
  TwoDomains(const TwoDomains&) = delete;
  TwoDomains& operator=(const TwoDomains&) = delete;

  static unsigned index(Role role) { return role == Role::kDriver ? 0 : 1; }
  static std::uint16_t id(Role role) { return role == Role::kDriver ? 1 : 2; }
  static Role other(Role role) { return role == Role::kDriver ? Role::kDevice : Role::kDriver; }

  LinkOptions options(Role role) const {
    LinkOptions o = sizes;
    o.role = role;
    o.peer = id(other(role));
    o.silence = kSilence;
    return o;
  }

  void create(Role role) { ports[index(role)].emplace(house, id(role), kMemory); }
  void start(Role role) {
    const auto o = options(role);
    links[index(role)].emplace(port(role), port(role).memory().first(link_bytes(o)), o);
  }
  /// The domain stops without a word; its rings stay.
  void stop(Role role) {
    port(role).dead = true;
    links[index(role)].reset();
  }
  /// It restarts in place.
  void restart(Role role) {
    port(role).dead = false;
    start(role);
  }
  /// The domain is destroyed, and its rings with it.
  void destroy(Role role) {
    stop(role);
    ports[index(role)].reset();
  }

  test::ArgoPort& port(Role role) { return *ports[index(role)]; }
  TestLink& link(Role role) { return *links[index(role)]; }
  TestLink& driver() { return link(Role::kDriver); }
  TestLink& device() { return link(Role::kDevice); }

  /// Polls what there is, a millisecond at a time, until done() or for that long.
  template <class Done>
  bool until(Done done, Duration longest = seconds(5)) {
    for (std::uint64_t passed = 0; passed < longest.ns; passed += milliseconds(1).ns) {
      for (const Role role : {Role::kDriver, Role::kDevice}) {
        if (!links[index(role)]) continue;
        const LinkEvent event = link(role).poll();
        if (event != LinkEvent::kNothing) events[index(role)].push_back(event);
      }
      if (done()) return true;
      house.advance(milliseconds(1));
    }
    return false;
  }
  bool up() const {
    return links[0] && links[1] && links[0]->state() == LinkState::kUp && links[1]->state() == LinkState::kUp;
  }
  bool connect() {
    return until([this] { return up() && links[0]->epoch().own == links[1]->epoch().peer; });
  }
  void idle(Duration span) {
    (void)until([] { return false; }, span);
  }

  Result<void, SendError> send(Role from, const Bytes& message) {
    const std::array parts = {std::span<const std::byte>(message)};
    return link(from).channel().try_send(parts);
  }
  std::optional<Bytes> receive(Role at) {
    Bytes to(link(at).channel().mtu());
    const auto got = link(at).channel().try_receive(to);
    if (!got.ok()) return std::nullopt;
    to.resize(*got);
    return to;
  }
  Result<void, SendError> send_parcel(Role from, const Bytes& parcel) {
    const std::array parts = {std::span<const std::byte>(parcel)};
    return link(from).parcels().try_send(parts);
  }
  /// Receives, copies and releases.
  std::optional<Bytes> receive_parcel(Role at) {
    const auto got = link(at).parcels().try_receive();
    if (!got.ok()) return std::nullopt;
    Bytes all(got->parts[0].begin(), got->parts[0].end());
    all.insert(all.end(), got->parts[1].begin(), got->parts[1].end());
    link(at).parcels().release(got->number);
    return all;
  }
  /// A message and a parcel each way.
  bool works() {
    for (const Role role : {Role::kDriver, Role::kDevice}) {
      if (!send(role, bytes_of("message")).ok() || receive(other(role)) != bytes_of("message")) return false;
      if (!send_parcel(role, bytes_of("parcel")).ok() || receive_parcel(other(role)) != bytes_of("parcel"))
        return false;
    }
    return true;
  }

  LinkOptions sizes{.data_bytes = 64u << 10, .max_parcel = 16u << 10};
  broker::House house;
  std::optional<test::ArgoPort> ports[2];
  std::optional<TestLink> links[2];
  std::vector<LinkEvent> events[2];
};

/// Domain 2 without a link: it says what it likes, and reads what it is sent.
class RawPeer {
 public:
  explicit RawPeer(broker::House& house, Role victim = Role::kDriver)
      : victim_(victim), port_(house, TwoDomains::id(TwoDomains::other(victim)), 1u << 17) {
    const auto memory = port_.memory();
    control_ = ReceiveRing(memory.first(32u << 10), held_);
    data_ = ReceiveRing(memory.subspan(32u << 10, 32u << 10), data_held_);
  }

  void listen() {
    for (const RingKind kind : {RingKind::kControl, RingKind::kData}) {
      ReceiveRing& ring = kind == RingKind::kData ? data_ : control_;
      const RingId id{port_of(0, TwoDomains::other(victim_), kind), TwoDomains::id(victim_)};
      (void)calls_.unregister_ring(id);
      ring.clear();
      registered_ = calls_.register_ring(id, ring.memory()).ok();
    }
  }
  bool listening() const { return registered_; }
  void leave() {
    for (const RingKind kind : {RingKind::kControl, RingKind::kData}) {
      (void)calls_.unregister_ring({port_of(0, TwoDomains::other(victim_), kind), TwoDomains::id(victim_)});
    }
  }

  Result<void, Error> send(RingKind kind, std::uint32_t type, std::span<const std::byte> bytes) {
    const std::array parts = {bytes};
    return calls_.sendv(0, {port_of(0, victim_, kind), TwoDomains::id(victim_)}, parts, type);
  }
  Result<void, Error> frame(FrameKind kind, FrameHeader header, std::span<const std::byte> body = {}) {
    const std::array parts = {wire_bytes(header), body};
    return calls_.sendv(0, {port_of(0, victim_, RingKind::kControl), TwoDomains::id(victim_)}, parts,
                        static_cast<std::uint32_t>(kind));
  }
  Result<void, Error> hello(std::uint32_t from, std::uint32_t to, HelloBody body = usual()) {
    return frame(FrameKind::kHello, {from, to, 0, 0}, wire_bytes(body));
  }
  static HelloBody usual() { return {1, 8192, 1024, (32u << 10) - 64, 8192, {}}; }

  /// The next frame or parcel for us, as one piece.
  struct Got {
    std::uint32_t type;
    Bytes bytes;
    FrameHeader header() const { return read_wire<FrameHeader>(bytes).value(); }
  };
  std::optional<Got> take(RingKind kind = RingKind::kControl) {
    ReceiveRing& ring = kind == RingKind::kData ? data_ : control_;
    const auto message = ring.try_receive();
    if (!message.ok()) return std::nullopt;
    Got got{message->type, Bytes(message->parts[0].begin(), message->parts[0].end())};
    got.bytes.insert(got.bytes.end(), message->parts[1].begin(), message->parts[1].end());
    ring.release(message->number);
    return got;
  }

  test::ArgoPort& port() { return port_; }
  Calls<test::ArgoPort>& calls() { return calls_; }

 private:
  Role victim_;
  test::ArgoPort port_;
  Calls<test::ArgoPort> calls_{port_, port_.memory().last(16u << 10)};
  std::array<ReceiveRing::Held, 1> held_;
  std::array<ReceiveRing::Held, 64> data_held_;
  ReceiveRing control_;
  ReceiveRing data_;
  bool registered_ = false;
};

/// A link in domain 1 whose peer is a RawPeer.
struct WithRawPeer {
  WithRawPeer() { two.destroy(Role::kDevice), peer.emplace(two.house); }

  TestLink& link() { return two.driver(); }
  void idle(Duration span = milliseconds(30)) { two.idle(span); }
  /// Both HELLOs; what the peer calls itself is 77.
  bool connect() {
    peer->listen();
    idle();
    while (const auto got = peer->take()) victim_epoch = got->header().from;
    if (!peer->hello(77, victim_epoch).ok()) return false;
    idle();
    return link().state() == LinkState::kUp;
  }
  FrameHeader header(std::uint32_t channel = 0, std::uint32_t data = 0) const {
    return {77, victim_epoch, channel, data};
  }

  TwoDomains two;
  std::optional<RawPeer> peer;
  std::uint32_t victim_epoch = 0;
};

}  // namespace hawser::argo
