// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Clauses of VIRTIO 1.3 §5.1 that ordinary traffic does not show: what a driver does without a feature, and what a
// device does in corners of its life.
#include "net_pair.hpp"
#include "puppet_device.hpp"
#include "raw_driver.hpp"

#include <hawser/virtio/net_address.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <set>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Bytes;
using hawser::test::NetPair;

namespace {

Bytes addressed_frame(const Mac& to, std::size_t payload = 46, bool vlan = false) {
  Bytes frame = test::make_frame({.vlan = vlan}, test::pattern(payload));
  std::memcpy(frame.data(), to.data(), to.size());
  return frame;
}

/// A network that is up, where nothing comes and nothing goes; a test says in what its own differs.
struct IdleNet {
  NetOffloads takes() const { return {}; }
  NetOffloads gives() const { return {}; }
  std::uint16_t queues() const { return 1; }
  std::uint16_t mtu() const { return 0; }
  bool link_up() const { return true; }
  void start(NetOffloads, std::uint16_t) {}
  void adjust(NetOffloads, std::uint16_t) {}
  void stop() {}
  device::NetSent send(std::uint16_t, const NetHeader&, std::span<const std::span<const std::byte>>) {
    return device::NetSent::kDropped;
  }
  bool can_send(std::uint16_t) const { return true; }
  device::NetFrame front(std::uint16_t) { return {}; }
  void pop(std::uint16_t) {}
};

/// A driver for a device that offers what a test says. Commands are answered with OK, and kept.
struct Plain {
  using Puppet = test::PuppetDevice<VIRTIO_ID_NET>;
  using Transport = test::DirectTransport<Puppet>;

  explicit Plain(const Features& features, const driver::NetDriverOptions& options = {}) : driver(options) {
    puppet.features = features;
    puppet.config.resize(sizeof(virtio_net_config));
    puppet.on_service = [this](std::uint16_t queue) {
      if (queue != control) return;
      const auto command = puppet.read_then_answer(queue, Bytes(1, std::byte{VIRTIO_NET_OK}));
      if (command) commands.push_back(*command);
    };
  }
  void set_pairs(std::uint16_t pairs) {
    puppet.config[8] = std::byte(pairs & 0xff);
    puppet.config[9] = std::byte(pairs >> 8);
  }
  Result<void, TransportError> start() { return driver.start(transport); }

  std::uint16_t control = 2;
  test::TestRegion region{std::size_t{16} << 20};
  Puppet puppet{5};
  Transport transport{region, puppet};
  driver::Net<Transport, 2> driver;
  std::vector<Bytes> commands;
};

/// A driver by hand for a device on the left end of a cable, and the right end.
struct ByHand {
  using Device = device::Net<RegionMemory, device::CableEnd, 2>;

  explicit ByHand(const Features& wanted) : driver(model, wanted | test::packed_features()) {
    cable->right().start(NetOffloads::all(), 2);
  }
  void deliver(std::uint16_t queue, std::size_t bytes) {
    const Bytes frame = test::pattern(bytes);
    const std::span<const std::byte> part(frame);
    REQUIRE(cable->right().send(queue, {}, std::span(&part, 1)) == device::NetSent::kSent);
    driver.transport.serve_all();
  }

  std::unique_ptr<device::Cable<2>> cable = std::make_unique<device::Cable<2>>();
  Device model{cable->left(), {.mac = test::kLeftMac, .mtu = 1500, .pairs = 2}};
  test::RawDriver<Device> driver;
};

}  // namespace

// --- the driver ---

TEST_CASE("without a MAC from the device the driver has one of its own, and keeps it") {
  Plain made({});
  REQUIRE(made.start().ok());
  const Mac mac = made.driver.mac();
  CHECK(one_station(mac));
  CHECK((mac[0] & 2) != 0);  // locally administered
  made.transport.pass(seconds(1));
  REQUIRE(made.driver.resume(made.transport).ok());
  CHECK(made.driver.mac() == mac);

  Plain chosen({}, {.mac = test::kRightMac});
  REQUIRE(chosen.start().ok());
  CHECK(chosen.driver.mac() == test::kRightMac);
}

