// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A console device whose driver lies, and a console driver whose device lies.
#include "console_pair.hpp"
#include "puppet_device.hpp"
#include "raw_driver.hpp"

#include <hawser/transport/random.hpp>

#include <doctest/doctest.h>

#include "support/seed.hpp"

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Tape;
using Bytes = std::vector<std::byte>;

namespace {

constexpr std::uint16_t kToDriver = 2;
constexpr std::uint16_t kToDevice = 3;

Bytes message(std::uint32_t id, std::uint16_t event, std::uint16_t value, std::string_view rest = {}) {
  const virtio_console_control control{le32(id), le16(event), le16(value)};
  const auto head = wire_bytes(control);
  Bytes made(head.begin(), head.end());
  for (const char c : rest) made.push_back(static_cast<std::byte>(c));
  return made;
}
Bytes letters(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

struct Victim {
  explicit Victim(Features wanted = Features{VIRTIO_CONSOLE_F_MULTIPORT, VIRTIO_CONSOLE_F_SIZE},
                  Features queue_features = kQueueFeatures)
      : driver(model, wanted | queue_features, queue_features) {}

  std::array<Tape, test::kTestPorts> tapes;
  std::array<device::ConsolePortConfig<Tape>, test::kTestPorts> configs{
      {{&tapes[0], "console", true}, {&tapes[1], "log", false}, {&tapes[2], "", true}}};
  test::ConsoleModel model{configs};
  test::RawDriver<test::ConsoleModel> driver;

  bool still_works() {
    const std::string before = tapes[1].from_driver;
    driver.submit(5, {letters("alive")}, {});
    return tapes[1].from_driver == before + "alive" && !model.needs_reset();
  }
};

}  // namespace

TEST_CASE("control messages that are cut short, unknown or about unknown ports are ignored one by one") {
  Victim victim;
  const Bytes bad[] = {
      Bytes{},
      Bytes(7),
      message(3, VIRTIO_CONSOLE_PORT_READY, 1),
      message(0xffffffff, VIRTIO_CONSOLE_PORT_OPEN, 1),
      message(0x10000, VIRTIO_CONSOLE_PORT_OPEN, 1),  // 0 if one forgets the upper half
      message(0, VIRTIO_CONSOLE_DEVICE_ADD, 1),       // the device's to say
      message(0, VIRTIO_CONSOLE_RESIZE, 1),
      message(0, 8, 1),
      message(0, 0xffff, 1),
      message(0, VIRTIO_CONSOLE_PORT_OPEN, 7),
  };
  std::uint64_t ignored = 0;
  for (const Bytes& bytes : bad) {
    if (bytes.empty()) {
      victim.driver.submit(kToDevice, {}, {64});
    } else {
      victim.driver.submit(kToDevice, {bytes}, {});
    }
    CHECK(victim.model.counters().messages_ignored == ++ignored);
    CHECK(victim.driver.completed(kToDevice) == 1);
  }
  for (const Tape& tape : victim.tapes) CHECK_FALSE(tape.opened);
  CHECK(victim.still_works());
}

TEST_CASE("a flood of questions is answered with no more than there is to say, when there are buffers") {
  Victim victim;
  for (int n = 0; n < 1000; ++n) {
    victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_DEVICE_READY, 1)}, {});
    victim.driver.submit(kToDevice,
                         {message(static_cast<std::uint32_t>(n % 3), VIRTIO_CONSOLE_PORT_READY, 1)}, {});
    (void)victim.driver.completed(kToDevice);
  }
  for (int n = 0; n < 64; ++n) victim.driver.submit(kToDriver, {}, {64});
  // Three additions; console, name and open for port 0, name and open for port 1, console and open for port 2.
  CHECK(victim.driver.completed(kToDriver) == 3 + 3 + 2 + 2);
  CHECK(victim.still_works());
}

