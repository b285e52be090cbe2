// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver's side against devices that do not answer, answer late, twice, wrongly, or talk without end.
#include "relay.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

namespace {

constexpr Features kWanted{ToyDevice::kFeatureA, ToyDevice::kFeatureB, VIRTIO_F_RING_RESET};
constexpr DriverBusOptions kHasty{.timeout = milliseconds(60)};

bool starts(const Bytes& frame, std::uint8_t type, std::uint8_t id) {
  return frame.size() >= 8 && frame[0] == std::byte{type} && frame[1] == std::byte{id};
}

/// Changes the frames of one kind, leaves the others.
template <class Change>
Relay::Filter changing(std::uint8_t type, std::uint8_t id, Change change) {
  return [=](Bytes frame) -> Relay::Frames {
    if (starts(frame, type, id)) change(frame);
    return {frame};
  };
}

void set32(Bytes& frame, std::size_t at, std::uint32_t value) {
  REQUIRE(write_wire(std::span(frame).subspan(at), le32(value)));
}

struct Device {
  explicit Device(Relay& relay) : relay_(relay), driver(relay.driver, 5, relay.arena()) {}

  Result<void, TransportError> ready() {
    HAWSER_TRY(features, driver.negotiate(kWanted));
    (void)features;
    HAWSER_TRY(queue, driver.start_queue(0, 8, slots));
    (void)queue;
    return driver.start();
  }
  Instant now() { return relay_.driver_pair.first().now(); }

  Relay& relay_;
  std::array<DriverSlot, 16> slots;
  Driver driver;
};

}  // namespace

TEST_CASE("a device that never answers: one request, then a timeout at the stated time") {
  Relay relay({.timeout = milliseconds(200)});
  relay.connect();
  relay.on_response = Relay::nothing;
  Device device(relay);
  const Instant before = device.now();
  CHECK(device.driver.open().error() == TransportError::kTimeout);
  const Duration took = elapsed(before, device.now());
  CHECK(took >= milliseconds(200));
  CHECK(took < milliseconds(260));
  CHECK(relay.requests.size() == 1);
}

TEST_CASE("a device that answers everything twice is a device like any other") {
  Relay relay;
  relay.connect();
  relay.on_response = [](Bytes frame) { return Relay::Frames{frame, frame}; };
  Device device(relay);
  CHECK(device.ready().ok());
  CHECK(relay.driver.ping().ok());
  CHECK(relay.driver.devices()->has(5));
}

TEST_CASE("an answer that comes after its timeout is not taken for the next one's") {
  Relay relay(kHasty);
  relay.connect();
  Bytes held;
  relay.on_response = [&](Bytes frame) {
    held = frame;
    return Relay::Frames{};
  };
  CHECK(relay.driver.ping().error() == TransportError::kTimeout);
  REQUIRE(held.size() == 12);
  relay.on_response = [&](Bytes frame) { return Relay::Frames{held, frame}; };
  CHECK(relay.driver.ping().ok());

  // The same from a v1 device, whose pongs carry no token: the word tells.
  write_wire(std::span(held).subspan(4), le16(0));
  relay.on_response = [&](Bytes frame) {
    write_wire(std::span(frame).subspan(4), le16(0));
    return Relay::Frames{held, frame};
  };
  CHECK(relay.driver.ping().ok());
}

TEST_CASE("answers from another device, with another token or of another kind are not taken") {
  struct Change {
    std::size_t at;
    std::byte with;
  };
  for (const Change change :
       {Change{2, std::byte{4}}, Change{3, std::byte{1}}, Change{4, std::byte{0x77}},
        Change{5, std::byte{0x77}}, Change{1, std::byte{0x07}}, Change{0, std::byte{0}}}) {
    Relay relay(kHasty);
    relay.connect();
    relay.on_response = [=](Bytes frame) {
      frame[change.at] = change.with;
      return Relay::Frames{frame};
    };
    Device device(relay);
    CHECK(device.driver.open().error() == TransportError::kTimeout);
  }
}

