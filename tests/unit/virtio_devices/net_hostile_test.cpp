// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A network device whose driver lies, and a network driver whose device lies.
#include "net_pair.hpp"
#include "puppet_device.hpp"
#include "raw_driver.hpp"

#include <hawser/transport/random.hpp>

#include <doctest/doctest.h>

#include "support/seed.hpp"

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Bytes;

namespace {

using Device = device::Net<RegionMemory, device::CableEnd, 2>;
using RawDriver = test::RawDriver<Device>;

/// A device with a hostile driver on the left end of a cable, and plain access to the right end.
struct Victim {
  explicit Victim(Features wanted = Features{VIRTIO_NET_F_MAC, VIRTIO_NET_F_MTU, VIRTIO_NET_F_CTRL_VQ,
                                             VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_MAC_ADDR,
                                             VIRTIO_NET_F_CSUM, VIRTIO_NET_F_HOST_TSO4,
                                             VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_GUEST_CSUM,
                                             VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VIRTIO_NET_F_MQ})
      : driver(model, wanted | test::packed_features()) {
    cable->right().start(NetOffloads::all(), 2);
  }

  std::unique_ptr<device::Cable<2>> cable = std::make_unique<device::Cable<2>>();
  Device model{cable->left(), {.mac = test::kLeftMac, .mtu = 1500, .pairs = 2}};
  RawDriver driver;

  std::size_t arrived() {
    std::size_t count = 0;
    for (; !cable->right().front(0).bytes.empty(); ++count) cable->right().pop(0);
    return count;
  }
  bool still_works() {
    Bytes frame(12 + 60);
    driver.submit(1, {frame}, {});
    return arrived() == 1 && !model.needs_reset();
  }
  void deliver(std::size_t bytes) {
    const Bytes frame = test::pattern(bytes);
    const std::span<const std::byte> part(frame);
    REQUIRE(cable->right().send(0, {}, std::span(&part, 1)) == device::NetSent::kSent);
    driver.transport.serve_all();
  }
};

Bytes with_header(const virtio_net_hdr& header, std::size_t frame_bytes) {
  Bytes made(12 + frame_bytes);
  std::memcpy(made.data(), &header, 12);
  return made;
}
Bytes command(std::initializer_list<unsigned> values) {
  Bytes made;
  for (const unsigned value : values) test::put8(made, value);
  return made;
}
constexpr std::uint16_t kControl = 4;

}  // namespace

TEST_CASE("malformed frames are dropped and counted one by one, and good ones behind them get through") {
  Victim victim;
  const Bytes bad[] = {
      Bytes(0),                                                                // nothing
      Bytes(11),                                                               // half a header
      Bytes(12),                                                               // no frame
      Bytes(12 + 13),                                                          // half an Ethernet header
      Bytes(12 + 1500 + 19),                                                   // beyond the longest
      Bytes(12 + kMaxFrame + 1),                                               // beyond everything
      with_header({1, 0, le16(0), le16(0), le16(99), le16(0), le16(0)}, 100),  // checksum at the end
      with_header({1, 0, le16(0), le16(0), le16(0xffff), le16(0xffff), le16(0)}, 100),  // ... beyond
      with_header({1, 1, le16(0), le16(0), le16(34), le16(16), le16(0)}, 100),          // segments of nothing
      with_header({0, 1, le16(0), le16(100), le16(34), le16(16), le16(0)}, 100),        // no checksum
      with_header({1, 4, le16(0), le16(100), le16(54), le16(16), le16(0)}, 100),        // not negotiated
      with_header({1, 3, le16(0), le16(100), le16(34), le16(6), le16(0)}, 100),         // UFO
      with_header({1, 0x7f, le16(0), le16(100), le16(34), le16(16), le16(0)}, 100),     // unknown
  };
  std::uint64_t expected = 0;
  for (const Bytes& frame : bad) {
    if (frame.empty()) {
      victim.driver.submit(1, {}, {16});  // a chain with nothing to read
    } else {
      victim.driver.submit(1, {frame}, {});
    }
    CHECK(victim.model.counters().send_malformed == ++expected);
    REQUIRE(victim.arrived() == 0);
    REQUIRE(victim.driver.completed(1) == 1);
  }
  CHECK(victim.still_works());
}

