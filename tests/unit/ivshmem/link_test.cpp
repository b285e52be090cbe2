// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/link.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <support/fake_port.hpp>

using namespace hawser;
using namespace hawser::ivshmem;
using hawser::test::FakePort;
using hawser::test::FakeWindow;

static_assert(hawser::Link<ivshmem::Link<FakePort>>);

namespace {

/// A driver end and a device end in one window, each replaceable.
struct Pair {
  explicit Pair(QueueKind kind = QueueKind::kSelfDescribing, std::size_t bytes = 1 << 20)
      : window(bytes), kind(kind) {}

  void start_driver(std::uint16_t id = 7) {
    driver.reset();
    driver_port.reset();
    driver_port.emplace(window, id);
    driver.emplace(*driver_port, LinkOptions{.role = Role::kDriver});
  }
  void start_device(std::uint16_t id = 3) {
    device.reset();
    device_port.reset();
    device_port.emplace(window, id);
    device.emplace(*device_port, LinkOptions{.role = Role::kDevice, .queue_kind = kind});
  }
  /// The process is gone: nothing is said, nothing is cleaned up.
  void kill_driver() { kill(driver, driver_port); }
  void kill_device() { kill(device, device_port); }

  void run(unsigned milliseconds) {
    for (unsigned n = 0; n < milliseconds; ++n) {
      window.now_ns += 1'000'000;
      if (driver) note(driver->poll(), driver_events);
      if (device) note(device->poll(), device_events);
    }
  }
  bool both_up() const {
    return driver && device && driver->state() == LinkState::kUp && device->state() == LinkState::kUp;
  }

  static void note(LinkEvent event, std::string& events) {
    if (event == LinkEvent::kWentUp) events += 'u';
    if (event == LinkEvent::kWentDown) events += 'd';
    if (event == LinkEvent::kBroke) events += 'b';
  }

  FakeWindow window;
  QueueKind kind;
  std::optional<FakePort> driver_port, device_port;
  std::optional<ivshmem::Link<FakePort>> driver, device;
  std::string driver_events, device_events;

 private:
  /// A killed party runs no destructor. Here it must, so its good-byes go to a copy that is put back.
  void kill(std::optional<ivshmem::Link<FakePort>>& link, std::optional<FakePort>& port) {
    const auto before = window.words;
    link.reset();
    port.reset();
    window.words = before;
  }
};

/// Of the first link, for whoever writes there in its owner's place.
EndBlockView end_block(FakeWindow& window, Role role) {
  const std::uint64_t section = role == Role::kDevice ? 0 : kSectionBytes;
  return EndBlockView(*RegionMemory(window.bytes())
                           .area(Offset(kDirectoryBytes + section + kEndBlockOffset), sizeof(EndBlock), 8));
}

std::array<std::byte, 64> message(unsigned char fill) {
  std::array<std::byte, 64> m;
  std::memset(m.data(), fill, m.size());
  return m;
}

bool send(ivshmem::Link<FakePort>& link, unsigned char fill) {
  const auto m = message(fill);
  const std::span<const std::byte> part(m);
  return link.channel().try_send(std::span(&part, 1)).ok();
}

int receive(ivshmem::Link<FakePort>& link) {
  std::array<std::byte, 64> m;
  auto got = link.channel().try_receive(m);
  return got.ok() ? static_cast<int>(m[0]) : -1;
}

struct UpPair : Pair {
  UpPair() {
    start_driver(7);
    start_device();
    run(200);
  }
};

/// Two ends that are up, and then another party that wants to be the driver's.
struct Contested {
  void run(unsigned milliseconds) {
    for (unsigned n = 0; n < milliseconds; ++n) {
      rival.poll();
      pair.run(1);
    }
  }

  UpPair pair;
  FakePort port{pair.window, 12};
  ivshmem::Link<FakePort> rival{port, {.role = Role::kDriver}};
};

}  // namespace

TEST_CASE("two ends that start in either order go up and exchange messages, in both queue layouts") {
  for (QueueKind kind : {QueueKind::kPlain, QueueKind::kSelfDescribing}) {
    for (bool driver_first : {true, false}) {
      Pair pair(kind);
      if (driver_first)
        pair.start_driver();
      else
        pair.start_device();
      pair.run(300);
      if (driver_first)
        pair.start_device();
      else
        pair.start_driver();
      pair.run(200);
      REQUIRE(pair.both_up());
      CHECK(pair.driver->epoch().own == pair.device->epoch().peer);
      CHECK(pair.driver->epoch().peer == pair.device->epoch().own);
      for (unsigned n = 0; n < 500; ++n) {
        CHECK(send(*pair.driver, static_cast<unsigned char>(n)));
        CHECK(receive(*pair.device) == static_cast<int>(n & 0xff));
        CHECK(send(*pair.device, static_cast<unsigned char>(n + 1)));
        CHECK(receive(*pair.driver) == static_cast<int>((n + 1) & 0xff));
      }
      CHECK(pair.driver_events == "u");
      CHECK(pair.device_events == "u");
    }
  }
}