TEST_CASE("a transport response with token 0 is not taken: only v1 bus messages have none") {
  Relay relay(kHasty);
  relay.connect();
  relay.on_response = [](Bytes frame) {
    write_wire(std::span(frame).subspan(4), le16(0));
    return Relay::Frames{frame};
  };
  Device device(relay);
  CHECK(device.driver.open().error() == TransportError::kTimeout);
  CHECK(relay.driver.ping().ok());
}

TEST_CASE("each answer with a wrong field is a bad answer, at once") {
  struct Wrong {
    std::uint8_t id;
    std::size_t at;
    std::uint32_t value;
    TransportError error = TransportError::kBadAnswer;
  };
  constexpr std::uint32_t kMany = 0xffffffff;
  const Wrong kWrong[] = {
      {0x02, 8, 0, TransportError::kNoSuchDevice},          // device id
      {0x02, 8 + 32, 65537},                                // max_virtqueues
      {0x02, 8 + 36, 2},                                    // admin_vq_start without count
      {0x02, 8 + 40, 3},                                    // more admin queues than queues
      {0x02, 8 + 40, kMany},                                //
      {0x02, 8 + 24, 1, TransportError::kMissingVersion1},  // one feature block: VERSION_1 is in the second
      {0x03, 8, 1},                                         // block_index
      {0x03, 12, 3},                                        // num_blocks
      {0x03, 12, kMany},                                    //
      {0x03, 20, 0, TransportError::kMissingVersion1},      // block 1
      {0x05, 12, 1},                                        // offset
      {0x05, 16, 3},                                        // length
      {0x05, 16, 0},                                        //
      {0x05, 16, kMany},                                    //
      {0x06, 12, 1},                                        // offset
      {0x06, 16, 1},                                        // length
      {0x06, 16, 0, TransportError::kOutOfRange},           // not applied
      {0x09, 8, 1},                                         // index
      {0x09, 12, 0, TransportError::kNoSuchQueue},          // max_size
      {0x09, 12, 4, TransportError::kQueueRefused},         // smaller than asked for
      {0x0c, 8, 1},                                         // shmid
  };
  for (const Wrong& wrong : kWrong) {
    CAPTURE(unsigned{wrong.id});
    CAPTURE(wrong.at);
    CAPTURE(wrong.value);
    Relay relay(kHasty);
    relay.connect();
    Device device(relay);
    relay.on_response = changing(1, wrong.id, [=](Bytes& frame) { set32(frame, wrong.at, wrong.value); });
    const auto all = [&]() -> Result<void, TransportError> {
      HAWSER_CHECK(device.ready());
      std::array<std::byte, 4> four{};
      HAWSER_CHECK(device.driver.read_config(0, four));
      HAWSER_CHECK(device.driver.write_config(0, four));
      HAWSER_TRY(shm, device.driver.shared_memory(0));
      (void)shm;
      return {};
    };
    const Instant before = device.now();
    const auto result = all();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error() == wrong.error);
    CHECK(elapsed(before, device.now()) < milliseconds(60));  // no timeout was waited for

    relay.on_response = Relay::as_it_is;
    CHECK(device.ready().ok());
    CHECK(all().ok());
  }
}

TEST_CASE(
    "any byte of any answer changed, once: an error or not, but always an end, and the next try works") {
  unsigned answers = 0;
  unsigned failures = 0;
  for (unsigned victim = 0; victim == 0 || victim < answers; ++victim) {
    for (std::size_t at = 0; at < 64; ++at) {
      for (const std::byte change : {std::byte{0x01}, std::byte{0x80}, std::byte{0xff}}) {
        Relay relay(kHasty);
        relay.connect();
        unsigned count = 0;
        bool reached = false;
        relay.on_response = [&](Bytes frame) {
          if (count++ == victim && at < frame.size()) {
            reached = true;
            frame[at] ^= change;
          }
          return Relay::Frames{frame};
        };
        Device device(relay);
        std::array<std::byte, 40> config;
        const auto all = [&]() -> bool {
          if (!relay.driver.devices().ok() || !relay.driver.ping().ok() || !device.ready().ok()) return false;
          if (!device.driver.read_config(0, config).ok()) return false;
          if (!device.driver.write_config(0, std::span(config).first(4)).ok()) return false;
          return device.driver.reset_queue(0).ok() && device.driver.reset().ok();
        };
        const Instant before = device.now();
        if (!all()) ++failures;
        CHECK(elapsed(before, device.now()) < milliseconds(400));
        answers = std::max(answers, count);
        relay.on_response = Relay::as_it_is;
        CHECK(all());
        CHECK(relay.arena().free_bytes() == relay.arena().size());
        CHECK_FALSE(relay.arena().misused());
        if (!reached) break;
      }
    }
  }
  CHECK(answers > 15);
  CHECK(failures > 500);
}