TEST_CASE("a frame in many pieces, the header across several of them, is one frame") {
  Victim victim;
  std::vector<Bytes> pieces;
  for (int n = 0; n < 12 + 60; ++n) pieces.emplace_back(1);
  victim.driver.submit(1, pieces, {});
  CHECK(victim.arrived() == 1);
}

TEST_CASE("a receive buffer too small for the header breaks the device, not the program") {
  Victim victim;
  victim.driver.submit(0, {}, {11});
  CHECK_FALSE(victim.model.needs_reset());  // not touched before there is a frame
  victim.deliver(60);
  CHECK(victim.model.needs_reset());
  CHECK_FALSE(victim.model.service(0).more);
  CHECK_FALSE(victim.model.prepare_to_wait(0));
  CHECK_FALSE(victim.cable->right().link_up());  // and nothing more comes for it
  victim.model.stop();
  CHECK_FALSE(victim.model.needs_reset());
}

TEST_CASE(
    "receive buffers of any small size hold a frame together, and the header is in one piece at the front") {
  Victim victim;
  for (int n = 0; n < 40; ++n) victim.driver.submit(0, {}, {40});
  victim.deliver(1000);
  REQUIRE(victim.driver.completed(0) == (1012 + 39) / 40);
  CHECK(victim.model.counters().received == 1);
}

TEST_CASE("a driver whose buffers are too small in number or size for a frame loses only that frame") {
  Victim victim;
  for (int n = 0; n < 64; ++n) victim.driver.submit(0, {}, {12});
  victim.deliver(1000);
  CHECK(victim.model.counters().receive_too_long == 1);
  CHECK(victim.driver.completed(0) == 64);  // they come back unused
  victim.driver.submit(0, {}, {2000});
  victim.deliver(1000);
  CHECK(victim.model.counters().received == 1);
  CHECK_FALSE(victim.model.needs_reset());
}

TEST_CASE("with an MTU nothing longer is passed on to the driver, unless it is still to be cut") {
  Victim victim;
  victim.driver.submit(0, {}, {4000});
  victim.deliver(14 + 4 + 1501);
  CHECK(victim.model.counters().receive_too_long == 1);
  CHECK(victim.driver.completed(0) == 0);  // the buffer waits for another
  victim.deliver(14 + 4 + 1500);
  CHECK(victim.driver.completed(0) == 1);
  CHECK(victim.driver.last_written(0) == 12 + 14 + 4 + 1500);
  Victim without(Features{VIRTIO_NET_F_MAC});
  without.driver.submit(0, {}, {4000});
  without.deliver(3000);
  CHECK(without.driver.completed(0) == 1);
}

TEST_CASE(
    "who accepts no offload and no merging gets whole frames in one buffer, and a header that says so") {
  Victim victim(Features{VIRTIO_NET_F_MAC});
  const Bytes whole = test::make_frame({}, test::pattern(2000));
  Bytes frame = whole;
  const NetHeader header = test::leave_checksum(frame);
  victim.driver.submit(0, {}, {4000});
  const std::span<const std::byte> part(frame);
  REQUIRE(victim.cable->right().send(0, header, std::span(&part, 1)) == device::NetSent::kSent);
  victim.driver.transport.serve_all();
  REQUIRE(victim.driver.completed(0) == 1);
  Bytes expected(12);
  expected[10] = std::byte{1};  // buffers
  expected.insert(expected.end(), whole.begin(), whole.end());
  Bytes got = victim.driver.last_bytes(0);
  got.resize(expected.size());
  CHECK(got == expected);
}