TEST_CASE(
    "a driver that says twice that it is ready hears of each port once, and again of one that returns") {
  Victim victim;
  for (int n = 0; n < 10; ++n) victim.driver.add(kToDriver, {}, {64});
  victim.driver.publish(kToDriver);
  victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_DEVICE_READY, 1)}, {});
  CHECK(victim.driver.completed(kToDriver) == 3);
  victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_DEVICE_READY, 1)}, {});
  CHECK(victim.driver.completed(kToDriver) == 0);
  victim.model.plug(1, false);
  victim.model.plug(1, true);
  victim.driver.transport.serve_all();
  CHECK(victim.driver.completed(kToDriver) == 2);  // gone, and back
}

TEST_CASE("control buffers too small for a message are used up empty and the message waits") {
  Victim victim;
  victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_DEVICE_READY, 1)}, {});
  for (int n = 0; n < 10; ++n) {
    victim.driver.submit(kToDriver, {}, {7});
    REQUIRE(victim.driver.completed(kToDriver) == 1);
    REQUIRE(victim.driver.last_written(kToDriver) == 0);
  }
  victim.driver.submit(kToDriver, {letters("x")}, {});  // a buffer that can not be written at all
  victim.driver.submit(kToDriver, {}, {8});
  CHECK(victim.driver.completed(kToDriver) == 2);
  CHECK(victim.driver.last_bytes(kToDriver) == message(0, VIRTIO_CONSOLE_DEVICE_ADD, 1));
}

TEST_CASE(
    "of a port that is unplugged nothing is told but that it is gone, and nothing if it never was there") {
  Victim victim;
  for (int n = 0; n < 3; ++n) victim.driver.submit(kToDriver, {}, {8});
  victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_DEVICE_READY, 1)}, {});
  REQUIRE(victim.driver.completed(kToDriver) == 3);
  victim.driver.submit(kToDevice, {message(1, VIRTIO_CONSOLE_PORT_READY, 1)},
                       {});  // name and open are owed now
  victim.model.plug(1, false);
  for (int n = 0; n < 5; ++n) victim.driver.submit(kToDriver, {}, {64});
  CHECK(victim.driver.completed(kToDriver) == 1);
  CHECK(victim.driver.last_written(kToDriver) == 8);
  victim.model.plug(1, true);
  victim.driver.transport.serve_all();
  CHECK(victim.driver.completed(kToDriver) == 1);
}

TEST_CASE("a name longer than the driver's buffer is cut") {
  Victim victim;
  victim.driver.submit(kToDevice, {message(1, VIRTIO_CONSOLE_PORT_READY, 1)}, {});
  victim.driver.submit(kToDriver, {}, {10});
  CHECK(victim.driver.completed(kToDriver) == 1);
  CHECK(victim.driver.last_bytes(kToDriver) == message(1, VIRTIO_CONSOLE_PORT_NAME, 1, "lo"));
}

TEST_CASE("buffers of the wrong direction or of no bytes are returned, and the port goes on") {
  Victim victim;
  victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_PORT_OPEN, 1)}, {});
  victim.tapes[0].to_driver = "data";
  victim.driver.submit(0, {letters("read only")}, {});
  CHECK(victim.driver.completed(0) == 1);
  CHECK(victim.tapes[0].to_driver == "data");
  victim.driver.submit(0, {}, {64});
  CHECK(victim.driver.completed(0) == 1);
  CHECK(victim.driver.last_written(0) == 4);
  victim.driver.submit(1, {}, {64});
  CHECK(victim.driver.completed(1) == 1);
  CHECK(victim.tapes[0].from_driver == "");
  CHECK(victim.still_works());
}

TEST_CASE("without multiport the control queues and other ports are dead") {
  Victim victim(Features{VIRTIO_CONSOLE_F_SIZE});
  victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_DEVICE_READY, 1)}, {});
  CHECK(victim.driver.completed(kToDevice) == 0);
  victim.driver.submit(5, {letters("x")}, {});
  CHECK(victim.tapes[1].from_driver == "");
  victim.driver.submit(1, {letters("y")}, {});
  CHECK(victim.tapes[0].from_driver == "y");
}