TEST_CASE("a device whose configuration changes during each read: three attempts, then an error") {
  Relay relay({}, {}, 64);  // 44 bytes of configuration in a message
  relay.toy = ToyDevice(100);
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  std::array<std::byte, 100> config{};
  REQUIRE(device.driver.read_config(0, config).ok());
  for (std::size_t i = 0; i < config.size(); ++i) CHECK(config[i] == static_cast<std::byte>(i));
  CHECK(relay.sent(0, VIRTIO_MSG_GET_CONFIG) == 3);

  relay.requests.clear();
  relay.toy.changes_at_each_read = true;
  CHECK(device.driver.read_config(0, config).error() == TransportError::kUnstableConfig);
  CHECK(relay.sent(0, VIRTIO_MSG_GET_CONFIG) == 6);

  // What fits into one message is consistent by itself.
  CHECK(device.driver.read_config(0, std::span(config).first(44)).ok());
}

TEST_CASE("a configuration that changes once between two pieces is read again") {
  Relay relay({}, {}, 64);
  relay.toy = ToyDevice(60);
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  bool changed = false;
  relay.on_response = [&](Bytes frame) {
    if (starts(frame, 1, VIRTIO_MSG_GET_CONFIG) && !std::exchange(changed, true)) {
      relay.toy.config.assign(60, std::byte{0xee});
      relay.toy.config_changed = true;
    }
    return Relay::Frames{frame};
  };
  std::array<std::byte, 60> config{};
  REQUIRE(device.driver.read_config(0, config).ok());
  for (const std::byte b : config) CHECK(b == std::byte{0xee});
  CHECK(device.driver.take_config_change());
  CHECK_FALSE(device.driver.take_config_change());
}

TEST_CASE("nothing outside the configuration space is asked for") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  relay.requests.clear();
  std::array<std::byte, 41> bytes{};
  CHECK(device.driver.read_config(0, bytes).error() == TransportError::kOutOfRange);
  CHECK(device.driver.read_config(0xffffffff, std::span(bytes).first(2)).error() ==
        TransportError::kOutOfRange);
  CHECK(device.driver.write_config(40, std::span(bytes).first(1)).error() == TransportError::kOutOfRange);
  CHECK(device.driver.read_config(40, {}).ok());
  CHECK(relay.requests.empty());
  // The device's refusal to write there.
  CHECK(device.driver.write_config(20, std::span(bytes).first(1)).error() == TransportError::kOutOfRange);
}

TEST_CASE("baseline writes carry generation 0; strict ones the latest, and try again when it is not") {
  Relay baseline;
  baseline.connect();
  Device first(baseline);
  REQUIRE(first.ready().ok());
  baseline.toy.config_changed = true;
  const std::array<std::byte, 2> data{std::byte{7}, std::byte{8}};
  REQUIRE(first.driver.write_config(1, data).ok());
  CHECK(baseline.toy.config[2] == std::byte{8});
  CHECK(hex(std::span(baseline.requests.back()).subspan(8, 4)) == "00000000");

  Relay strict({.strict_config = true}, {.strict_config = true});
  strict.connect();
  Device second(strict);
  REQUIRE(second.ready().ok());
  unsigned changes = 0;
  strict.on_request = [&](Bytes frame) {
    if (starts(frame, 0, VIRTIO_MSG_SET_CONFIG) && changes < 2) {
      ++changes;
      strict.toy.config_changed = true;
    }
    return Relay::Frames{frame};
  };
  REQUIRE(second.driver.write_config(1, data).ok());
  CHECK(strict.sent(0, VIRTIO_MSG_SET_CONFIG) == 3);
  CHECK(strict.toy.config[2] == std::byte{8});
  changes = 0;
  strict.on_request = [&](Bytes frame) {
    strict.toy.config_changed |= starts(frame, 0, VIRTIO_MSG_SET_CONFIG);
    return Relay::Frames{frame};
  };
  CHECK(second.driver.write_config(1, data).error() == TransportError::kUnstableConfig);
}