TEST_CASE("commands cut short, too long, unknown, or without room for an answer are refused one by one") {
  Victim victim;
  const Bytes bad[] = {
      command({}),
      command({0}),
      command({0, 0}),
      command({0, 0, 2}),
      command({0, 0, 1, 0}),
      command({0, 7, 1}),
      command({1, 0}),
      command({1, 0, 0, 0, 0}),
      command({1, 0, 0, 0, 0, 0, 1, 0, 0, 0}),              // one address promised, none there
      command({1, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}),  // 4 billion promised
      command({1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),           // a byte left over
      command({1, 1, 2, 0, 0, 0, 0}),
      command({1, 1, 3, 0, 0, 0, 0, 0}),  // a group address
      command({2, 0, 1, 0}),              // VLAN: not negotiated
      command({3, 0}),                    // announcement: not negotiated
      command({4, 0}),
      command({4, 0, 0, 0}),  // no pair
      command({4, 0, 3, 0}),  // more than there are
      command({4, 0, 0xff, 0xff}),
      command({5, 0, 1}),
      command({5, 0, 0, 1, 0, 0, 0, 0, 0, 0}),     // GUEST_TSO6: not negotiated
      command({5, 0, 0, 0x80, 0, 0, 0, 0, 0, 0}),  // MRG_RXBUF: no offload
      command({5, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
      command({255, 255}),
  };
  std::uint64_t refused = 0;
  for (const Bytes& bytes : bad) {
    INFO("command ", refused);
    if (bytes.empty()) {
      victim.driver.submit(kControl, {}, {1});
    } else {
      victim.driver.submit(kControl, {bytes}, {1});
    }
    CHECK(victim.driver.last_answer(kControl) == VIRTIO_NET_ERR);
    CHECK(victim.model.counters().commands_refused == ++refused);
  }
  victim.driver.submit(kControl, {command({0, 0, 0})}, {});  // done, but nobody to tell
  CHECK(victim.model.counters().commands_refused == ++refused);
  victim.driver.submit(kControl, {command({0}), command({0}), command({1})}, {1});  // in pieces is fine
  CHECK(victim.driver.last_answer(kControl) == VIRTIO_NET_OK);
  CHECK(victim.still_works());
}

TEST_CASE("a flood of commands is worked off in bounded steps") {
  Victim victim;
  for (int n = 0; n < 200; ++n) victim.driver.add(kControl, {command({0, 0, 1})}, {1});
  victim.driver.publish(kControl);
  CHECK(victim.model.service(kControl).more);
}

TEST_CASE("feature sets that break the rules are refused, the rule-abiding part is not") {
  auto cable = std::make_unique<device::Cable<2>>();
  Device model(cable->left(), {.pairs = 2});
  CHECK(model.acceptable(model.offered()));
  CHECK_FALSE(model.acceptable({VIRTIO_NET_F_HOST_TSO4}));
  CHECK_FALSE(model.acceptable({VIRTIO_NET_F_MQ}));
  CHECK_FALSE(model.acceptable({VIRTIO_NET_F_GUEST_ECN, VIRTIO_NET_F_GUEST_CSUM}));
  CHECK(model.acceptable({}));
}

TEST_CASE("nothing in the configuration can be written and nothing beyond it read") {
  Victim victim;
  const Bytes one(1);
  CHECK_FALSE(victim.model.write_config(0, one));
  Bytes out(13, std::byte{0x5a});
  victim.model.read_config(0, out);
  victim.model.read_config(12, std::span(out).first(1));
  victim.model.read_config(0xffffffff, std::span(out).first(1));
  CHECK(out == Bytes(13, std::byte{0x5a}));
}

TEST_CASE("queues that do not exist are nobody's") {
  Victim victim;
  for (const std::uint16_t index : {5, 6, 1000, 65535}) {
    CHECK(victim.model.queue_max_size(index) == 0);
    victim.model.attach(index, {});
    victim.model.detach(index);
    CHECK_FALSE(victim.model.service(index).more);
    CHECK_FALSE(victim.model.prepare_to_wait(index));
  }
  CHECK(victim.still_works());
}

TEST_CASE("a driver without MQ finds the control queue behind the first pair") {
  Victim victim(Features{VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX});
  victim.driver.submit(2, {command({0, 0, 1})}, {1});
  CHECK(victim.driver.last_answer(2) == VIRTIO_NET_OK);
}

TEST_CASE("a queue reset while buffers and a frame are held gives them back and the queue works again") {
  Victim victim;
  for (int n = 0; n < 3; ++n) victim.driver.submit(0, {}, {100});
  victim.deliver(1000);  // starts to hold buffers, lacks some
  CHECK(victim.driver.completed(0) == 0);
  victim.driver.restart_queue(0);
  for (int n = 0; n < 20; ++n) victim.driver.submit(0, {}, {100});
  victim.driver.transport.serve_all();
  CHECK(victim.model.counters().received == 0);  // §5.1.6.5.6.2: no other queue could take the frame
  victim.deliver(1000);
  CHECK(victim.model.counters().received == 1);
  CHECK(victim.still_works());
}

TEST_CASE("random bytes in rings and buffers never do more than break the device until its reset") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  for (int round = 0; round < 60; ++round) {
    Victim victim;
    for (int step = 0; step < 60 && !victim.model.needs_reset(); ++step) {
      const auto queue = static_cast<std::uint16_t>(random.below(5));
      Bytes bytes(1 + random.below(120));
      random.fill(bytes);
      victim.driver.submit(queue, {bytes}, {1 + static_cast<std::uint32_t>(random.below(300))});
      if (random.chance(30) && victim.cable->right().link_up()) victim.deliver(14 + random.below(3000));
      if (random.chance(10)) victim.driver.scribble(queue, random);
    }
    victim.model.stop();
    CHECK_FALSE(victim.model.needs_reset());
  }
}

// --- a driver whose device lies ---

namespace {

using Puppet = test::PuppetDevice<VIRTIO_ID_NET>;

struct Dupe {
  explicit Dupe(bool mergeable = true, NetOffloads receive = NetOffloads::all(), bool packed = true) {
    puppet.queue_features = packed ? test::packed_features() : test::split_features();
    puppet.config.resize(12);
    puppet.config[8] = std::byte{1};            // pairs
    puppet.config[10] = std::byte{1500 & 255};  // MTU
    puppet.config[11] = std::byte{1500 >> 8};
    puppet.features = Features{VIRTIO_NET_F_MTU, VIRTIO_NET_F_STATUS, VIRTIO_NET_F_MRG_RXBUF} |
                      guest_features(NetOffloads::all()) | host_features(NetOffloads::all());
    options.mergeable = mergeable;
    options.receive = receive;
  }
  Result<void, TransportError> start() {
    transport.emplace(region, puppet, puppet.queue_features);
    driver.emplace(options);
    return driver->start(*transport);
  }

  /// The device fills the next buffer with a header and so many bytes, and claims `written`.
  void fill(const virtio_net_hdr& header, std::size_t frame_bytes, std::uint32_t written) {
    puppet.answer(0, with_header(header, frame_bytes), written);
  }
  static virtio_net_hdr buffers(unsigned count) {
    virtio_net_hdr header{};
    header.num_buffers = static_cast<std::uint16_t>(count);
    return header;
  }
  auto receive() { return driver->receive(0, room); }
  bool still_works() {
    fill(buffers(1), 60, 72);
    const auto got = receive();
    return got.ok() && got->bytes == 60;
  }

  test::TestRegion region{std::size_t{16} << 20};
  Puppet puppet{5};
  driver::NetDriverOptions options;
  std::optional<test::DirectTransport<Puppet>> transport;
  std::optional<driver::Net<test::DirectTransport<Puppet>>> driver;
  Bytes room = Bytes(kMaxFrame);
};

}  // namespace

TEST_CASE("frames with lies in their header are dropped and counted, and good ones behind them get through") {
  for (const bool packed : {false, true}) {
    Dupe dupe(true, {.checksum = true}, packed);
    REQUIRE(dupe.start().ok());
    std::uint64_t expected = 0;
    const auto dropped = [&] {
      CHECK(dupe.receive().error() == driver::NetReceiveError::kNothing);
      CHECK(dupe.driver->counters().received.malformed == ++expected);
    };
    dupe.fill(Dupe::buffers(1), 60, 0);
    dropped();
    dupe.fill(Dupe::buffers(1), 60, 11);
    dropped();
    dupe.fill(Dupe::buffers(1), 60, 12);
    dropped();
    dupe.fill(Dupe::buffers(0), 60, 72);
    dropped();
    dupe.fill(Dupe::buffers(65535), 60, 72);
    dropped();
    virtio_net_hdr header = Dupe::buffers(1);
    header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header.csum_start = 59;
    dupe.fill(header, 60, 72);
    dropped();
    header = Dupe::buffers(1);
    header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;  // not negotiated
    dupe.fill(header, 60, 72);
    dropped();
    CHECK(dupe.still_works());
  }
}

TEST_CASE("a plain frame leaves under a header of zeros, and receive buffers have nothing to read") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  const Bytes frame = test::pattern(100);
  REQUIRE(dupe.driver->send(frame).ok());
  Bytes expected(12);
  expected.insert(expected.end(), frame.begin(), frame.end());
  CHECK(dupe.puppet.read(1) == expected);
  CHECK(dupe.puppet.read(0) == Bytes{});
}

TEST_CASE("a frame promised over more buffers than ever come does not stop the driver for good") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  dupe.fill(Dupe::buffers(64), 60, 72);  // all buffers of the driver
  CHECK(dupe.receive().error() == driver::NetReceiveError::kNothing);
  for (int n = 0; n < 62; ++n) dupe.fill(Dupe::buffers(1), 2036, 2048);
  CHECK(dupe.receive().error() == driver::NetReceiveError::kNothing);
  dupe.fill(Dupe::buffers(1), 2036, 2048);  // the last one: 129 KiB, longer than any frame
  CHECK(dupe.receive().error() == driver::NetReceiveError::kNothing);
  CHECK(dupe.driver->counters().received.malformed == 1);
  CHECK(dupe.still_works());
}

