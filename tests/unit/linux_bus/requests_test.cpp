// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What becomes of requests: carried, done again, ended.

#include "peer.hpp"

#include <doctest/doctest.h>

using linux_bus::Driver;
using linux_bus::Peer;

namespace {

struct Scene {
  Driver driver;
  Peer peer;
  explicit Scene(std::uint32_t id = 2, unsigned queues = 1) {
    peer.models[3].id = id;
    peer.models[3].queues = queues;
    Driver::wanted = queues;
    peer.come();
  }
};

const std::string kHeader(16, 'h');

}  // namespace

TEST_CASE("a request reaches the peer and its answer the driver") {
  Scene scene;
  REQUIRE(Driver::vdev != nullptr);
  REQUIRE(Driver::queues.size() == 1);
  std::string answer(513, '.');
  const std::string question = kHeader + std::string(4096, 'd');
  const auto head = Driver::add(0, question, &answer);
  CHECK(scene.peer.serve(3, std::string(512, 'x') + '\0') == std::vector{question});
  const auto done = Driver::completion();
  REQUIRE(done);
  CHECK(done->first == head);
  CHECK(done->second == 513);
  CHECK(answer == std::string(512, 'x') + '\0');
  CHECK(Driver::calls == 1);
}

TEST_CASE("while the peer looks anyway it is not rung") {
  Scene scene;
  const auto before = scene.peer.rings;
  std::array<std::string, 4> answers;
  for (auto& answer : answers) {
    answer.assign(8, '.');
    Driver::add(0, kHeader, &answer);  // the peer's event index stays where it was
  }
  CHECK(scene.peer.rings == before + 1);
}