TEST_CASE("enumerations that do not end by themselves end all the same") {
  struct Lie {
    const char* what;
    std::function<void(const Bytes&, Bytes&)> tell;
    std::size_t most_requests;
  };
  // Frames: offset@8, next_offset@10, count@12, bitmap@14.
  const Lie kLies[] = {
      {"next_offset is where we were",
       [](const Bytes& asked, Bytes& said) { std::copy_n(&asked[8], 2, &said[10]); }, 1},
      {"one step each time",
       [](const Bytes& asked, Bytes& said) {
         const auto offset = read_wire<le16>(std::span(asked).subspan(8));
         write_wire(std::span(said).subspan(10), le16(static_cast<std::uint16_t>(*offset + 1)));
       },
       64},
      {"far away", [](const Bytes&, Bytes& said) { write_wire(std::span(said).subspan(10), le16(0xffff)); },
       1},
  };
  for (const Lie& lie : kLies) {
    CAPTURE(lie.what);
    Relay relay(kHasty);
    relay.connect();
    Bytes asked;
    relay.on_request = [&](Bytes frame) {
      asked = frame;
      return Relay::Frames{frame};
    };
    relay.on_response = changing(3, 2, [&](Bytes& frame) { lie.tell(asked, frame); });
    const auto found = relay.driver.devices();
    if (found.ok()) CHECK(found->has(5));
    CHECK(relay.sent(2, 2) <= lie.most_requests);
    CHECK(relay.sent(2, 2) >= 1);
  }
}

TEST_CASE("a v1 list of devices that ends with next_offset 0 is not misread as an empty v2 list") {
  Relay relay({}, {.wire = WireVersion::kV1});
  relay.connect();
  const auto found = relay.driver.devices();
  REQUIRE(found.ok());
  CHECK(found->has(5));
}

TEST_CASE("a list of other devices than those asked for is a bad answer") {
  for (const std::size_t at : {8, 12}) {  // the offset; the count, one byte of bitmap more than asked for
    Relay relay(kHasty);
    relay.connect();
    relay.on_response = changing(3, 2, [=](Bytes& frame) {
      frame[at] = std::byte{at == 8 ? std::uint8_t{8} : std::uint8_t{72}};
      frame.resize(14 + 9);
      write_wire(std::span(frame).subspan(6), le16(static_cast<std::uint16_t>(at == 8 ? 18 : 23)));
      if (at == 8) frame.resize(18);
    });
    CHECK(relay.driver.devices().error() == TransportError::kBadAnswer);
  }
}

TEST_CASE("many devices are found through small windows") {
  Relay relay({}, {}, 52);
  std::vector<ToyDevice> toys(10);
  for (std::uint16_t n = 0; n < 10; ++n) {
    REQUIRE(relay.devices.add(DeviceRef<RegionMemory>(toys[n]), {}, static_cast<std::uint16_t>(n + 20)).ok());
  }
  // The device's side never tells of more than four devices at a time.
  relay.on_request = changing(2, 2, [](Bytes& frame) { write_wire(std::span(frame).subspan(10), le16(4)); });
  relay.connect();
  const auto found = relay.driver.devices();
  REQUIRE(found.ok());
  for (unsigned n = 0; n < 64; ++n) CHECK(found->has(n) == (n == 5 || (n >= 20 && n < 30)));
  CHECK(relay.sent(2, 2) == 8);
}