TEST_CASE("a frame whose buffers come one after another is put together when the last is there") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  dupe.fill(Dupe::buffers(3), 2036, 2048);
  CHECK_FALSE(dupe.receive().ok());
  dupe.fill(Dupe::buffers(9), 88, 100);
  CHECK_FALSE(dupe.receive().ok());
  dupe.fill(Dupe::buffers(9), 8, 20);
  const auto got = dupe.receive();
  REQUIRE(got.ok());
  CHECK(got->bytes == 2036 + 100 + 20);
}

TEST_CASE("a first piece shorter than its header is no frame, whatever comes behind it") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  dupe.fill(Dupe::buffers(2), 60, 5);
  dupe.fill(Dupe::buffers(1), 60, 72);
  const auto got = dupe.receive();
  REQUIRE(got.ok());
  CHECK(got->bytes == 60);
  CHECK(dupe.driver->counters().received.malformed == 1);
}

TEST_CASE("a piece of no bytes inside a frame is nonsense") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  dupe.fill(Dupe::buffers(2), 60, 72);
  dupe.fill(Dupe::buffers(2), 60, 0);
  CHECK_FALSE(dupe.receive().ok());
  CHECK(dupe.driver->counters().received.malformed == 1);
  CHECK(dupe.still_works());
}

TEST_CASE("a frame longer than the caller's memory is dropped whole") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  dupe.fill(Dupe::buffers(1), 1000, 1012);
  Bytes small(999, std::byte{0x77});
  CHECK(dupe.driver->receive(0, small).error() == driver::NetReceiveError::kTooSmall);
  CHECK(small == Bytes(999, std::byte{0x77}));
  CHECK(dupe.still_works());
}

