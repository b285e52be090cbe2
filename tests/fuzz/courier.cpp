// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both ends of a courier, each against a peer made of the fuzzer's bytes: parcels and control messages that are nearly
// right, between the steps of honest neighbors. Whatever comes, each end is in a state that exists, and nothing is touched
// that is not its own.
#include "support/copied_pair.hpp"
#include "support/tape.hpp"
#include "unit/virtio_msg/toy_device.hpp"

#include <hawser/virtio/courier/device_end.hpp>
#include <hawser/virtio/courier/driver_end.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <array>
#include <cstring>
#include <optional>
#include <vector>

namespace {

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;

using DriverEnd = courier::DriverEnd<CopiedEnd, 4, 32, 1100>;
using DeviceEnd = courier::DeviceEnd<CopiedEnd, 4, 32>;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

struct World {
  static constexpr std::size_t kMemory = 256 << 10;
  static constexpr std::size_t kRing = 4096;

  World() {
    CopiedEnd::connect(first, second);
    (void)devices.add(msg::DeviceRef<RegionMemory>(model), {}, 3);
    second.on_idle = [this] { step_device(); };
    if (!driver.wait_up(first.now() + seconds(1)).ok()) return;
    if (!device.negotiate({ToyDevice::kFeatureA, VIRTIO_F_RING_RESET}).ok()) return;
    if (auto made = device.start_queue(0, 16, slots); made.ok()) queue = std::move(*made);
    (void)device.start().ok();
  }
  void step_device() {
    for (unsigned n = 0; n < 4 && devices.step(); ++n) continue;
    (void)devices.prepare_to_wait();
  }
  void add_chain(Tape& tape) {
    const Segment readable[] = {{Offset(0), tape.byte() + 1u}};
    const Segment writable[] = {{Offset(4096), tape.byte() * 40u}, {Offset(40000), tape.byte()}};
    (void)queue.try_add(readable, writable, Token{1}).ok();
    if (queue.publish()) device.notify(0, queue.next_offset());
    while (queue.try_reap().ok()) continue;
  }

  CopiedWorld world;
  std::vector<std::byte> driver_memory = std::vector<std::byte>(kMemory),
                         device_memory = std::vector<std::byte>(kMemory),
                         driver_ring = std::vector<std::byte>(kRing);
  CopiedEnd first{world, {}, driver_ring}, second{world, {}, std::span(device_memory).first(kRing)};
  std::array<std::uint64_t, Arena::bitmap_words(kMemory)> bitmap{}, device_bitmap{};
  DriverEnd driver_end{first, driver_memory};
  DeviceEnd device_end{second, {device_memory, std::span(device_memory).subspan(kRing), device_bitmap}};
  ToyDevice model;
  msg::DriverBus<DriverEnd> driver{driver_end};
  msg::DeviceBus<DeviceEnd> devices{device_end};
  Arena arena{Offset(65536), 128 << 10, bitmap};
  msg::DriverDevice<DriverEnd> device{driver, 3, arena};
  std::array<DriverSlot, 16> slots;
  AnyDriverQueue<RegionMemory> queue;
};

void say_parcel(Tape& tape, CopiedEnd& from, bool requests) {
  std::vector<std::byte> bytes;
  const auto put = [&](const auto& value) {
    const auto more = wire_bytes(value);
    bytes.insert(bytes.end(), more.begin(), more.end());
  };
  const unsigned count = tape.byte() % 5;
  const auto kind = requests ? courier::Kind::kRequests : courier::Kind::kCompletions;
  put(courier::wire::ParcelHeader{static_cast<std::uint8_t>(tape.near(static_cast<unsigned>(kind))), 1,
                                  static_cast<std::uint16_t>(tape.near(count)),
                                  tape.near(static_cast<std::uint32_t>(from.counters().messages_sent))});
  std::size_t payload = 0;
  for (unsigned n = 0; n < count; ++n) {
    const std::uint32_t length = tape.byte() * (tape.byte() % 8 == 0 ? 64u : 1u);
    const std::uint32_t at = tape.byte() % 4 == 0 ? tape.byte() : 0;
    const std::uint32_t carried = tape.near(std::min(length - std::min(at, length), 600u));
    put(courier::wire::Entry{static_cast<std::uint16_t>(tape.near(3)),
                             static_cast<std::uint16_t>(tape.near(0)),
                             static_cast<std::uint16_t>(tape.near(tape.byte() % 8)), 0, tape.near(length),
                             tape.near(requests ? tape.byte() : 0), at, carried});
    payload += std::min(carried, 2048u);
  }
  bytes.resize(bytes.size() + tape.near(static_cast<std::uint32_t>(payload)) % 3000, std::byte{0x5a});
  const std::span<const std::byte> parts[] = {bytes};
  (void)from.parcels().try_send(parts).ok();
}

/// A control message with anything in it, of a type that couriers look at.
void say_control(Tape& tape, CopiedEnd& from, bool response) {
  std::array<std::byte, 64> frame{};
  const std::size_t size = 8 + tape.byte() % 57;
  frame[0] = std::byte{response};
  frame[1] = static_cast<std::byte>(2 + tape.byte() % 8);
  frame[2] = static_cast<std::byte>(tape.near(3));
  frame[4] = static_cast<std::byte>(tape.byte());
  frame[6] = static_cast<std::byte>(tape.near(static_cast<std::uint32_t>(size)));
  for (std::size_t n = 8; n < size; ++n)
    frame[n] = static_cast<std::byte>(tape.byte() % 4 == 0 ? tape.byte() : 0);
  const std::span<const std::byte> parts[] = {std::span<const std::byte>(frame).first(size)};
  (void)from.channel().try_send(parts).ok();
}

template <class End>
void check_sane(End& end) {
  const bool broken = end.state() == LinkState::kBroken;
  check((*end.broken_reason() != '\0') == broken);
  if (broken) end.reset();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tape tape(std::span(data, size));
  World world;
  for (unsigned steps = 0; !tape.empty() && steps < 200; ++steps) {
    switch (tape.byte() % 8) {
      case 0:
        say_parcel(tape, world.first, true);
        break;
      case 1:
        say_parcel(tape, world.second, false);
        break;
      case 2:
        say_control(tape, world.first, false);
        break;
      case 3:
        say_control(tape, world.second, true);
        break;
      case 4:
        world.add_chain(tape);
        break;
      case 5:
        world.first.say_full(tape.byte() % 2 != 0);
        world.second.say_full(tape.byte() % 2 != 0);
        break;
      case 6:
        if (tape.byte() % 8 == 0) world.first.reset();
        break;
      default:
        break;
    }
    world.step_device();
    (void)world.driver.pump();
    check_sane(world.driver_end);
    check_sane(world.device_end);
  }
  return 0;
}