TEST_CASE("a v1 device: no tokens on the bus, an enumeration without end, 48 bytes, queues without flags") {
  Relay relay({}, {.wire = WireVersion::kV1}, 64);
  relay.toy = ToyDevice(60);
  relay.connect();
  std::size_t longest = 0;
  relay.on_response = [&](Bytes frame) {
    longest = std::max(longest, frame.size());
    if (frame[0] == std::byte{3}) write_wire(std::span(frame).subspan(4), le16(0));
    if (starts(frame, 3, 2)) write_wire(std::span(frame).subspan(12), le16(32));  // the captured next_offset
    return Relay::Frames{frame};
  };
  const auto found = relay.driver.devices();
  REQUIRE(found.ok());
  CHECK(found->has(5));
  CHECK(found->first() == 5);
  CHECK_FALSE(found->next(6).has_value());
  CHECK(relay.sent(2, 2) == 2);
  CHECK(relay.driver.ping().ok());

  Device device(relay);
  REQUIRE(device.ready().ok());
  CHECK(device.driver.info().wire == WireVersion::kV1);
  std::array<std::byte, 60> config{};
  REQUIRE(device.driver.read_config(0, config).ok());
  CHECK(config[59] == std::byte{59});
  CHECK(device.driver.write_config(0, std::span(config).first(8)).ok());
  CHECK(longest <= 48);
  CHECK(relay.toy.started);
  CHECK(relay.toy.queues[0].size() == 8);
  for (const Bytes& frame : relay.requests) {
    CHECK(frame.size() <= 48);
    if (starts(frame, 0, VIRTIO_MSG_SET_VQUEUE)) CHECK(hex(std::span(frame).subspan(12, 4)) == "00000000");
  }
  REQUIRE(device.driver.reset_queue(0).ok());
}

TEST_CASE("a device that refuses the features is told that the driver gives up") {
  Relay relay;
  relay.connect();
  Device device(relay);
  CHECK(device.driver.negotiate(Features{ToyDevice::kFeatureNeedsB}).error() ==
        TransportError::kRefusedFeatures);
  CHECK(hex(relay.requests.back()).substr(16) == "83000000");
  CHECK(device.driver.start().error() == TransportError::kNotPossible);
  CHECK(device.driver.start_queue(0, 8, device.slots).error() == TransportError::kNotPossible);
  CHECK(device.ready().ok());
}

TEST_CASE("a queue that stays disabled is refused and its memory comes back") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.negotiate(kWanted).ok());
  relay.on_request = changing(0, VIRTIO_MSG_SET_VQUEUE, [](Bytes& frame) { frame[12] = std::byte{0}; });
  CHECK(device.driver.start_queue(0, 8, device.slots).error() == TransportError::kQueueRefused);
  CHECK(relay.arena().free_bytes() == relay.arena().size());
}

TEST_CASE("a queue that runs with another ring than ours keeps our memory until the device is reset") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.negotiate(kWanted).ok());
  relay.on_request = changing(0, VIRTIO_MSG_SET_VQUEUE, [](Bytes& frame) { set32(frame, 24, 0x8000); });
  CHECK(device.driver.start_queue(0, 8, device.slots).error() == TransportError::kBadAnswer);
  CHECK(relay.arena().free_bytes() < relay.arena().size());
  REQUIRE(device.driver.reset().ok());
  CHECK(relay.arena().free_bytes() == relay.arena().size());
}

TEST_CASE("a device that denies a queue which we have started does not get a second ring for it") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  relay.on_response = changing(1, VIRTIO_MSG_GET_VQUEUE, [](Bytes& frame) { frame[20] = std::byte{0}; });
  CHECK(device.driver.start_queue(0, 8, device.slots).error() == TransportError::kQueueRefused);
  relay.on_response = Relay::as_it_is;
  REQUIRE(device.driver.reset().ok());
  CHECK(relay.arena().free_bytes() == relay.arena().size());
}

