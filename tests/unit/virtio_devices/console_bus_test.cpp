// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A console device on a bus: which of its queues the driver is told about.
#include "console_pair.hpp"

#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;
using hawser::test::Tape;

namespace {

constexpr std::uint16_t kAnswers = 2;
constexpr std::uint16_t kRequests = 3;

/// A driver that has only its two control queues, and reads the bus's messages itself once it is set up.
struct OnABus {
  static constexpr Notification kMessages = Notification::kMessages;

  OnABus() {
    pair.second().on_idle(
        [](void* self) {
          auto& bus = static_cast<OnABus*>(self)->devices;
          while (bus.step()) {
          }
          (void)bus.prepare_to_wait();
        },
        this);
    REQUIRE(devices.add(DeviceRef<RegionMemory>(model), {}, 0).ok());
    REQUIRE(bus.wait_up(pair.first().now() + seconds(10)).ok());
    device.emplace(bus, std::uint16_t{0}, arena);
    REQUIRE(device->negotiate(Features{VIRTIO_CONSOLE_F_MULTIPORT}).ok());
    to_driver = device->start_queue(kAnswers, 8, slots[0]).value();
    to_device = device->start_queue(kRequests, 8, slots[1]).value();
    REQUIRE(device->start().ok());
    pair.second().on_idle(nullptr, nullptr);
  }

  void give_buffer() {
    const Segment room{arena.allocate(64).value(), 64};
    REQUIRE(to_driver.try_add({}, std::span(&room, 1), Token{}).ok());
    (void)to_driver.publish();
  }
  void say(std::uint16_t event) {
    const virtio_console_control message{le32(0), le16(event), le16(1)};
    const Segment segment{arena.allocate(sizeof(message)).value(), sizeof(message)};
    std::memcpy(storage.region.data() + segment.at.bytes(), &message, sizeof(message));
    REQUIRE(to_device.try_add(std::span(&segment, 1), {}, Token{}).ok());
    (void)to_device.publish();
  }
  /// The queues that EVENT_USED names, since the last call.
  std::vector<std::uint32_t> told() {
    std::vector<std::uint32_t> queues;
    std::array<std::byte, 264> bytes;
    (void)pair.first().poll();
    for (;;) {
      const auto size = pair.first().channel().try_receive(bytes);
      if (!size.ok()) return queues;
      const auto message = decode(std::span(bytes).first(*size), WireVersion::kV2);
      REQUIRE(message.ok());
      if (const auto* used = message->body.as<EventUsed>()) queues.push_back(used->vq_index);
    }
  }

  std::array<Tape, test::kTestPorts> tapes;
  std::array<device::ConsolePortConfig<Tape>, test::kTestPorts> configs{
      {{&tapes[0], "console", true}, {&tapes[1], "log", false}, {&tapes[2], "", true}}};
  test::ConsoleModel model{configs};
  loopback::Storage<264, 8> storage;
  loopback::Pair pair{storage};
  DriverBus<loopback::Link> bus{pair.first(), {.notification = kMessages}};
  DeviceBus<loopback::Link> devices{pair.second(), {.notification = kMessages}};
  std::array<std::uint64_t, Arena::bitmap_words(65536)> bitmap{};
  Arena arena{Offset(4096), 65536 - 4096, bitmap};
  std::array<DriverSlot, 8> slots[2];
  std::optional<DriverDevice<loopback::Link>> device;
  AnyDriverQueue<RegionMemory> to_driver;
  AnyDriverQueue<RegionMemory> to_device;
};

}  // namespace

TEST_CASE("answers to a control message are announced for the queue that they are in, before any sleep") {
  OnABus console;
  console.to_device.disarm();  // nobody wants to hear that the question was read
  for (int n = 0; n < 4; ++n) console.give_buffer();
  console.say(VIRTIO_CONSOLE_DEVICE_READY);
  CHECK(console.devices.step());  // something is still to be said
  CHECK_FALSE(console.devices.step());
  CHECK(console.told() == std::vector<std::uint32_t>{kAnswers});
  CHECK_FALSE(console.devices.prepare_to_wait());
}

TEST_CASE("a model with answers that nobody knows of yet does not let its bus sleep") {
  OnABus console;
  console.give_buffer();
  console.say(VIRTIO_CONSOLE_DEVICE_READY);
  CHECK(console.model.service(kRequests).notify);
  CHECK(console.model.prepare_to_wait(kAnswers));
  CHECK(console.model.service(kAnswers).notify);
  CHECK_FALSE(console.model.service(kAnswers).notify);
  CHECK_FALSE(console.model.prepare_to_wait(kAnswers));
}

TEST_CASE("answers that wait for a buffer keep nobody awake") {
  OnABus console;
  console.say(VIRTIO_CONSOLE_DEVICE_READY);
  for (int n = 0; n < 3; ++n) (void)console.devices.step();
  CHECK(console.told() == std::vector<std::uint32_t>{kRequests});
  CHECK_FALSE(console.devices.step());
  CHECK_FALSE(console.devices.prepare_to_wait());
  console.give_buffer();
  CHECK_FALSE(console.devices.step());
  CHECK(console.told() == std::vector<std::uint32_t>{kAnswers});
}

TEST_CASE("answers in a control queue that was reset are not announced for the one after it") {
  OnABus console;
  console.give_buffer();
  console.say(VIRTIO_CONSOLE_DEVICE_READY);
  (void)console.model.service(kRequests);
  console.model.detach(kAnswers);
  console.model.attach(kAnswers, {});
  CHECK_FALSE(console.model.service(kAnswers).notify);
}