TEST_CASE("an end that is killed is missed after the silence and welcomed back with a new epoch") {
  for (QueueKind kind : {QueueKind::kPlain, QueueKind::kSelfDescribing}) {
    Pair pair(kind);
    pair.start_driver();
    pair.start_device();
    pair.run(200);
    REQUIRE(pair.both_up());
    const Epoch before = pair.driver->epoch();
    CHECK(send(*pair.driver, 1));  // stays unread: the device dies first

    pair.kill_device();
    pair.run(2900);
    CHECK(pair.driver->state() == LinkState::kUp);
    pair.run(200);
    CHECK(pair.driver->state() == LinkState::kDown);
    CHECK_FALSE(send(*pair.driver, 2));

    pair.start_device(9);  // a new process has a new id
    pair.run(1000);
    REQUIRE(pair.both_up());
    CHECK(pair.driver->epoch().peer != before.peer);
    CHECK(pair.driver->epoch().own != before.own);
    CHECK(receive(*pair.device) == -1);  // nothing from the old epoch
    CHECK(send(*pair.driver, 3));
    CHECK(receive(*pair.device) == 3);
    CHECK(pair.driver_events == "udu");
  }
}

TEST_CASE("a guest that reboots under the same id is noticed at once, without waiting for silence") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  CHECK(send(*pair.device, 1));
  pair.kill_driver();
  pair.start_driver(7);
  pair.run(100);
  REQUIRE(pair.both_up());
  CHECK(pair.device_events == "udu");
  CHECK(receive(*pair.driver) == -1);
}

TEST_CASE("what the peer's earlier life left in the queue is not received, also before the next poll()") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  for (unsigned char n = 0; n < 70;
       ++n) {  // the queue was once around, and its index is not at the beginning
    REQUIRE(send(*pair.driver, n));
    REQUIRE(receive(*pair.device) == n);
  }
  pair.driver->reset();
  pair.driver->poll();  // it has answered our block, which still stands: its queue is as new
  CHECK(receive(*pair.device) == -1);
  pair.run(100);
  REQUIRE(pair.both_up());
  CHECK(send(*pair.driver, 200));
  CHECK(receive(*pair.device) == 200);
}

TEST_CASE("an end that leaves and is back before the other looks again begins a new epoch all the same") {
  for (bool driver : {true, false}) {
    Pair pair;
    pair.start_driver();
    pair.start_device();
    pair.run(200);
    REQUIRE(pair.both_up());
    const Epoch before = pair.driver->epoch();
    if (driver)
      pair.start_driver();
    else
      pair.start_device();
    pair.run(200);
    REQUIRE(pair.both_up());
    CHECK(pair.driver->epoch() != before);
    CHECK((driver ? pair.device_events : pair.driver_events) == "udu");
  }
}

TEST_CASE("no pair of epochs comes twice, however often an end leaves") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  for (int n = 0; n < 3; ++n) {
    const Epoch before = pair.driver->epoch();
    pair.driver.reset();  // says good-bye
    pair.run(200);
    pair.start_driver();
    pair.run(200);
    REQUIRE(pair.both_up());
    CHECK(pair.driver->epoch().own > before.own);
  }
}

TEST_CASE("an end that leaves is gone at once") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  pair.device.reset();
  pair.run(2);
  CHECK(pair.driver->state() == LinkState::kDown);
  pair.start_device(4);
  pair.run(200);
  CHECK(pair.both_up());
}

TEST_CASE("an end that was only slow sees the link go down and up too") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  for (unsigned n = 0; n < 3500; ++n) {  // the device is stopped in a debugger
    pair.window.now_ns += 1'000'000;
    Pair::note(pair.driver->poll(), pair.driver_events);
  }
  CHECK(pair.driver_events == "ud");
  pair.run(300);
  CHECK(pair.both_up());
  CHECK(pair.driver_events == "udu");
  CHECK(pair.device_events == "udu");
}