TEST_CASE("queues: which ones exist, how large, not twice, and not without memory") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.negotiate(kWanted).ok());
  CHECK(*device.driver.queue_max_size(0) == 16);
  CHECK(*device.driver.queue_max_size(2) == 0);
  CHECK(device.driver.start_queue(2, 8, device.slots).error() == TransportError::kNoSuchQueue);
  CHECK(device.driver.start_queue(0, 32, device.slots).error() == TransportError::kQueueRefused);
  CHECK(device.driver.start_queue(0, 6, device.slots).error() == TransportError::kQueueRefused);
  CHECK(device.driver.start_queue(0, 16, std::span(device.slots).first(8)).error() ==
        TransportError::kQueueRefused);
  CHECK(relay.arena().free_bytes() == relay.arena().size());
  REQUIRE(device.driver.start_queue(0, 16, device.slots).ok());
  CHECK(device.driver.start_queue(0, 16, device.slots).error() == TransportError::kQueueRefused);
  CHECK(device.driver.reset_queue(1).error() == TransportError::kNoSuchQueue);
  const auto rest = relay.arena().free_bytes();
  while (relay.arena().allocate(64)) {
  }
  CHECK(device.driver.start_queue(1, 16, device.slots).error() == TransportError::kNoMemory);
  CHECK(rest > 0);
}

TEST_CASE("a reset that takes its time is polled until it is done; one that never ends is a timeout") {
  Relay relay(kHasty);
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  unsigned polls = 0;
  relay.on_response = [&](Bytes frame) {
    if (starts(frame, 1, VIRTIO_MSG_SET_DEVICE_STATUS)) set32(frame, 8, 4);
    if (starts(frame, 1, VIRTIO_MSG_GET_DEVICE_STATUS) && ++polls < 4) set32(frame, 8, 4);
    return Relay::Frames{frame};
  };
  CHECK(device.driver.reset().ok());
  CHECK(polls == 4);
  CHECK(relay.arena().free_bytes() == relay.arena().size());

  relay.on_response = Relay::as_it_is;
  REQUIRE(device.ready().ok());
  relay.on_response = [&](Bytes frame) {
    if (starts(frame, 1, VIRTIO_MSG_SET_DEVICE_STATUS) || starts(frame, 1, VIRTIO_MSG_GET_DEVICE_STATUS)) {
      set32(frame, 8, 4);
    }
    return Relay::Frames{frame};
  };
  CHECK(device.driver.reset().error() == TransportError::kTimeout);
  CHECK(relay.arena().free_bytes() < relay.arena().size());  // the device may still write there
}

TEST_CASE("a flood of events, between and inside requests, leaves a few bits") {
  Relay relay({.timeout = seconds(5)}, {}, 64);
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  relay.on_response = [&](Bytes frame) {
    Relay::Frames frames;
    for (int i = 0; i < 15; ++i) {
      frames.push_back(test::frame("0040 0500 0000 1800 0f000000 09000000 00000000 00000000"));
      frames.push_back(test::frame("0042 0500 0000 0c00 00000000"));
      frames.push_back(test::frame("0240 0000 0000 0c00 0900 0100"));
      frames.push_back(
          test::frame("0040 1100 0000 1800 4f000000 00000000 00000000 00000000"));  // device 17: not ours
    }
    frames.push_back(frame);
    return frames;
  };
  for (int i = 0; i < 10; ++i) CHECK(relay.driver.ping().ok());
  CHECK(device.driver.take_config_change());
  CHECK_FALSE(device.driver.take_config_change());
  CHECK_FALSE(device.driver.needs_reset());
  CHECK(relay.driver.take_plug_event() == PlugEvent{9, true});
  CHECK_FALSE(relay.driver.take_plug_event().has_value());
  CHECK(device.driver.wait(device.now()) == Wake::kRung);
  CHECK(device.driver.wait(device.now() + milliseconds(10)) == Wake::kTimeout);
}

