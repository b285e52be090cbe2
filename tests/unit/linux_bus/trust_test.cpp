// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a peer can do to the module by lying, and to a driver behind it: nothing but end its own device.

#include "peer.hpp"

#include <doctest/doctest.h>

#include <random>

using linux_bus::Driver;
using linux_bus::Peer;
namespace msg = linux_bus::msg;

namespace {

struct Scene {
  Driver driver;
  Peer peer;
  Scene() { peer.models[0] = {}; }
};

}  // namespace

TEST_CASE(
    "a lie in the used ring breaks the device, with one line in the log, until the driver begins anew") {
  Scene scene;
  scene.peer.come();
  std::array<std::string, 3> status;
  for (auto& byte : status) {
    byte.assign(1, '\0');
    Driver::add(0, "request", &byte);
  }
  const auto request = scene.peer.take(0);
  REQUIRE(request);
  SUBCASE("an id beyond the ring") {
    scene.peer.use(0, 0, 16, 0);
  }
  SUBCASE("an id that begins no chain") {
    scene.peer.use(0, 0, request->id + 1, 0);
  }
  SUBCASE("an id that is not in flight") {
    scene.peer.use(0, 0, 14, 0);
  }
  SUBCASE("a huge id") {
    scene.peer.use(0, 0, 0x80000000, 0);
  }
  SUBCASE("more written than there was room for") {
    scene.peer.use(0, 0, request->id, 2);
  }
  SUBCASE("the same one twice") {
    scene.peer.use(0, 0, request->id, 1);
    CHECK(stub_log_lines == 0);
    scene.peer.use(0, 0, request->id, 1);
  }
  SUBCASE("an index that runs ahead") {
    scene.peer.use(0, 0, request->id, 1, 200);
  }
  SUBCASE("an index that goes back") {
    scene.peer.use(0, 0, request->id, 1, 0xffff);
  }
  CHECK(stub_log_lines == 1);
  CHECK((Driver::vdev->config->get_status(Driver::vdev) & VIRTIO_CONFIG_S_NEEDS_RESET) != 0);
  int ended = 0;
  while (Driver::completion()) ++ended;
  CHECK(ended == 3);
  CHECK(status[2][0] == 1);

  std::string late(1, '\0');
  Driver::add(0, "late", &late);
  CHECK(Driver::completion());
  CHECK(late[0] == 1);
  CHECK(stub_log_lines == 1);

  Driver::rebind();
  CHECK(Driver::vdev->config->get_status(Driver::vdev) == 15);
  std::string answer(1, '.');
  Driver::add(0, "anew", &answer);
  CHECK(scene.peer.serve(0, "!") == std::vector<std::string>{"anew"});
  CHECK(answer == "!");
}