TEST_CASE("a MAC of the driver's own is told to a device that lets it") {
  Plain plain({VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_MAC_ADDR}, {.mac = test::kRightMac});
  REQUIRE(plain.start().ok());
  REQUIRE(plain.commands.size() == 1);
  Bytes expected{std::byte{VIRTIO_NET_CTRL_MAC}, std::byte{VIRTIO_NET_CTRL_MAC_ADDR_SET}};
  for (const std::uint8_t byte : test::kRightMac) expected.push_back(std::byte{byte});
  CHECK(plain.commands[0] == expected);
}

TEST_CASE("a MAC that is no station's is a bad answer") {
  for (const unsigned first : {0u, 1u, 0x33u}) {
    Plain plain({VIRTIO_NET_F_MAC});
    plain.puppet.config[0] = std::byte(first);
    CHECK(plain.start().error() == TransportError::kBadAnswer);
  }
}

TEST_CASE("addresses made from different seeds are local, single and different") {
  std::set<Mac> seen;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Mac mac = local_mac(seed);
    CHECK((mac[0] & 3) == 2);
    CHECK(seen.insert(mac).second);
  }
}

TEST_CASE("without STATUS the link is up") {
  Plain plain({});
  REQUIRE(plain.start().ok());
  CHECK(plain.driver.link_up());
  Plain with({VIRTIO_NET_F_STATUS});
  REQUIRE(with.start().ok());
  CHECK_FALSE(with.driver.link_up());
}

TEST_CASE("a device of 0x8000 pairs, whose control queue has no number, is driven with one pair") {
  Plain plain({VIRTIO_NET_F_MQ, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX}, {.pairs = 2});
  plain.set_pairs(0x8000);
  REQUIRE(plain.start().ok());
  CHECK_FALSE(plain.driver.negotiated().has(VIRTIO_NET_F_MQ));
  CHECK(plain.driver.pairs() == 1);
  CHECK(plain.driver.set_promiscuous(true).ok());  // queue 2, as without MQ
  plain.set_pairs(0x8001);
  CHECK(plain.driver.resume(plain.transport).error() == TransportError::kBadAnswer);
}

TEST_CASE("commands whose feature was not negotiated are not sent") {
  Plain plain({VIRTIO_NET_F_CTRL_VQ});
  REQUIRE(plain.start().ok());
  using driver::NetCommandError;
  CHECK(plain.driver.set_promiscuous(true).error() == NetCommandError::kNotNegotiated);
  CHECK(plain.driver.set_all_multicast(true).error() == NetCommandError::kNotNegotiated);
  CHECK(plain.driver.set_mac_table({}, {}).error() == NetCommandError::kNotNegotiated);
  CHECK(plain.driver.set_mac(test::kLeftMac).error() == NetCommandError::kNotNegotiated);
  CHECK(plain.driver.set_receive_offloads({}).error() == NetCommandError::kNotNegotiated);
  CHECK(plain.driver.acknowledge_announcement().error() == NetCommandError::kNotNegotiated);
  CHECK(plain.commands.empty());
  Plain without({});
  REQUIRE(without.start().ok());
  CHECK(without.driver.command(0, 0, {}).error() == NetCommandError::kNotNegotiated);
}

TEST_CASE("a device that could not be started is told that the driver gives up") {
  Plain plain({VIRTIO_NET_F_MAC});  // a MAC of zeros
  REQUIRE_FALSE(plain.start().ok());
  CHECK(plain.transport.failed);
  plain.puppet.config[0] = std::byte{2};
  REQUIRE(plain.start().ok());
  CHECK_FALSE(plain.transport.failed);
}

// --- the device ---

TEST_CASE("every field of the configuration can be read before the driver has said anything") {
  auto cable = std::make_unique<device::Cable<2>>(1500);
  const ByHand::Device model(cable->left(), {.mac = test::kLeftMac, .pairs = 2});
  virtio_net_config config{};
  model.read_config(0, std::as_writable_bytes(std::span(&config, 1)));
  CHECK(config.mac == test::kLeftMac);
  CHECK(config.max_virtqueue_pairs == 2);
  CHECK(config.mtu == 1500);
}