TEST_CASE("the end of a living party is not taken over, that of a dead one is") {
  Contested end;
  end.run(700);
  CHECK(end.rival.state() == LinkState::kBroken);
  CHECK(std::string(end.rival.broken_reason()) == "another living party already drives this link's devices");
  CHECK(end.rival.broken_by() == BrokenBy::kRival);
  CHECK(end.pair.both_up());

  end.pair.kill_driver();
  end.rival.reset();
  end.run(1200);
  CHECK(end.rival.state() == LinkState::kUp);
}

TEST_CASE(
    "a time in which nobody ran makes nobody dead: the end of a living party is not taken over after it") {
  Contested end;
  end.run(100);
  // A host is put to sleep just before a beat, and wakes the rival first.
  for (unsigned n = 0; n < 100; ++n) {
    end.pair.window.now_ns += n == 50 ? 1'000'000'000 : 1'000'000;
    end.rival.poll();
  }
  end.run(700);
  CHECK(end.rival.broken_by() == BrokenBy::kRival);
  CHECK(end.pair.both_up());
}

TEST_CASE("of two parties that claim one end at the same moment one finds out and stops") {
  FakeWindow window(1 << 20);
  FakePort first_port(window, 1), second_port(window, 2);
  ivshmem::Link<FakePort> first(first_port, {.role = Role::kDriver});
  ivshmem::Link<FakePort> second(second_port, {.role = Role::kDriver, .takeover = Duration{}});
  for (unsigned n = 0; n < 3; ++n) {
    second.poll();  // a takeover time of zero makes it claim without looking, like a racing start
    first.poll();
  }
  CHECK(first.state() == LinkState::kBroken);
  CHECK(std::string(first.broken_reason()) == "another party has taken this end of the link");
  CHECK(first.broken_by() == BrokenBy::kPeer);

  SUBCASE("which, when it asks again, leaves the other alone as long as that lives") {
    const std::uint32_t epoch = second.epoch().own;
    first.reset();
    for (unsigned n = 0; n < 700; ++n) {
      window.now_ns += 1'000'000;
      second.poll();
      first.poll();
    }
    CHECK(first.broken_by() == BrokenBy::kRival);
    CHECK(second.state() != LinkState::kBroken);
    CHECK(second.epoch().own == epoch);
  }
  SUBCASE("which, when it asks again, takes its place back from one that does not live") {
    first.reset();
    for (unsigned n = 0; n < 600; ++n) {
      window.now_ns += 1'000'000;
      first.poll();
    }
    CHECK(first.state() == LinkState::kDown);
    CHECK(first.broken_by() == BrokenBy::kNothing);
    second.poll();
    CHECK(second.state() == LinkState::kBroken);
  }
}

TEST_CASE("a scribbled claim on an end is not a living party") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  const EndBlockView block = end_block(pair.window, Role::kDevice);
  for (std::uint32_t n = 1; n <= 3000; ++n) {
    if (n % 50 == 0) block.claim(Role::kDevice, n, 1, QueueKind::kSelfDescribing, "");
    if (n % 70 == 0) block.publish_agreement({n, n});
    block.beat(n);
    pair.run(1);
    if (pair.device->state() == LinkState::kBroken) {
      REQUIRE(pair.device->broken_by() == BrokenBy::kPeer);
      pair.device->reset();
    }
  }
  pair.run(1200);
  CHECK(pair.both_up());
}

TEST_CASE("what was scribbled over either end's description is mended for the next peer") {
  for (const Role victim : {Role::kDevice, Role::kDriver}) {
    Pair pair;
    pair.start_driver();
    pair.start_device();
    pair.run(200);
    REQUIRE(pair.both_up());
    std::memset(pair.window.bytes().data(), 0xa5, sizeof(Directory));
    // All but the agreement and the heartbeat: by those the owner knows that the block is still its own.
    auto section =
        pair.window.bytes().subspan(kDirectoryBytes + (victim == Role::kDevice ? 0 : kSectionBytes));
    if (victim == Role::kDevice) std::memset(section.data(), 0xa5, sizeof(LayoutHeader));
    std::memset(section.data() + kEndBlockOffset, 0xa5, offsetof(EndBlock, peer_id));
    std::memset(section.data() + kEndBlockOffset + offsetof(EndBlock, vectors), 0xa5, 4);
    pair.run(30);
    if (victim == Role::kDevice) {
      pair.kill_driver();
      pair.start_driver(8);
    } else {
      pair.kill_device();
      pair.start_device(8);
    }
    pair.run(4000);
    CHECK(pair.both_up());
  }
}