TEST_CASE("without merging, the number of buffers is not believed at all") {
  Dupe dupe(false, {});
  REQUIRE(dupe.start().ok());
  dupe.fill(Dupe::buffers(7), 60, 72);
  CHECK(dupe.receive().ok());
}

TEST_CASE("a completion longer than its buffer breaks the queue until the driver resumes") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  dupe.fill(Dupe::buffers(1), 60, 4000000);
  CHECK(dupe.receive().error() == driver::NetReceiveError::kBroken);
  CHECK(dupe.driver->broken());
  REQUIRE(dupe.driver->resume(*dupe.transport).ok());
  CHECK_FALSE(dupe.driver->broken());
  CHECK(dupe.still_works());
}

TEST_CASE("a configuration of nonsense is a bad answer") {
  SUBCASE("an MTU that no network can have") {
    Dupe dupe;
    dupe.puppet.config[10] = std::byte{67};
    dupe.puppet.config[11] = std::byte{0};
    CHECK(dupe.start().error() == TransportError::kBadAnswer);
    CHECK(dupe.region.arena().free_bytes() == dupe.region.arena().size());
  }
  SUBCASE("no queue pairs") {
    test::TestRegion region;
    Puppet puppet{5};
    puppet.config.resize(12);
    puppet.features = Features{VIRTIO_NET_F_MQ, VIRTIO_NET_F_CTRL_VQ};
    test::DirectTransport<Puppet> transport(region, puppet);
    driver::Net<decltype(transport), 2> driver({.pairs = 2});
    CHECK(driver.start(transport).error() == TransportError::kBadAnswer);
  }
}