TEST_CASE("a device without an address of its own offers none, one without a possible MTU none either") {
  auto cable = std::make_unique<device::Cable<2>>();
  const ByHand::Device none(cable->left(), {});
  CHECK_FALSE(none.offered().has(VIRTIO_NET_F_MAC));
  CHECK_FALSE(none.offered().has(VIRTIO_NET_F_MTU));
  const ByHand::Device small(cable->left(), {.mac = test::kLeftMac, .mtu = 67});
  CHECK(small.offered().has(VIRTIO_NET_F_MAC));
  CHECK_FALSE(small.offered().has(VIRTIO_NET_F_MTU));
  const ByHand::Device least(cable->left(), {.mac = test::kLeftMac, .mtu = 68});
  CHECK(least.offered().has(VIRTIO_NET_F_MTU));
}

TEST_CASE("no feature is offered without those it needs, whatever offloads are asked for") {
  auto cable = std::make_unique<device::Cable<2>>();
  for (unsigned bits = 0; bits < 64; ++bits) {
    const auto bit = [&](unsigned n) { return (bits >> n & 1) != 0; };
    const NetOffloads offloads{bit(0), bit(1), bit(2), bit(3), bit(4), bit(5)};
    const ByHand::Device model(cable->left(), {.mac = test::kLeftMac, .pairs = 2, .offloads = offloads});
    CHECK(net_without_unmet(model.offered()) == model.offered());
    CHECK(model.offered().has(VIRTIO_NET_F_HOST_TSO4) == (offloads.checksum && offloads.tso4));
  }
}

TEST_CASE("a device says that it has one pair at least, and no more than it has room for") {
  auto cable = std::make_unique<device::Cable<2>>();
  const auto says = [&](std::uint16_t pairs) {
    const ByHand::Device model(cable->left(), {.pairs = pairs});
    virtio_net_config config{};
    model.read_config(0, std::as_writable_bytes(std::span(&config, 1)));
    CHECK(model.queue_count() == 2 * config.max_virtqueue_pairs + 1);
    return std::uint16_t{config.max_virtqueue_pairs};
  };
  CHECK(says(0) == 1);
  CHECK(says(2) == 2);
  CHECK(says(0xffff) == 2);
  device::Net<RegionMemory, device::CableEnd, 1> narrow(cable->left(), {.pairs = 2});  // the cable has two
  CHECK(narrow.queue_count() == 3);
}

TEST_CASE("frames that come while every receive queue is being reset are dropped") {
  ByHand one({VIRTIO_NET_F_MAC});
  REQUIRE(one.driver.transport.reset_queue(0).ok());
  one.deliver(0, 100);
  one.driver.start_queue(0);
  one.driver.submit(0, {}, {2000});
  CHECK(one.driver.completed(0) == 0);
  CHECK(one.cable->right().link_up());
  one.deliver(0, 200);
  CHECK(one.driver.completed(0) == 1);
  CHECK(one.driver.last_written(0) == 12 + 200);
}

TEST_CASE("frames for one receive queue that is being reset wait while there is another") {
  ByHand two({VIRTIO_NET_F_MAC, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ});
  two.driver.submit(4, {Bytes{std::byte{4}, std::byte{0}, std::byte{2}, std::byte{0}}}, {1});
  REQUIRE(two.model.pairs() == 2);
  REQUIRE(two.driver.transport.reset_queue(2).ok());
  two.deliver(1, 100);
  two.driver.start_queue(2);
  two.driver.submit(2, {}, {2000});
  CHECK(two.driver.completed(2) == 1);
}

TEST_CASE("until the driver asks for more pairs frames arrive in the first receive queue only") {
  ByHand two({VIRTIO_NET_F_MAC, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ});
  two.driver.submit(0, {}, {2000});
  two.driver.submit(2, {}, {2000});
  two.deliver(1, 100);  // whatever queue it comes from
  CHECK(two.driver.completed(2) == 0);
  CHECK(two.driver.completed(0) == 1);
  const auto pairs = [&](unsigned count) {
    two.driver.submit(4, {Bytes{std::byte{4}, std::byte{0}, std::byte(count), std::byte{0}}}, {1});
  };
  pairs(2);
  two.deliver(1, 100);
  CHECK(two.driver.completed(2) == 1);
  pairs(1);
  two.driver.submit(0, {}, {2000});
  two.driver.submit(2, {}, {2000});
  two.deliver(1, 100);
  CHECK(two.driver.completed(2) == 0);
  CHECK(two.driver.completed(0) == 1);
}