TEST_CASE("a mark rung is taken once, and rung again only when it is not pending") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  pair.device->bell().take();
  const auto doorbells = pair.driver->counters().doorbells;
  pair.driver->bell().ring(Mark(5));
  pair.driver->bell().ring(Mark(5));
  pair.driver->bell().ring(Mark(63));
  CHECK(pair.driver->counters().doorbells == doorbells + 2);
  CHECK(pair.device->bell().take() == (Mark(5).bit() | Mark(63).bit()));
  CHECK(pair.device->bell().take() == 0);
  pair.driver->bell().ring(Mark(5));
  CHECK(pair.device->bell().take() == Mark(5).bit());
}

TEST_CASE("a disarmed bell collects marks without doorbells, an armed one rings on the mark's vector") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  pair.device->bell().disarm();
  const auto before = pair.driver->counters().doorbells;
  pair.driver->bell().ring(Mark(9));
  CHECK(pair.driver->counters().doorbells == before);
  CHECK(pair.device->bell().take() == Mark(9).bit());
  pair.device->bell().arm();
  pair.driver->bell().ring(Mark(9));
  CHECK(pair.driver->counters().doorbells == before + 1);
  CHECK(pair.device_port->last_vector == 1 + 9 % 3);
}

TEST_CASE("a queue index out of range breaks the link with a reason, and reset brings it back") {
  for (QueueKind kind : {QueueKind::kPlain, QueueKind::kSelfDescribing}) {
    Pair pair(kind);
    pair.start_driver();
    pair.start_device();
    pair.run(200);
    REQUIRE(pair.both_up());
    // The driver writes nonsense where its producer index is.
    auto area = pair.window.bytes().subspan(kDirectoryBytes + kSectionBytes);
    const std::uint16_t nonsense = 0x7fff;
    std::memcpy(area.data() + (kind == QueueKind::kPlain ? kElementsOffset : kQueueHeadOffset + 4), &nonsense,
                2);
    CHECK(receive(*pair.device) == -1);
    pair.run(5);
    CHECK(pair.device->state() == LinkState::kBroken);
    CHECK(std::string(pair.device->broken_reason()) == "the peer's message queue index is out of range");
    CHECK(pair.driver_events == "ud");  // the other end sees it go
    pair.device->reset();
    pair.run(300);
    CHECK(pair.both_up());
  }
}

TEST_CASE("another party that took the peer's place under the same epoch is a new peer") {
  for (const bool device : {true, false}) {
    Pair pair;
    pair.start_driver(7);
    pair.start_device(3);
    pair.run(200);
    REQUIRE(pair.both_up());
    auto& watcher = device ? pair.driver : pair.device;
    const Epoch before = watcher->epoch();
    // Two that claim at the same moment may choose the same epoch, and this end may look only when it is over.
    CHECK(send(device ? *pair.device : *pair.driver, 9));
    const EndBlockView block = end_block(pair.window, device ? Role::kDevice : Role::kDriver);
    block.claim(device ? Role::kDevice : Role::kDriver, 12, 4, QueueKind::kSelfDescribing, "");
    CHECK(receive(*watcher) == -1);  // between two polls as well
    CHECK(watcher->poll() == LinkEvent::kWentDown);
    watcher->poll();
    CHECK(watcher->epoch().own != before.own);
    CHECK(watcher->epoch().peer == before.peer);
  }
}

TEST_CASE("an end does not go up with another party than the one it made room for") {
  FakeWindow window(1 << 20);
  FakePort port(window, 3);
  ivshmem::Link<FakePort> device(port, {.role = Role::kDevice});
  const EndBlockView driver = end_block(window, Role::kDriver);
  driver.claim(Role::kDriver, 7, 4, QueueKind::kSelfDescribing, "");
  driver.publish_agreement({5, 0});
  CHECK(device.poll() == LinkEvent::kNothing);
  const Epoch answered = device.epoch();
  CHECK(answered.peer == 5);
  driver.claim(Role::kDriver, 12, 4, QueueKind::kSelfDescribing, "");
  driver.publish_agreement({5, answered.own});
  CHECK(device.poll() == LinkEvent::kNothing);
  CHECK(device.state() == LinkState::kDown);
  CHECK(device.epoch().own == answered.own + 1);
}