TEST_CASE("a queue that goes while the port holds a chain of it is not written to any more") {
  Features at_once = kQueueFeatures;
  // Else completions are gathered, and shown together.
  for (const unsigned bit : {VIRTIO_F_IN_ORDER, VIRTIO_F_RING_PACKED}) at_once.set(bit, false);
  Victim victim({VIRTIO_CONSOLE_F_MULTIPORT}, at_once);
  victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_PORT_OPEN, 1)}, {});
  victim.tapes[0].to_driver = "in";
  victim.driver.submit(0, {}, {64});  // used; the next is another one than zeros would name
  victim.driver.submit(1, {letters("out")}, {});
  victim.driver.submit(0, {}, {64});
  victim.tapes[0].room = 2;
  victim.driver.submit(1, {letters("abcdef")}, {});
  const auto now = victim.driver.region.bytes();
  const Bytes before(now.begin(), now.end());
  victim.model.stop();
  CHECK(std::equal(before.begin(), before.end(), now.begin()));
}

TEST_CASE("a queue reset while the port holds a chain of it works again") {
  Victim victim;
  victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_PORT_OPEN, 1)}, {});
  victim.driver.submit(0, {}, {64});  // held: no bytes yet
  victim.tapes[0].room = 2;
  victim.driver.submit(1, {letters("abcdef")}, {});
  victim.driver.restart_queue(0);
  victim.driver.restart_queue(1);
  victim.tapes[0].room = SIZE_MAX;
  victim.driver.submit(1, {letters("xyz")}, {});
  CHECK(victim.tapes[0].from_driver == "abxyz");
  victim.driver.submit(0, {}, {64});
  victim.tapes[0].to_driver = "in";
  victim.driver.transport.serve_all();
  CHECK(victim.driver.last_bytes(0).at(0) == std::byte{'i'});
}

TEST_CASE("input that nobody can take any more, for its queue was reset, wakes nobody") {
  Victim victim;
  victim.driver.submit(kToDevice, {message(0, VIRTIO_CONSOLE_PORT_OPEN, 1)}, {});
  victim.driver.submit(0, {}, {64});  // held: no bytes yet
  REQUIRE(victim.tapes[0].watched);
  REQUIRE(victim.driver.transport.reset_queue(0).ok());
  CHECK_FALSE(victim.tapes[0].watched);
  victim.driver.start_queue(0);
  victim.driver.submit(0, {}, {64});
  CHECK(victim.tapes[0].watched);
}

TEST_CASE("a port that is unplugged while its end is full gives the driver its bytes' buffer back") {
  Victim victim;
  victim.tapes[1].room = 2;
  victim.driver.submit(5, {letters("abcdef")}, {});
  REQUIRE(victim.driver.completed(5) == 0);
  CHECK_FALSE(victim.model.prepare_to_wait(5));  // for room
  victim.model.plug(1, false);
  CHECK(victim.model.prepare_to_wait(5));  // there is something to do
  victim.driver.transport.serve_all();
  CHECK(victim.driver.completed(5) == 1);
  CHECK(victim.tapes[1].from_driver == "ab");
}

TEST_CASE("queues and bytes of configuration that do not exist are nobody's") {
  Victim victim;
  for (const std::uint16_t index : {8, 9, 1000, 65535}) {
    CHECK(victim.model.queue_max_size(index) == 0);
    victim.model.attach(index, {});
    victim.model.detach(index);
    CHECK_FALSE(victim.model.service(index).more);
    CHECK_FALSE(victim.model.prepare_to_wait(index));
  }
  Bytes out(13, std::byte{0x5a});
  victim.model.read_config(0, out);
  victim.model.read_config(0xffffffff, std::span(out).first(1));
  CHECK(out == Bytes(13, std::byte{0x5a}));
  CHECK(victim.still_works());
}

