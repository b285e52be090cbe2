// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The courier in the kernel against the core's at the device: chains there and back, in one parcel or in pieces, over a
// peer that dies and returns.
#include <doctest/doctest.h>

#include "world.hpp"

using namespace linux_argo;
using linux_bus::Driver;

namespace {

struct Scene {
  Driver driver;
  World world;
  explicit Scene(const Sizes& sizes = {}, const Shape& shape = {}) : world(sizes, shape) {
    world.start_device();
    REQUIRE(world.ready());
  }
};

std::string noise(std::size_t bytes, unsigned seed) {
  std::string text(bytes, '\0');
  for (auto& c : text) c = static_cast<char>(seed = seed * 1664525 + 1013904223 + (seed >> 13));
  return text;
}

}  // namespace

TEST_CASE("a driver finds the device of another domain, and its request comes back") {
  Scene scene;
  std::string answer(5, '.');
  Driver::add(0, "hello there", &answer);
  const auto done = scene.world.completion();
  REQUIRE(done);
  CHECK(done->second == 5);
  CHECK(answer == std::string("hell\0", 5));
  CHECK(scene.world.model.served == std::vector<std::string>{"hello there"});
  CHECK(stub_log_lines == 0);
}

TEST_CASE("chains of all lengths go in one parcel or in pieces, and come back as they went") {
  Scene scene({.data_bytes = 64u << 10, .max_parcel = 4096, .max_chain = 100'000});
  for (const std::size_t bytes : {1, 255, 256, 257, 4063, 4064, 4065, 4096, 10'000, 65'536, 99'999}) {
    CAPTURE(bytes);
    const std::string question = noise(bytes, static_cast<unsigned>(bytes));
    std::string answer(bytes, '.');
    Driver::add(0, question, &answer);
    const auto done = scene.world.completion();
    REQUIRE(done);
    CHECK(done->second == bytes);
    CHECK(scene.world.model.served.back() == question);
    CHECK(answer.substr(0, bytes - 1) == question.substr(0, bytes - 1));
  }
  CHECK(stub_log_lines == 0);
}

TEST_CASE("a chain beyond what the device takes ends at once, and a disk is told what is too long") {
  Scene scene({.max_chain = 20'000});
  std::string answer(1, '.');
  Driver::add(0, std::string(20'001, 'x'), &answer);
  REQUIRE(scene.world.completion());
  CHECK(answer[0] == 1);  // VIRTIO_BLK_S_IOERR
  CHECK(scene.world.model.served.empty());
  std::uint32_t limits[2];
  Driver::vdev->config->get(Driver::vdev, 8, limits, sizeof limits);
  CHECK(limits[0] * limits[1] + 16 <= 20'000);
  CHECK(limits[0] >= 4096);
}

TEST_CASE("one notification makes one parcel of many chains") {
  Scene scene;
  scene.world.model.asleep = true;
  std::array<std::string, 8> answers;
  for (auto& answer : answers) answer.assign(4, '.');
  // While the link has no room nothing goes; what became available meanwhile goes together.
  scene.world.refuse = -11;
  for (auto& answer : answers) Driver::add(0, "1234", &answer);
  scene.world.refuse.reset();
  scene.world.payloads.clear();
  scene.world.model.asleep = false;
  for (unsigned n = 0; n < answers.size(); ++n) REQUIRE(scene.world.completion());
  CHECK(scene.world.payloads.size() <= 3);
  for (auto& answer : answers) CHECK(answer == std::string("123\0", 4));
}

TEST_CASE("chains that each take a part of a parcel go on in the next when the parts are used up") {
  Scene scene;
  std::array<std::string, 20> answers;
  scene.world.refuse = -11;
  for (unsigned n = 0; n < answers.size(); ++n) {
    answers[n].assign(300, '.');
    Driver::add(0, noise(300, n), &answers[n]);
  }
  scene.world.refuse.reset();
  for (unsigned n = 0; n < answers.size(); ++n) REQUIRE(scene.world.completion());
  for (unsigned n = 0; n < answers.size(); ++n)
    CHECK(answers[n].substr(0, 299) == noise(300, n).substr(0, 299));
  CHECK(stub_log_lines == 0);
}

TEST_CASE("a device that takes its time makes no chain wait for ever") {
  Scene scene({.data_bytes = 16u << 10, .max_parcel = 4096});
  scene.world.model.asleep = true;
  std::array<std::string, 40> answers;
  for (auto& answer : answers) {
    answer.assign(1000, '.');
    Driver::add(0, std::string(1000, 'q'), &answer);
  }
  for (int n = 0; n < 50; ++n) scene.world.step();
  CHECK_FALSE(Driver::completion());
  scene.world.model.asleep = false;
  for (unsigned n = 0; n < answers.size(); ++n) REQUIRE(scene.world.completion());
  CHECK(scene.world.model.served.size() == 40);
  CHECK(stub_log_lines == 0);
}

TEST_CASE("Xen's refusals delay chains and lose none") {
  for (const std::int32_t error : {-11, -12, -16}) {
    Scene scene;
    std::string answer(4, '.');
    scene.world.refuse = error;
    Driver::add(0, "1234", &answer);
    for (int n = 0; n < 20; ++n) scene.world.step();
    CHECK_FALSE(Driver::completion());
    scene.world.refuse.reset();
    CAPTURE(error);
    REQUIRE(scene.world.completion());
    CHECK(scene.world.model.served.size() == 1);
  }
}

TEST_CASE(
    "what Xen refused without a signal to come is tried again within milliseconds, and not all the time") {
  for (const std::int32_t error : {-12, -16}) {
    for (const int refused_ms : {0, 100}) {
      Scene scene;
      std::string answer(4, '.');
      scene.world.refuse = error;
      Driver::add(0, "1234", &answer);
      const auto before = scene.world.hypercalls;
      for (int n = 0; n < refused_ms; ++n) scene.world.step();
      CHECK(scene.world.hypercalls - before < 100);
      scene.world.refuse.reset();
      CAPTURE(error);
      CAPTURE(refused_ms);
      CHECK(scene.world.completion(0, 10));
    }
  }
}

TEST_CASE("a kick that finds the peer's rings gone takes the link down at once") {
  Scene scene;
  std::string answer(4, '.');
  scene.world.stop_device();
  Driver::add(0, "1234", &answer);
  scene.world.step();
  CHECK_FALSE(scene.world.up());
}

TEST_CASE("requests at a device that dies are done by the one that returns, oldest first") {
  for (const bool destroyed : {true, false}) {
    Scene scene;
    scene.world.model.asleep = true;
    std::array<std::string, 6> answers;
    for (unsigned n = 0; n < 3; ++n) {
      answers[n].assign(1, '.');
      Driver::add(0, "request " + std::to_string(n), &answers[n]);
    }
    for (int n = 0; n < 5; ++n) scene.world.step();
    std::optional<DeviceSide> grave;  // its domain stays
    if (destroyed) {
      scene.world.device.reset();
    } else {
      scene.world.device->port.dead = true;
      for (int n = 0; n < 1500; ++n) scene.world.step();  // until it is missed
      scene.world.device.reset();
    }
    REQUIRE(scene.world.until([&] { return !scene.world.up(); }));
    for (unsigned n = 3; n < 6; ++n) {
      answers[n].assign(1, '.');
      Driver::add(0, "request " + std::to_string(n), &answers[n]);
    }
    CHECK_FALSE(Driver::completion());
    scene.world.model.asleep = false;
    scene.world.start_device();
    for (unsigned n = 0; n < 6; ++n) REQUIRE(scene.world.completion());
    CHECK(scene.world.model.served == std::vector<std::string>{"request 0", "request 1", "request 2",
                                                               "request 3", "request 4", "request 5"});
    CHECK(stub_log_lines == 0);
  }
}

TEST_CASE("a chain that was half sent when the device died is sent whole to the next") {
  Scene scene({.data_bytes = 16u << 10, .max_parcel = 4096, .max_chain = 100'000});
  const std::string question = noise(60'000, 5);
  std::string answer(60'000, '.');
  scene.world.model.asleep = true;
  Driver::add(0, question, &answer);  // more than the ring takes: the rest waits for credit
  CHECK(std::accumulate(scene.world.payloads.begin(), scene.world.payloads.end(), std::size_t{0}) < 60'000);
  scene.world.device.reset();
  REQUIRE(scene.world.until([&] { return !scene.world.up(); }));
  scene.world.model.asleep = false;
  scene.world.start_device();
  REQUIRE(scene.world.completion());
  CHECK(scene.world.model.served == std::vector{question});
  CHECK(answer.substr(0, 59'999) == question.substr(0, 59'999));
}

TEST_CASE("a reset takes chains back wherever they are, and the next life of the queue works") {
  for (const std::int32_t error : {0, -11}) {
    Scene scene({.data_bytes = 16u << 10, .max_parcel = 4096, .max_chain = 100'000});
    scene.world.model.asleep = true;
    std::string answer(1, '.');
    if (error != 0) scene.world.refuse = error;
    Driver::add(0, "small", &answer);
    auto large = std::make_unique<std::string>(noise(50'000, 9));
    Driver::add(0, *large, &answer);
    scene.world.refuse.reset();
    Driver::rebind();
    large.reset();
    Driver::sent.clear();  // a courier that still looked there would be found out by the sanitizer
    scene.world.model.asleep = false;
    REQUIRE(scene.world.ready());
    for (int n = 0; n < 20; ++n) scene.world.step();
    scene.world.model.served.clear();
    Driver::add(0, "again", &answer);
    REQUIRE(scene.world.completion());
    CHECK(scene.world.model.served == std::vector<std::string>{"again"});
    CHECK(stub_log_lines == 0);
  }
}

TEST_CASE("frames are over for their driver once they are sent, and their bytes are its own again") {
  Scene scene({}, {.id = 1, .queues = 2});
  scene.world.model.asleep = true;
  for (unsigned n = 0; n < 10; ++n) {
    Driver::add(1, noise(1514, n), nullptr);
    CHECK(Driver::completion(1));
    Driver::sent.back().assign(1514, 'Z');  // reused
  }
  scene.world.model.asleep = false;
  REQUIRE(scene.world.until([&] { return scene.world.model.served.size() == 10; }));
  for (unsigned n = 0; n < 10; ++n) CHECK(scene.world.model.served[n] == noise(1514, n));
}

TEST_CASE("unloading gives everything back, with requests on their way or without") {
  const auto before = stub_allocations;
  for (const bool busy : {false, true}) {
    Scene scene;
    scene.world.model.asleep = busy;
    std::string answer(1, '.');
    Driver::add(0, "request", &answer);
    scene.world.unload();
    CHECK(stub_allocations == before);
  }
  CHECK(stub_modules == 0);
}