TEST_CASE("EVENT_CONFIG: a status alone is no change of configuration; NEEDS_RESET stays until the reset") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  relay.toy.broken = true;
  CHECK(device.driver.wait(device.now() + milliseconds(10)) == Wake::kRung);
  CHECK(device.driver.needs_reset());
  CHECK_FALSE(device.driver.take_config_change());
  REQUIRE(device.driver.reset().ok());
  CHECK_FALSE(device.driver.needs_reset());
}

TEST_CASE("devices that come and go: gone before come, and what went unseen is only gone") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.open().ok());
  CHECK_FALSE(relay.driver.take_plug_event().has_value());
  relay.inject("0240 0000 0000 0c00 0500 0200");
  relay.inject("0240 0000 0000 0c00 0500 0100");
  relay.inject("0240 0000 0000 0c00 0700 0100");
  relay.inject("0240 0000 0000 0c00 0700 0200");
  relay.inject("0240 0000 0000 0c00 0800 0300");  // a state that nobody knows
  relay.inject("0240 0000 0000 0c00 ffff 0100");  // further than we look
  (void)relay.driver.pump();
  CHECK(device.driver.removed());
  CHECK(relay.driver.take_plug_event() == PlugEvent{5, false});
  CHECK(relay.driver.take_plug_event() == PlugEvent{7, false});
  CHECK(relay.driver.take_plug_event() == PlugEvent{5, true});
  CHECK_FALSE(relay.driver.take_plug_event().has_value());
  REQUIRE(device.driver.open().ok());
  CHECK_FALSE(device.driver.removed());
}

TEST_CASE("PINGs from the device are answered with the same word and token, also during a request") {
  Relay relay;
  relay.connect();
  relay.inject("0203 0000 3412 0c00 78563412");
  relay.inject("0203 0000 3512 0c00 79563412");
  CHECK(relay.driver.ping().ok());
  (void)relay.driver.wait(relay.driver_pair.first().now() + milliseconds(1));
  relay.step();
  std::string pongs;
  for (const Bytes& frame : relay.requests) {
    if (starts(frame, 3, 3)) pongs += hex(frame) + " ";
  }
  CHECK(pongs == "0303000034120c0078563412 0303000035120c0079563412 ");
}

TEST_CASE("when the link goes down during a request the request fails, and negotiate() begins anew") {
  Relay relay({.timeout = seconds(5)});
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  relay.inject("0240 0000 0000 0c00 0900 0100");
  (void)relay.driver.pump();
  relay.on_request = [&](Bytes) {
    relay.driver_pair.second().reset();
    return Relay::Frames{};
  };
  std::array<std::byte, 4> bytes;
  CHECK(device.driver.read_config(0, bytes).error() == TransportError::kLinkDown);
  CHECK_FALSE(device.driver.in_session());
  CHECK_FALSE(relay.driver.take_plug_event().has_value());
  relay.on_request = Relay::as_it_is;
  relay.device_pair.first().reset();
  relay.connect();
  // The link is up again, but what was set up belongs to the old session.
  CHECK(device.driver.read_config(0, bytes).error() == TransportError::kLinkDown);
  CHECK(device.driver.start().error() == TransportError::kLinkDown);
  CHECK(device.driver.reset().error() == TransportError::kLinkDown);
  CHECK(device.ready().ok());
  CHECK(device.driver.read_config(0, bytes).ok());
  REQUIRE(device.driver.reset().ok());
  CHECK(relay.arena().free_bytes() == relay.arena().size());
}

TEST_CASE("an answer from before the link went down is not taken afterwards") {
  Relay relay(kHasty);
  relay.connect();
  Bytes old;
  relay.on_response = [&](Bytes frame) {
    old = frame;
    return Relay::Frames{};
  };
  CHECK(relay.driver.ping().error() == TransportError::kTimeout);
  relay.driver_pair.second().reset();
  relay.connect();
  relay.on_response = [&](Bytes) { return Relay::Frames{old}; };
  CHECK(relay.driver.ping().error() == TransportError::kTimeout);
}