TEST_CASE("random bytes in rings and messages never do more than break the device until its reset, console") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  for (int round = 0; round < 60; ++round) {
    Victim victim;
    for (int step = 0; step < 60 && !victim.model.needs_reset(); ++step) {
      const auto queue = static_cast<std::uint16_t>(random.below(8));
      Bytes bytes(1 + random.below(20));
      random.fill(bytes);
      if (queue == kToDevice && random.chance(80)) {
        bytes =
            message(static_cast<std::uint32_t>(random.below(4)), static_cast<std::uint16_t>(random.below(9)),
                    static_cast<std::uint16_t>(random.below(3)));
      }
      victim.driver.submit(queue, {bytes}, {1 + static_cast<std::uint32_t>(random.below(80))});
      if (random.chance(20)) victim.tapes[random.below(3)].to_driver += "some bytes";
      if (random.chance(10))
        victim.model.plug(static_cast<std::uint16_t>(random.below(4)), random.chance(50));
      if (random.chance(10)) victim.driver.scribble(queue, random);
    }
    victim.model.stop();
    CHECK_FALSE(victim.model.needs_reset());
  }
}

// --- a driver whose device lies ---

namespace {

using Puppet = test::PuppetDevice<VIRTIO_ID_CONSOLE>;

template <std::uint16_t kQueueSize>
struct DupeOf {
  DupeOf() {
    puppet.config.resize(12);
    puppet.config[4] = std::byte{5};  // ports: more than the driver's three
    puppet.features = Features{VIRTIO_CONSOLE_F_MULTIPORT, VIRTIO_CONSOLE_F_SIZE};
  }
  Result<void, TransportError> start() { return driver.start(transport); }
  void tell(const Bytes& bytes) {
    REQUIRE(puppet.answer(kToDriver, bytes, static_cast<std::uint32_t>(bytes.size())));
    (void)driver.poll();
  }

  test::TestRegion region;
  Puppet puppet{12};
  test::DirectTransport<Puppet> transport{region, puppet, kQueueFeatures};
  driver::Console<test::DirectTransport<Puppet>, 3, kQueueSize> driver;
};
using Dupe = DupeOf<16>;

}  // namespace