TEST_CASE("more requests than fit at the peer wait for their turn") {
  Scene scene;
  std::array<std::string, 8> answers;
  const std::string big(80'000, 'q');  // a quarter of the arena holds two
  for (auto& answer : answers) {
    answer.assign(8, '.');
    Driver::add(0, big, &answer);
  }
  CHECK(scene.peer.serve(3, "12345678").size() == 8);
  for (auto& answer : answers) {
    CHECK(Driver::completion());
    CHECK(answer == "12345678");
  }
}

TEST_CASE("a request that can never fit ends with an error") {
  Scene scene;
  std::string status(1, '\0');
  Driver::add(0, std::string(600'000, 'q'), &status);
  REQUIRE(Driver::completion());
  CHECK(status[0] == 1);
}

TEST_CASE("requests of a peer that died are done again by the next one, oldest first") {
  Scene scene;
  std::array<std::string, 5> answers;
  for (std::size_t n = 0; n < 3; ++n) {
    answers[n].assign(1, '.');
    Driver::add(0, "request " + std::to_string(n), &answers[n]);
  }
  const auto first = scene.peer.take(3);
  const auto second = scene.peer.take(3);
  REQUIRE(second);
  *second->writable = 0;
  scene.peer.use(3, 0, second->id, 1);  // the second one was done
  CHECK(Driver::completion());
  scene.peer.die();
  for (std::size_t n = 3; n < 5; ++n) {
    answers[n].assign(1, '.');
    Driver::add(0, "request " + std::to_string(n), &answers[n]);
  }
  CHECK_FALSE(Driver::completion());  // stalled, not failed
  std::memset(scene.peer.region(), 0xff, linux_bus::kRegion);
  scene.peer.come();
  CHECK(scene.peer.serve(3, std::string(1, '\0')) ==
        std::vector<std::string>{"request 0", "request 2", "request 3", "request 4"});
  for (int n = 0; n < 4; ++n) CHECK(Driver::completion());
  for (auto& answer : answers) CHECK(answer[0] == 0);
  CHECK(stub_log_lines == 0);
}

TEST_CASE("requests of several deaths in a row keep their order") {
  Scene scene;
  std::array<std::string, 6> answers;
  for (std::size_t n = 0; n < answers.size(); ++n) {
    answers[n].assign(1, '.');
    Driver::add(0, std::string(1, static_cast<char>('a' + n)), &answers[n]);
    scene.peer.die();
    scene.peer.come();
  }
  std::vector<std::string> expected;
  for (char c = 'a'; c < 'g'; ++c) expected.emplace_back(1, c);
  CHECK(scene.peer.serve(3, std::string(1, '\0')) == expected);
}

TEST_CASE("a block request whose status the device did not write has failed") {
  Scene scene;
  std::string answer(513, '\0');
  Driver::add(0, kHeader, &answer);
  const auto request = scene.peer.take(3);
  REQUIRE(request);
  scene.peer.use(3, 0, request->id, 512);
  CHECK(Driver::completion());
  CHECK(answer.back() == 1);
}

TEST_CASE("a frame is over for its driver when it is copied, and lost without a peer") {
  Scene scene(1, 2);
  Driver::add(1, "a frame", nullptr);
  CHECK(Driver::completion(1));
  CHECK(scene.peer.serve(3, "", 1) == std::vector<std::string>{"a frame"});
  scene.peer.die();
  Driver::add(1, "another", nullptr);
  CHECK(Driver::completion(1));
  scene.peer.come();
  CHECK(scene.peer.serve(3, "", 1).empty());
}

TEST_CASE("frames that the peer does not take are held back, and dropped after a while") {
  Scene scene(1, 2);
  for (int n = 0; n < 12; ++n) Driver::add(1, "a frame", nullptr);
  int done = 0;
  while (Driver::completion(1)) ++done;
  CHECK(done == 8);  // what the ring at the peer holds
  stub_pass_us(600'000);
  stub_run();
  while (Driver::completion(1)) ++done;
  CHECK(done == 12);
  CHECK(scene.peer.serve(3, "", 1).size() == 8);
  Driver::add(1, "again", nullptr);
  CHECK(scene.peer.serve(3, "", 1).size() == 1);
}

TEST_CASE("a frame in several buffers is shown to its driver whole, or when its rest will not come") {
  Driver driver;
  Peer peer;
  peer.models[3].id = 1;
  peer.models[3].queues = 2;
  peer.models[3].features |= 1 << 15;  // VIRTIO_NET_F_MRG_RXBUF
  Driver::wanted = 2;
  peer.come();
  std::array<std::string, 5> buffers;
  for (auto& buffer : buffers) {
    buffer.assign(64, '.');
    Driver::add(0, "", &buffer);
  }
  const auto fill = [&](char buffers_of_frame) {
    const auto request = peer.take(3);
    REQUIRE(request);
    std::memset(request->writable, 0, 64);
    request->writable[10] = static_cast<std::uint8_t>(buffers_of_frame);
    peer.use(3, 0, request->id, 64);
  };
  fill(3);
  fill(0);  // not the first: what lies there says nothing
  CHECK_FALSE(Driver::completion());
  CHECK(Driver::calls == 0);
  fill(0);
  CHECK(Driver::calls == 1);
  for (int n = 0; n < 3; ++n) CHECK(Driver::completion());
  fill(2);
  CHECK_FALSE(Driver::completion());
  peer.die();
  CHECK(Driver::completion());
  CHECK_FALSE(Driver::completion());
  peer.come();
  fill(1);
  CHECK(Driver::completion());
}

TEST_CASE("frames that one batch leaves are not forgotten when the peer has nothing more to give back") {
  Driver driver;
  Peer peer;
  peer.models[3].id = 1;
  peer.models[3].queues = 2;
  peer.models[3].max_size = 64;
  Driver::wanted = 2;
  peer.come();
  for (int n = 0; n < 92; ++n) Driver::add(1, "a frame", nullptr);
  std::vector<Peer::Request> at_peer;
  while (auto request = peer.take(3, 1)) at_peer.push_back(*request);
  REQUIRE(at_peer.size() == 32);
  const auto& ring = peer.models[3].rings[1];
  auto* used = peer.at<vring_used>(ring.device);
  for (std::size_t n = 0; n + 1 < at_peer.size(); ++n)
    used->ring[(used->idx + n) % ring.size] = {at_peer[n].id, 0};
  used->idx = static_cast<std::uint16_t>(used->idx + at_peer.size() - 1);
  peer.use(3, 1, at_peer.back().id, 0);
  // The ring is full again and more is waiting, so the peer is asked to tell when it has used any.
  CHECK(peer.at<vring_avail>(ring.driver)->ring[ring.size] == used->idx);
}

TEST_CASE("memory that one driver leaves is another one's that waits for it") {
  static std::vector<virtio_device*> disks;
  static std::vector<virtqueue*> theirs;
  disks.clear();
  theirs.clear();
  Driver driver;
  stub_driver.probe = [](virtio_device* device) {
    Driver::probe(device);
    disks.push_back(device);
    theirs.push_back(Driver::queues[0]);
  };
  Peer peer;
  peer.models[3].id = peer.models[4].id = 2;
  peer.come();
  REQUIRE(theirs.size() == 2);
  const std::string half(393'000, 'q');
  Driver::queues = {theirs[0]};
  Driver::add(0, half, nullptr);
  Driver::queues = {theirs[1]};
  Driver::add(0, half, nullptr);
  REQUIRE(peer.take(3));
  REQUIRE_FALSE(peer.take(4));
  bool ended = true;  // its reset; then it is in nobody's memory any more
  SUBCASE("at once") {}
  SUBCASE("when the link is down, for its device did not end its reset") {
    ended = false;
    peer.instead = [](const linux_bus::msg::wire::Header& header, const std::string&) {
      return header.dev_num == 3 && header.msg_id == linux_bus::msg::VIRTIO_MSG_SET_DEVICE_STATUS;
    };
  }
  disks[0]->config->reset(disks[0]);
  stub_run();
  CHECK(peer.take(4).has_value() == ended);
  peer.instead = nullptr;
  peer.die();
  peer.come();
  CHECK(peer.take(4));
}

TEST_CASE("receive buffers are handed to the next peer as well") {
  Scene scene(1, 2);
  std::string buffer(1500, '.');
  Driver::add(0, "", &buffer);
  scene.peer.die();
  scene.peer.come();
  CHECK(scene.peer.serve(3, "received").size() == 1);
  CHECK(Driver::completion()->second == 8);
  CHECK(buffer.substr(0, 8) == "received");
}

TEST_CASE("console output never waits for long, not even for a peer that takes nothing") {
  Scene scene(3, 2);
  int done = 0;
  for (int n = 0; n < 12; ++n) {
    Driver::add(1, "x", nullptr);
    done += Driver::completion(1).has_value();
  }
  CHECK(done == 12);
  CHECK(scene.peer.serve(3, "", 1).size() == 8);
}

TEST_CASE(
    "a console whose peer takes one piece of output now and then does not hold up each of the next ones") {
  Scene scene(3, 2);
  for (int n = 0; n < 9; ++n) Driver::add(1, "x", nullptr);
  const auto before = stub_jiffies;
  for (int n = 0; n < 10; ++n) {
    const auto taken = scene.peer.take(3, 1);
    REQUIRE(taken);
    scene.peer.use(3, 1, taken->id, 0);
    Driver::add(1, "x", nullptr);
    Driver::add(1, "x", nullptr);
  }
  CHECK(stub_jiffies - before < 50);
}

TEST_CASE("a device that goes ends what its driver waits for") {
  Scene scene;
  std::string status(1, '\0');
  Driver::add(0, kHeader, &status);
  bool ended = false;
  stub_driver.remove = [](virtio_device* device) {
    stub_run();
    CHECK(Driver::completion());
    Driver::remove(device);
  };
  SUBCASE("by its peer") {
    const linux_bus::msg::wire::EventDevice event{.device_number = 3, .state = 2};
    scene.peer.models.clear();
    scene.peer.say(2, 0x40, 0, 0, &event, sizeof(event));
    stub_run();
    ended = Driver::vdev == nullptr;
  }
  SUBCASE("with the module, without a peer") {
    scene.peer.die();
    hawser_bus_detach(scene.peer.link());
    ended = Driver::vdev == nullptr;
  }
  CHECK(ended);
  CHECK(status[0] == 1);
}

TEST_CASE("suspended and resumed, with the peer or without") {
  Scene scene;
  auto* device = Driver::vdev;
  Driver::remove(device);
  scene.peer.die();
  Driver::probe(device);
  std::string answer(1, '.');
  Driver::add(0, kHeader, &answer);
  scene.peer.come();
  CHECK(scene.peer.serve(3, "!").size() == 1);
  CHECK(answer == "!");
}

TEST_CASE("a suspend is refused while a disk waits for a peer that is away, and leaves all as it was") {
  static std::vector<virtio_device*> bound;
  bound.clear();
  Driver driver;
  stub_driver.probe = [](virtio_device* device) {
    Driver::probe(device);
    bound.push_back(device);
  };
  Peer peer;
  peer.models[2].id = 4;
  peer.models[3].id = 2;
  peer.come();
  REQUIRE(bound.size() == 2);
  auto* bus = Driver::vdev->dev.parent;
  std::string answer(1, '.');
  Driver::add(0, kHeader, &answer);
  peer.die();
  const auto before = stub_jiffies;
  CHECK(bus->type->pm->suspend(bus) == -EBUSY);
  CHECK(stub_jiffies - before < 6'000);
  CHECK(bound.size() == 3);  // the other one began again
  peer.come();
  CHECK(peer.serve(3, "!").size() == 1);
  CHECK(answer == "!");
  CHECK(bus->type->pm->suspend(bus) == 0);
}

TEST_CASE("no device comes or goes during a suspend") {
  Scene scene;
  auto* bus = Driver::vdev->dev.parent;
  REQUIRE(bus->type->pm->suspend(bus) == 0);
  CHECK(Driver::vdev == nullptr);
  scene.peer.models[4].id = 4;
  const linux_bus::msg::wire::EventDevice event{.device_number = 4, .state = 1};
  scene.peer.say(2, 0x40, 0, 0, &event, sizeof(event));
  stub_run();
  CHECK(Driver::vdev == nullptr);
  CHECK(bus->type->pm->resume(bus) == 0);
  REQUIRE(Driver::vdev != nullptr);
  CHECK(Driver::vdev->id.device == 2);
  stub_run();
  CHECK(Driver::vdev->id.device == 4);
}