TEST_CASE("a backend that has frames for a pair which is not in use keeps them") {
  struct Stubborn : IdleNet {
    std::uint16_t queues() const { return 2; }
    device::NetFrame front(std::uint16_t queue) {
      return queue == 1 ? device::NetFrame{{}, frame} : device::NetFrame{};
    }
    void pop(std::uint16_t) { ++popped; }
    Bytes frame = test::pattern(100);
    int popped = 0;
  };
  Stubborn backend;
  device::Net<RegionMemory, Stubborn, 2> model(backend, {.mac = test::kLeftMac, .pairs = 2});
  test::RawDriver<decltype(model)> driver(
      model, Features{VIRTIO_NET_F_MAC, VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_MQ} | test::packed_features());
  driver.submit(2, {}, {2000});
  CHECK(driver.completed(2) == 0);
  CHECK(backend.popped == 0);
}

TEST_CASE("a link that changes while it is looked at, and then stays down, is told of") {
  struct Flickering : IdleNet {
    bool link_up() const {
      if (next.empty()) return up;
      const bool answer = next.front();
      next.pop_front();
      return answer;
    }
    bool up = true;
    mutable std::deque<bool> next;
  };
  for (const bool first : {false, true}) {
    Flickering backend;
    device::Net<RegionMemory, Flickering> model(backend, {.mac = test::kLeftMac});
    CHECK_FALSE(model.take_config_change());
    backend.next = {first, !first};
    backend.up = false;
    int told = 0;
    for (int n = 0; n < 4; ++n) told += model.take_config_change();
    CHECK(told == (first ? 1 : 3));  // down; or down, up and down
  }
}

TEST_CASE("tagged frames pass, whatever their VLAN") {
  NetPair pair;
  REQUIRE(pair.right.driver.set_promiscuous(false).ok());
  const Bytes frame = addressed_frame(test::kRightMac, 60, true);
  REQUIRE(pair.send(pair.left, {}, frame));
  CHECK(pair.receive(pair.right) == frame);
}

TEST_CASE("after a reset the address filter is off again and its table empty") {
  NetPair pair;
  constexpr Mac kStranger{0x02, 9, 9, 9, 9, 9};
  const auto passes = [&] {
    REQUIRE(pair.send(pair.left, {}, addressed_frame(kStranger)));
    return pair.receive(pair.right).has_value();
  };
  REQUIRE(pair.right.driver.set_promiscuous(false).ok());
  REQUIRE(pair.right.driver.set_mac_table(std::span(&kStranger, 1), {}).ok());
  CHECK(passes());
  REQUIRE(pair.right.driver.resume(pair.right.transport).ok());
  CHECK(passes());  // promiscuous
  REQUIRE(pair.right.driver.set_promiscuous(false).ok());
  CHECK_FALSE(passes());
}

TEST_CASE("a frame with ECN is cut for a driver that accepts segments, but not with ECN") {
  auto cable = std::make_unique<device::Cable<2>>();
  NetOffloads accepted = NetOffloads::all();
  accepted.ecn = false;
  cable->left().start({}, 1);
  cable->right().start(accepted, 1);
  for (const bool ecn : {false, true}) {
    Bytes frame = test::make_frame({.tcp_flags = 0x90}, test::pattern(3000));
    NetHeader header = test::leave_segmentation(frame, 1000);
    header.ecn = ecn;
    const std::span<const std::byte> part(frame);
    REQUIRE(cable->left().send(0, header, std::span(&part, 1)) == device::NetSent::kSent);
    int pieces = 0;
    for (; !cable->right().front(0).bytes.empty(); ++pieces) cable->right().pop(0);
    CHECK(pieces == (ecn ? 3 : 1));
  }
}