TEST_CASE("messages about ports that do not exist are ignored, and a port there is no room for is refused") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  CHECK(dupe.puppet.read(kToDevice) == message(0, VIRTIO_CONSOLE_DEVICE_READY, 1));
  const Bytes bad[] = {
      Bytes{},
      Bytes(7),
      message(5, VIRTIO_CONSOLE_DEVICE_ADD, 1),
      message(0xffffffff, VIRTIO_CONSOLE_DEVICE_ADD, 1),
      message(1, VIRTIO_CONSOLE_PORT_OPEN, 1),  // not added
      message(1, VIRTIO_CONSOLE_DEVICE_REMOVE, 1),
  };
  std::uint64_t ignored = 0;
  for (const Bytes& bytes : bad) {
    dupe.tell(bytes);
    CHECK(dupe.driver.counters().messages_ignored == ++ignored);
  }
  CHECK_FALSE(dupe.puppet.read(kToDevice).has_value());
  dupe.tell(message(4, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  CHECK(dupe.puppet.read(kToDevice) == message(4, VIRTIO_CONSOLE_PORT_READY, 0));
  dupe.tell(message(1, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  CHECK(dupe.puppet.read(kToDevice) == message(1, VIRTIO_CONSOLE_PORT_READY, 1));
  CHECK(dupe.puppet.read(kToDevice) == message(1, VIRTIO_CONSOLE_PORT_OPEN, 1));
  dupe.tell(message(1, VIRTIO_CONSOLE_RESIZE, 0, "abc"));  // a byte short
  dupe.tell(message(1, 99, 0));
  CHECK(dupe.driver.counters().messages_ignored == ignored + 2);
  dupe.tell(message(1, VIRTIO_CONSOLE_PORT_NAME, 1, std::string(56, 'n')));
  CHECK(dupe.driver.port(1).name() == std::string(driver::ConsolePortState::kNameBytes, 'n'));
}

TEST_CASE("a port that is said to be a console is opened, also by a driver that opens none by itself") {
  test::TestRegion region;
  Puppet puppet{12};
  puppet.config.resize(12);
  puppet.config[4] = std::byte{3};
  puppet.features = Features{VIRTIO_CONSOLE_F_MULTIPORT};
  test::DirectTransport<Puppet> transport(region, puppet, kQueueFeatures);
  driver::Console<decltype(transport), 3> driver({.open_ports = false});
  REQUIRE(driver.start(transport).ok());
  const auto tell = [&](const Bytes& bytes) {
    REQUIRE(puppet.answer(kToDriver, bytes, static_cast<std::uint32_t>(bytes.size())));
    (void)driver.poll();
  };
  CHECK(puppet.read(kToDevice) == message(0, VIRTIO_CONSOLE_DEVICE_READY, 1));
  tell(message(1, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  CHECK(puppet.read(kToDevice) == message(1, VIRTIO_CONSOLE_PORT_READY, 1));
  CHECK_FALSE(puppet.read(kToDevice).has_value());
  tell(message(1, VIRTIO_CONSOLE_CONSOLE_PORT, 1));
  CHECK(puppet.read(kToDevice) == message(1, VIRTIO_CONSOLE_PORT_OPEN, 1));
  CHECK(driver.port(1).console);
  CHECK(puppet.read(4) == Bytes{});  // a receive buffer, and nothing in it to read
}

TEST_CASE("a flood of messages is taken in bounded steps and answered with no more than there is to say") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  for (int n = 0; n < 500; ++n) {
    const Bytes add = message(1, VIRTIO_CONSOLE_DEVICE_ADD, 1);
    REQUIRE(dupe.puppet.answer(kToDriver, add, 8));
    (void)dupe.driver.poll();  // nobody takes the answers
  }
  int answers = 0;
  while (dupe.puppet.read(kToDevice)) ++answers;
  CHECK(answers <= 16);
  (void)dupe.driver.poll();
  CHECK_FALSE(dupe.driver.broken());
}

TEST_CASE("answers that found no room are waited for, and said when there is some") {
  DupeOf<1> dupe;
  REQUIRE(dupe.start().ok());
  dupe.tell(message(1, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  for (const Bytes& expected :
       {message(0, VIRTIO_CONSOLE_DEVICE_READY, 1), message(1, VIRTIO_CONSOLE_PORT_READY, 1)}) {
    CHECK_FALSE(dupe.driver.prepare_to_wait());
    CHECK(dupe.puppet.read(kToDevice) == expected);
    CHECK(dupe.puppet.wanted);
    CHECK(dupe.driver.prepare_to_wait());
    (void)dupe.driver.poll();
  }
  CHECK_FALSE(dupe.driver.prepare_to_wait());
  CHECK(dupe.puppet.read(kToDevice) == message(1, VIRTIO_CONSOLE_PORT_OPEN, 1));
  CHECK_FALSE(dupe.driver.prepare_to_wait());  // nothing else is owed
}

TEST_CASE("a refusal that finds no room is said later, and no message is read before") {
  DupeOf<1> dupe;
  REQUIRE(dupe.start().ok());
  dupe.tell(message(4, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  dupe.tell(message(3, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  CHECK_FALSE(dupe.puppet.answer(kToDriver, {}, 0));
  for (const Bytes& expected :
       {message(0, VIRTIO_CONSOLE_DEVICE_READY, 1), message(4, VIRTIO_CONSOLE_PORT_READY, 0)}) {
    CHECK_FALSE(dupe.driver.prepare_to_wait());  // also while there is a message to read
    CHECK(dupe.puppet.read(kToDevice) == expected);
    CHECK(dupe.puppet.wanted);
    CHECK(dupe.driver.prepare_to_wait());
    (void)dupe.driver.poll();
  }
  CHECK(dupe.puppet.read(kToDevice) == message(3, VIRTIO_CONSOLE_PORT_READY, 0));
  CHECK(dupe.driver.counters().messages_ignored == 0);
  dupe.tell(message(4, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  CHECK(dupe.puppet.read(kToDevice) == message(4, VIRTIO_CONSOLE_PORT_READY, 0));
}

TEST_CASE("a refusal owed to a device that went is not said to the next") {
  DupeOf<1> dupe;
  REQUIRE(dupe.start().ok());
  dupe.tell(message(4, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  REQUIRE(dupe.driver.resume(dupe.transport).ok());
  CHECK(dupe.puppet.read(kToDevice) == message(0, VIRTIO_CONSOLE_DEVICE_READY, 1));
  (void)dupe.driver.poll();
  CHECK_FALSE(dupe.puppet.read(kToDevice).has_value());
}

TEST_CASE(
    "received lengths beyond the buffer break the queue until the driver resumes, empty ones do nothing") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  dupe.tell(message(0, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  std::array<std::byte, 600> room;
  for (int n = 0; n < 50; ++n) {
    REQUIRE(dupe.puppet.answer(0, {}, 0));
    CHECK(dupe.driver.read(0, room) == 0);
  }
  REQUIRE(dupe.puppet.answer(0, letters("ok"), 2));
  CHECK(dupe.driver.read(0, room) == 2);
  REQUIRE(dupe.puppet.answer(0, letters("lie"), 257));
  CHECK(dupe.driver.read(0, room) == 0);
  CHECK(dupe.driver.broken());
  REQUIRE(dupe.driver.resume(dupe.transport).ok());
  CHECK_FALSE(dupe.driver.broken());
}

TEST_CASE(
    "buffers have one direction each: nothing to read in receive queues, nothing to write in transmit "
    "queues") {
  Dupe dupe;
  REQUIRE(dupe.start().ok());
  dupe.tell(message(0, VIRTIO_CONSOLE_DEVICE_ADD, 1));
  REQUIRE(dupe.driver.write(0, std::as_bytes(std::span("text", 4))) == 4);
  for (const std::uint16_t queue : {std::uint16_t{0}, kToDriver}) {
    const auto sizes = dupe.puppet.directions(queue);
    REQUIRE(sizes.has_value());
    CHECK(sizes->first == 0);
    CHECK(sizes->second != 0);
  }
  for (const std::uint16_t queue : {std::uint16_t{1}, kToDevice}) {
    const auto sizes = dupe.puppet.directions(queue);
    REQUIRE(sizes.has_value());
    CHECK(sizes->first != 0);
    CHECK(sizes->second == 0);
  }
}

TEST_CASE("a console that could not be started is told that the driver gives up") {
  Dupe dupe;
  dupe.puppet.config[4] = std::byte{0};
  REQUIRE_FALSE(dupe.start().ok());
  CHECK(dupe.transport.failed);
}

TEST_CASE("a device of no ports is a bad answer, one without its queues names what is missing") {
  Dupe dupe;
  dupe.puppet.config[4] = std::byte{0};
  CHECK(dupe.start().error() == TransportError::kBadAnswer);
  CHECK(dupe.region.arena().free_bytes() == dupe.region.arena().size());
  test::TestRegion region;
  Puppet few{4};
  few.config.resize(12);
  few.config[4] = std::byte{3};
  few.features = Features{VIRTIO_CONSOLE_F_MULTIPORT};
  test::DirectTransport<Puppet> transport(region, few);
  driver::Console<decltype(transport), 3> driver;
  CHECK(driver.start(transport).error() == TransportError::kNoSuchQueue);
  CHECK(region.arena().free_bytes() == region.arena().size());
}