TEST_CASE("empty and cut-off messages before an answer do not delay it") {
  Relay relay;
  relay.connect();
  relay.on_response = [](Bytes frame) { return Relay::Frames{{}, {}, {}, Bytes(7), Bytes(8), frame}; };
  const Instant before = relay.driver_pair.first().now();
  CHECK(relay.driver.ping().ok());
  CHECK(elapsed(before, relay.driver_pair.first().now()) < milliseconds(50));
}

TEST_CASE("waiting for an answer can be cancelled") {
  Relay relay;
  relay.connect();
  relay.on_response = Relay::nothing;
  relay.driver_pair.first().bell().cancel();
  CHECK(relay.driver.ping().error() == TransportError::kCancelled);
}

TEST_CASE("a message longer than the bus allows ends the session with a reason") {
  Relay relay(kHasty, {}, 1024);
  relay.connect();
  Bytes huge(600);
  write_wire(std::span(huge), wire::Header{0, 0x42, 5, 0, 600});
  relay.inject(huge);
  CHECK(relay.driver.ping().error() == TransportError::kLinkDown);
  CHECK(relay.driver.fault() == BusFault::kMessageTooLong);
  CHECK(relay.driver.ping().error() == TransportError::kLinkDown);
  relay.driver_pair.second().reset();
  relay.connect();
  CHECK(relay.driver.ping().ok());
}

TEST_CASE("requests wait for room in a full channel, notifications are kept until there is some") {
  Relay relay({.notification = Notification::kMessages}, {.notification = Notification::kMessages}, 264, 2);
  relay.connect();
  Device device(relay);
  REQUIRE(device.ready().ok());
  relay.requests.clear();
  for (int i = 0; i < 5; ++i) device.driver.notify(0, 0);
  CHECK(relay.driver.ping().ok());
  (void)device.driver.wait(device.now() + milliseconds(1));
  relay.step();
  // Two found room; the three others wait as one.
  CHECK(relay.sent(0, VIRTIO_MSG_EVENT_AVAIL) == 3);
}

TEST_CASE("NOTIFICATION_DATA is only negotiated where messages carry it") {
  for (const auto notification : {Notification::kMarks, Notification::kMessages}) {
    DriverBusOptions driver{.notification = notification};
    Relay relay(driver, {.notification = Notification::kMessages});
    relay.connect();
    Device device(relay);
    const auto features =
        device.driver.negotiate(Features{VIRTIO_F_NOTIFICATION_DATA, VIRTIO_F_NOTIF_CONFIG_DATA});
    REQUIRE(features.ok());
    const bool messages = notification == Notification::kMessages;
    CHECK(features->has(VIRTIO_F_NOTIFICATION_DATA) == messages);
    CHECK_FALSE(features->has(VIRTIO_F_NOTIF_CONFIG_DATA));
    if (!messages) continue;
    REQUIRE(device.driver.start().ok());
    relay.requests.clear();
    device.driver.notify(0, 0x80000007);
    relay.step();
    REQUIRE(relay.requests.size() == 1);
    CHECK(hex(relay.requests[0]) == "00410500000010000000000007000080");
  }
}

TEST_CASE("with marks no notification message is ever sent, and none before DRIVER_OK either") {
  Relay relay;
  relay.connect();
  Device device(relay);
  REQUIRE(device.driver.negotiate(kWanted).ok());
  (void)relay.driver_pair.second().bell().take();
  device.driver.notify(3, 0);
  CHECK(relay.driver_pair.second().bell().take() == 0);
  REQUIRE(device.driver.start().ok());
  (void)relay.driver_pair.second().bell().take();
  relay.requests.clear();
  device.driver.notify(3, 0);
  CHECK(relay.driver_pair.second().bell().take() == mark_of(5, 3).bit());
  relay.step();
  CHECK(relay.requests.empty());
}

TEST_CASE("every error has its own sentence") {
  std::map<std::string, int> seen;
  for (unsigned n = 0; n <= static_cast<unsigned>(TransportError::kCancelled); ++n) {
    const std::string text = describe(static_cast<TransportError>(n));
    CHECK(text != "unknown");
    CHECK(++seen[text] == 1);
  }
}