TEST_CASE("an answer to another party that had the same epoch is not taken for one's own") {
  struct LatePort : FakePort {  // something happens while it says who it is
    using FakePort::FakePort;
    std::uint16_t vectors() const {
      if (meanwhile) meanwhile();
      return FakePort::vectors();
    }
    std::function<void()> meanwhile;
  };
  FakeWindow window(1 << 20);
  LatePort port(window, 7);
  ivshmem::Link<LatePort> driver(port, {.role = Role::kDriver});
  const std::uint32_t next = driver.epoch().own + 1;
  const EndBlockView device = end_block(window, Role::kDevice);
  port.meanwhile = [&] { device.publish_agreement({9, next}); };
  driver.reset();
  CHECK(driver.epoch().own == next + 1);
}

TEST_CASE("a peer that forgets our epoch and remembers it again finds a new one") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  const Epoch before = pair.device->epoch();
  // The driver's block, scribbled by the driver itself: the same epoch, ours forgotten, then remembered.
  const EndBlockView block = end_block(pair.window, Role::kDriver);
  block.publish_agreement({before.peer, 0});
  CHECK(pair.device->poll() == LinkEvent::kWentDown);
  block.publish_agreement({before.peer, before.own});
  pair.run(200);
  REQUIRE(pair.both_up());
  CHECK_FALSE(pair.device->epoch() == before);
}

TEST_CASE(
    "a queue description that stays senseless breaks the link with a reason, one that is mended in time does "
    "not") {
  for (const bool mended : {true, false}) {
    Pair pair;
    pair.start_device();
    pair.run(50);
    auto area = pair.window.bytes().subspan(kDirectoryBytes);
    const auto lie_for = [&](unsigned milliseconds) {
      const std::uint16_t lie = 1;  // elements
      for (unsigned n = 0; n < milliseconds; ++n) {
        std::memcpy(area.data() + offsetof(LayoutHeader, queue_elements), &lie, 2);
        pair.run(1);
      }
    };
    pair.start_driver();
    lie_for(1000);
    CHECK(pair.driver->state() == LinkState::kDown);
    if (mended) {
      pair.run(300);
      CHECK(pair.both_up());
    } else {
      lie_for(2500);
      CHECK(pair.driver->state() == LinkState::kBroken);
      CHECK(std::string(pair.driver->broken_reason()).find("impossible element count") != std::string::npos);
      CHECK(pair.driver->broken_by() == BrokenBy::kPeer);
    }
  }
}

TEST_CASE("a full channel refuses the message that does not fit and loses none") {
  Pair pair;
  pair.start_driver();
  pair.start_device();
  pair.run(200);
  REQUIRE(pair.both_up());
  unsigned sent = 0;
  while (send(*pair.driver, static_cast<unsigned char>(sent))) ++sent;
  CHECK(sent == 63);
  for (unsigned n = 0; n < sent; ++n) CHECK(receive(*pair.device) == static_cast<int>(n));
  CHECK(receive(*pair.device) == -1);
  CHECK(send(*pair.driver, 200));
  CHECK(receive(*pair.device) == 200);
}

TEST_CASE("several links live in one window and do not touch one another") {
  FakeWindow window(1 << 20);
  FakePort a(window, 1), b(window, 2), c(window, 3), d(window, 4);
  ivshmem::Link<FakePort> driver0(a, {.role = Role::kDriver, .number = 0, .links_if_new = 3});
  ivshmem::Link<FakePort> device0(b, {.role = Role::kDevice, .number = 0, .links_if_new = 3});
  ivshmem::Link<FakePort> driver2(c, {.role = Role::kDriver, .number = 2, .links_if_new = 3});
  ivshmem::Link<FakePort> device2(d, {.role = Role::kDevice, .number = 2, .links_if_new = 3});
  for (unsigned n = 0; n < 200; ++n) {
    window.now_ns += 1'000'000;
    driver0.poll();
    device0.poll();
    driver2.poll();
    device2.poll();
  }
  CHECK(send(driver0, 10));
  CHECK(send(driver2, 20));
  CHECK(receive(device0) == 10);
  CHECK(receive(device2) == 20);
  std::memset(driver0.region().area(Offset(0), driver0.region().size(), 1)->bytes().data(), 0xff,
              driver0.region().size());
  CHECK(driver2.region().area(Offset(0), 8, 8)->load<std::uint64_t>(0) == 0);
  for (unsigned n = 0; n < 200; ++n) {
    window.now_ns += 1'000'000;
    driver0.poll();
    device0.poll();
    driver2.poll();
    device2.poll();
  }
  CHECK(device0.state() == LinkState::kUp);
  CHECK(device2.state() == LinkState::kUp);
}