TEST_CASE("a device that offers features without their needs gets a driver without them") {
  Dupe dupe;
  dupe.puppet.features = Features{VIRTIO_NET_F_HOST_TSO4, VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_CTRL_RX};
  REQUIRE(dupe.start().ok());
  CHECK((dupe.driver->negotiated() & dupe.puppet.features) == Features{});
}

TEST_CASE("a device that never answers a command costs one bounded wait") {
  Dupe dupe;
  dupe.puppet.features = Features{VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX};
  REQUIRE(dupe.start().ok());
  const Instant before = dupe.transport->now();
  CHECK(dupe.driver->set_promiscuous(true).error() == driver::NetCommandError::kTimeout);
  CHECK(elapsed(before, dupe.transport->now()) == dupe.options.command_timeout);
  CHECK(dupe.driver->set_promiscuous(true).error() == driver::NetCommandError::kTimeout);
  CHECK(elapsed(before, dupe.transport->now()) == dupe.options.command_timeout);  // not another one
  REQUIRE(dupe.driver->resume(*dupe.transport).ok());
}

TEST_CASE("an answer that is no answer is a refusal") {
  Dupe dupe;
  dupe.puppet.features = Features{VIRTIO_NET_F_CTRL_VQ, VIRTIO_NET_F_CTRL_RX};
  REQUIRE(dupe.start().ok());
  for (const unsigned verdict : {1u, 2u, 255u}) {
    dupe.puppet.on_service = [&](std::uint16_t queue) {
      if (queue == 2) dupe.puppet.answer(2, Bytes(1, std::byte(verdict)), 1);
    };
    CHECK(dupe.driver->set_promiscuous(true).error() == driver::NetCommandError::kRefused);
  }
  dupe.puppet.on_service = [&](std::uint16_t queue) {
    if (queue == 2) dupe.puppet.answer(2, Bytes{}, 0);  // completed, nothing written
  };
  CHECK(dupe.driver->set_promiscuous(true).error() == driver::NetCommandError::kRefused);
}

TEST_CASE("a device that sends nothing on fills the transmit queue, not the memory") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  const Bytes frame(100);
  int sent = 0;
  while (dupe.driver->send(frame).ok()) ++sent;
  CHECK(sent == 64);
  CHECK(dupe.driver->send(frame).error() == driver::NetSendError::kFull);
  CHECK_FALSE(dupe.driver->prepare_to_wait_for_room(0));
  dupe.puppet.answer(1, Bytes{}, 0);
  CHECK(dupe.driver->send(frame).ok());
}
