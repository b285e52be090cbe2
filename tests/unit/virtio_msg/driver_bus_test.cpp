// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver's side of a bus against devices that do not answer, answer late, twice, wrongly, or talk without end.
#include "driver_frames.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <string>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

namespace {

/// A link whose peer sends the same message for ever, faster than anybody reads; time passes with each.
struct Chatter {
  using ChannelType = Chatter;
  using BellType = Chatter;
  using MemoryType = RegionMemory;

  LinkEvent poll() { return std::exchange(event, LinkEvent::kNothing); }
  LinkState state() const { return LinkState::kUp; }
  Epoch epoch() const { return {1, 1}; }
  Visibility visibility() const { return Visibility::kCopied; }
  const char* broken_reason() const { return ""; }
  Chatter& channel() { return *this; }
  Chatter& bell() { return *this; }
  RegionMemory region() const { return RegionMemory{}; }
  void reset() {}
  Instant now() const { return Instant{} + milliseconds(reads); }
  LinkCounters counters() const { return {}; }

  std::size_t mtu() const { return 64; }
  Result<void, SendError> try_send(std::span<const std::span<const std::byte>>) { return {}; }
  Result<std::size_t, ReceiveError> try_receive(std::span<std::byte> to) {
    if (++reads > 100'000) return Err{ReceiveError::kEmpty};
    std::copy(message.begin(), message.end(), to.begin());
    return message.size();
  }

  void ring() {}
  void ring(Mark) {}
  Marks take() { return 0; }
  void arm() {}
  void disarm() {}
  Wake wait(Instant) {
    reads += 50;
    return Wake::kTimeout;
  }

  Bytes message;
  LinkEvent event = LinkEvent::kWentUp;
  int reads = 0;
};
static_assert(Link<Chatter>);

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

TEST_CASE("wrong answers without end, as v1 devices give them, do not hold anybody up for ever") {
  Chatter link;
  link.message = frame("0303 0000 0000 0c00 efbeadde");  // a pong without a token, for another ping
  DriverBus<Chatter> bus(link, {.timeout = milliseconds(200)});
  (void)bus.wait(link.now());
  CHECK(bus.ping().error() == TransportError::kTimeout);
  CHECK(link.reads < 1000);
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

TEST_CASE("every error has its own sentence") {
  std::map<std::string, int> seen;
  for (unsigned n = 0; n <= static_cast<unsigned>(TransportError::kCancelled); ++n) {
    const std::string text = describe(static_cast<TransportError>(n));
    CHECK(text != "unknown");
    CHECK(++seen[text] == 1);
  }
}