TEST_CASE("a peer that does not answer holds nobody up for ever") {
  std::uint8_t mute = 0;  // outlives the scene, whose end still asks the peer
  Scene scene;
  scene.peer.instead = [&](const msg::wire::Header& header, const std::string&) {
    return header.msg_id == mute && (header.type & msg::VIRTIO_MSG_TYPE_BUS) == 0;
  };
  for (mute = msg::VIRTIO_MSG_GET_DEVICE_INFO; mute <= msg::VIRTIO_MSG_SET_VQUEUE; ++mute) {
    CAPTURE(int{mute});
    const auto before = stub_jiffies;
    scene.peer.come();
    if (Driver::vdev != nullptr) Driver::rebind();
    scene.peer.die();
    CHECK(stub_jiffies - before < 60'000);
  }
  mute = 0;
  scene.peer.come();
  if (Driver::vdev != nullptr) Driver::rebind();
  std::string answer(1, '.');
  Driver::add(0, "anew", &answer);
  CHECK(scene.peer.serve(0, "!").size() == 1);
}

TEST_CASE("a peer that answers each question late does not hold up a conversation for ever") {
  bool late = true;  // outlives the peer, as above
  Driver driver;
  Peer peer;
  peer.models[3].config.assign(4096, 7);
  peer.link()->mtu = 52;
  peer.instead = [&](const msg::wire::Header& header, const std::string&) {
    if (late && (header.type & msg::VIRTIO_MSG_TYPE_BUS) == 0) stub_pass_us(4'900'000);
    return false;
  };
  const auto before = stub_jiffies;
  peer.come();
  CHECK(stub_jiffies - before < 36'000);
  CHECK(Driver::vdev == nullptr);
  late = false;
  peer.die();
  peer.come();
  REQUIRE(Driver::vdev != nullptr);
  // The same of a device that drivers use, as often as the peer says that its configuration is another one.
  late = true;
  for (int n = 0; n < 5; ++n) {
    const msg::wire::EventConfig event{};
    const auto then = stub_jiffies;
    peer.say(0, msg::VIRTIO_MSG_EVENT_CONFIG, 3, 0, &event, sizeof(event));
    stub_run();
    CHECK(stub_jiffies - then < 36'000);
  }
  late = false;
}

TEST_CASE("however many devices a mute peer has, they are taken away within a bounded time") {
  Driver driver;
  stub_driver = {[](virtio_device* device) { device->config->set_status(device, 3); },
                 [](virtio_device* device) { device->config->reset(device); }, nullptr};
  Peer peer;
  for (std::uint16_t number = 0; number < 8; ++number) peer.models[number].id = 2;
  peer.come();
  peer.instead = [](const msg::wire::Header&, const std::string&) { return true; };
  stub_while_waiting = [] { stub_run(); };
  const auto before = stub_jiffies;
  hawser_bus_detach(peer.link());
  stub_while_waiting = nullptr;
  CHECK(stub_jiffies - before < 10'500);
}

TEST_CASE("a device that is another one after its return is replaced") {
  Scene scene;
  scene.peer.come();
  auto* before = Driver::vdev;
  scene.peer.die();
  scene.peer.models[0].id = 4;
  scene.peer.come();
  REQUIRE(Driver::vdev != nullptr);
  CHECK(Driver::vdev->id.device == 4);
  (void)before;
}

TEST_CASE("a device that returns without what its driver accepted is broken, not half there") {
  Scene scene;
  scene.peer.models[0].features |= 1 << 5;
  scene.peer.come();
  std::string status(1, '\0');
  Driver::add(0, "request", &status);
  scene.peer.die();
  scene.peer.models[0].features &= ~std::uint64_t{1 << 5};
  scene.peer.come();
  CHECK(stub_log_lines == 1);
  CHECK(Driver::completion());
  CHECK(status[0] == 1);
}

TEST_CASE("the driver reads one configuration, whatever the peer changes meanwhile") {
  Scene scene;
  scene.peer.come();
  auto* ops = Driver::vdev->config;
  const auto generation = ops->generation(Driver::vdev);
  std::uint8_t byte = 0;
  scene.peer.models[0].config[40] = 99;
  ops->get(Driver::vdev, 40, &byte, 1);
  CHECK(byte == 7);
  ++scene.peer.models[0].generation;
  const msg::wire::EventConfig event{.device_status = 15, .generation = 1, .offset = 0, .length = 0};
  scene.peer.say(0, 0x40, 0, 0, &event, sizeof(event));
  stub_run();
  ops->get(Driver::vdev, 40, &byte, 1);
  CHECK(byte == 99);
  CHECK(Driver::changes == 1);
  CHECK(ops->generation(Driver::vdev) != generation);
  ops->get(Driver::vdev, 1000, &byte, 1);
  CHECK(byte == 0);
}

// Drivers log each change of a capacity, and tell user space.
TEST_CASE(
    "a peer that changes its configuration all the time is asked a few times a second, and the last one "
    "counts") {
  Scene scene;
  scene.peer.come();
  auto& model = scene.peer.models[0];
  const auto before = stub_jiffies;
  while (stub_jiffies - before < 2000) {
    model.config[40] = static_cast<std::uint8_t>(model.config[40] + 1);
    ++model.generation;
    const msg::wire::EventConfig event{
        .device_status = 15, .generation = model.generation, .offset = 0, .length = 0};
    scene.peer.say(0, msg::VIRTIO_MSG_EVENT_CONFIG, 0, 0, &event, sizeof(event));
    stub_run();
    if (Driver::changes == 1) CHECK(stub_jiffies - before < 200);  // the first is told at once
    stub_pass_us(1000);
  }
  CHECK(Driver::changes >= 9);
  CHECK(Driver::changes <= 12);
  stub_pass_us(300'000);
  stub_run();
  std::uint8_t byte = 0;
  Driver::vdev->config->get(Driver::vdev, 40, &byte, 1);
  CHECK(byte == model.config[40]);
}

TEST_CASE("devices that come and go all the time do so a few times a second") {
  static unsigned probes;
  probes = 0;
  Driver driver;
  stub_driver.probe = [](virtio_device* device) {
    ++probes;
    Driver::probe(device);
  };
  Peer peer;
  peer.models[3].id = 4;
  peer.come();
  REQUIRE(probes == 1);
  const auto before = stub_jiffies;
  while (stub_jiffies - before < 2000) {
    for (const std::uint16_t state : {2, 1}) {
      const msg::wire::EventDevice event{.device_number = 3, .state = state};
      peer.say(2, msg::VIRTIO_MSG_BUS_EVENT_DEVICE, 0, 0, &event, sizeof(event));
      stub_run();
    }
    stub_pass_us(1000);
    stub_run();
  }
  CHECK(probes > 10);
  CHECK(probes < 25);
}

TEST_CASE("a device that is taken away ends its requests before anybody waits for its driver") {
  Scene scene;
  scene.peer.come();
  std::string status(1, '\0');
  Driver::add(0, "request", &status);
  const msg::wire::EventDevice event{.device_number = 0, .state = 2};
  scene.peer.say(2, msg::VIRTIO_MSG_BUS_EVENT_DEVICE, 0, 0, &event, sizeof(event));
  stub_run_tasklets();  // work items may wait: for a driver that probes a device which does not answer
  CHECK(Driver::completion());
  CHECK(status[0] == 1);
}

TEST_CASE(
    "a device of entropy that is taken away ends its driver's request as well, though it only receives") {
  Scene scene;
  scene.peer.models[0].id = 4;
  scene.peer.come();
  std::string room(64, '\0');
  Driver::add(0, "", &room);
  const msg::wire::EventDevice event{.device_number = 0, .state = 2};
  scene.peer.say(2, msg::VIRTIO_MSG_BUS_EVENT_DEVICE, 0, 0, &event, sizeof(event));
  stub_run_tasklets();
  const auto ended = Driver::completion();
  REQUIRE(ended);
  CHECK(ended->second == 0);
}

TEST_CASE(
    "a driver that waits in its probe is let go before the kernel calls it hung, and gets the device anew") {
  static bool probed;
  static bool ended;
  static unsigned probes;
  static std::string room(64, '\0');
  static std::function<void()> meanwhile;
  probed = ended = false;
  probes = 0;
  meanwhile = [] {};
  Driver driver;
  // As virtio_rng's, which waits there for whoever reads first.
  stub_driver.probe = [](virtio_device* device) {
    Driver::probe(device);
    if (++probes > 1) return;
    Driver::add(0, "", &room);
    meanwhile();
    const auto before = stub_jiffies;
    while (!(ended = Driver::completion().has_value()) && stub_jiffies - before < 200'000) {
      stub_pass_us(100'000);
      stub_run();
    }
    CHECK(stub_jiffies - before < 120'000);
    probed = true;
  };
  Peer peer;
  peer.models[3].id = 4;
  SUBCASE("a peer that is there and serves nothing") {}
  SUBCASE("a peer that dies meanwhile") {
    meanwhile = [&] {
      peer.connected = false;
      hawser_bus_down(peer.link());
    };
  }
  peer.come();
  CHECK(probed);
  CHECK(ended);
  stub_run();
  CHECK(Driver::vdev == nullptr);
  CHECK(stub_log_lines == 1);
  if (peer.connected) CHECK(peer.models[3].status == 0);  // it writes no more into what is given back
  peer.come();
  CHECK(probes == 2);
  CHECK(Driver::vdev != nullptr);
}

TEST_CASE("devices of types whose drivers trust them with more than requests are not let in") {
  for (const std::uint32_t id : {5u, 18u, 24u, 27u, 0xffffffffu}) {
    Scene scene;
    scene.peer.models[0].id = id;
    scene.peer.come();
    CHECK(Driver::vdev == nullptr);
    CHECK(stub_log_lines == 1);
  }
}

TEST_CASE("what the driver wrote into the configuration is there again in the next device") {
  Scene scene;
  scene.peer.come();
  const std::uint8_t value = 42;
  Driver::vdev->config->set(Driver::vdev, 20, &value, 1);
  CHECK(scene.peer.models[0].config[20] == 42);
  scene.peer.die();
  scene.peer.models[0].config[20] = 0;
  scene.peer.come();
  CHECK(scene.peer.models[0].config[20] == 42);
}

TEST_CASE("devices of the first text are understood") {
  Scene scene;
  scene.peer.models[0].v1 = true;
  scene.peer.come();
  std::string answer(1, '.');
  Driver::add(0, "request", &answer);
  CHECK(scene.peer.serve(0, "!").size() == 1);
}

TEST_CASE("features whose drivers spin, or whose state would be lost, are not offered") {
  Scene scene;
  scene.peer.models[0].id = 1;
  scene.peer.models[0].features = ~std::uint64_t{0};
  scene.peer.models[0].queues = 3;
  Driver::wanted = 2;
  scene.peer.come();
  const auto offered = Driver::vdev->config->get_features(Driver::vdev);
  CHECK((offered >> 17 & 1) == 0);  // CTRL_VQ
  CHECK((offered >> 34 & 1) == 0);  // RING_PACKED
  CHECK((offered >> 15 & 1) == 1);  // MRG_RXBUF
  CHECK((scene.peer.models[0].accepted >> 38 & 1) == 0);
}

TEST_CASE("memory that runs out anywhere ends in an error, and nothing leaks") {
  const auto before = stub_allocations;
  for (long n = 0; n < 60; ++n) {
    Scene scene;
    stub_fail_after = n;
    if (scene.peer.link()->bus == nullptr) continue;
    scene.peer.come();
    stub_fail_after = -1;
  }
  stub_fail_after = -1;
  CHECK(stub_allocations == before);
  CHECK(stub_modules == 0);
}

TEST_CASE("noise, in messages and in all of the region, does no harm") {
  const auto before = stub_allocations;
  for (unsigned seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::vector<std::string> buffers(2000);
    unsigned noisy = 0;
    Scene scene;
    scene.peer.models[0].id = 1 + seed % 4;
    scene.peer.models[0].queues = 2;
    Driver::wanted = seed % 4 == 1 || seed % 4 == 3 ? 1 : 2;
    if (seed % 4 == 3) Driver::wanted = 1;
    scene.peer.instead = [&](const msg::wire::Header& header, const std::string&) {
      if (noisy == 0 || random() % noisy != 0) return false;
      std::array<std::uint8_t, 300> junk;
      for (auto& byte : junk) byte = random() % 4 ? 0 : static_cast<std::uint8_t>(random());
      scene.peer.say(header.type | 1, header.msg_id, header.dev_num, header.token, junk.data(),
                     random() % 300);
      return true;
    };
    scene.peer.come();
    noisy = seed % 3 == 0 ? 0 : 2 + seed % 20;
    for (unsigned step = 0; step < 200; ++step) {
      switch (random() % 8) {
        case 0:
        case 1:
        case 2: {
          if (Driver::vdev == nullptr || Driver::queues.empty()) break;
          auto& buffer = buffers[step];
          buffer.assign(1 + random() % 3000, '.');
          const auto* ring = virtqueue_get_vring(Driver::queues[0]);
          const auto out = static_cast<std::uint16_t>(ring->avail->idx - ring->used->idx);
          if (out < ring->num / 2) Driver::add(0, scene.peer.models[0].id == 2 ? "request" : "", &buffer);
          break;
        }
        case 3:
          for (unsigned n = 0; n < 64; ++n)
            scene.peer.region()[random() % linux_bus::kRegion] = random() & 0xff;
          for (unsigned n = 0; n < 64; ++n) scene.peer.region()[random() % 4096] = random() & 0x0f;
          break;
        case 4:
          hawser_bus_rung(scene.peer.link(), ~std::uint64_t{0});
          break;
        case 5: {
          std::array<std::uint8_t, 64> junk;
          for (auto& byte : junk) byte = random() % 3 ? 0 : static_cast<std::uint8_t>(random() % 80);
          hawser_bus_message(scene.peer.link(), junk.data(), random() % 65);
          break;
        }
        case 6:
          if (random() % 4 == 0) {
            scene.peer.die();
            scene.peer.come();
          } else {
            (void)scene.peer.serve(0, "....");
          }
          break;
        default:
          if (Driver::vdev != nullptr && random() % 4 == 0) Driver::rebind();
          break;
      }
      stub_run();
      stub_pass_us(1000);
    }
    scene.peer.instead = nullptr;
  }
  CHECK(stub_allocations == before);
}

TEST_CASE("a disk tells its driver what is too long for the region, whatever its peer tells") {
  Scene scene;
  scene.peer.come();
  CHECK((Driver::vdev->config->get_features(Driver::vdev) & 6) == 6);  // SIZE_MAX, SEG_MAX
  CHECK((scene.peer.models[0].accepted & 6) == 0);
  std::uint32_t size = 0, segments = 0;
  Driver::vdev->config->get(Driver::vdev, 8, &size, 4);
  Driver::vdev->config->get(Driver::vdev, 12, &segments, 4);
  CHECK(size >= 4096);
  CHECK(std::uint64_t{size} * segments <= linux_bus::kRegion / 8);
}

TEST_CASE("no driver begins with a device that breaks while features are agreed, and a later one does") {
  bool silent = true;
  Scene scene;
  scene.peer.instead = [&](const msg::wire::Header& header, const std::string&) {
    return silent && header.msg_id == msg::VIRTIO_MSG_SET_DRIVER_FEATURES;
  };
  scene.peer.come();
  REQUIRE(Driver::vdev != nullptr);
  CHECK(Driver::refused);
  CHECK(stub_log_lines == 1);
  silent = false;
  Driver::rebind();
  std::string room(1, '\x55');
  Driver::add(0, "read", &room);
  CHECK(scene.peer.serve(0, std::string(1, '\0')).size() == 1);
  CHECK(Driver::completion());
}

TEST_CASE("queues that are made after the device broke end their requests at once") {
  Scene scene;
  scene.peer.come();
  REQUIRE(Driver::vdev != nullptr);
  auto* device = Driver::vdev;
  const auto* ops = device->config;
  Driver::remove(device);
  ops->set_status(device, 3);
  device->features = ops->get_features(device);
  ops->finalize_features(device);
  ops->set_status(device, 3 | VIRTIO_CONFIG_S_FEATURES_OK);
  // After the driver has looked, before it makes its queues: a write that is not answered.
  scene.peer.instead = [](const msg::wire::Header&, const std::string&) { return true; };
  const u8 byte = 1;
  ops->set(device, 32, &byte, 1);
  Driver::vdev = device;
  Driver::queues.assign(1, nullptr);
  std::array<vq_callback_t*, 1> callbacks{[](virtqueue*) {}};
  std::array<const char*, 1> names{"queue"};
  REQUIRE(ops->find_vqs(device, 1, Driver::queues.data(), callbacks.data(), names.data(), nullptr, nullptr) ==
          0);
  Driver::state.clear();
  Driver::state[Driver::queues[0]] = {};
  ops->set_status(device, 15);
  std::string room(1, '\x55');
  Driver::add(0, "read", &room);
  CHECK(Driver::completion());
  CHECK(room == "\x01");
}
