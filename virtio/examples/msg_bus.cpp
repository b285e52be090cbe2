// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The two sides of a virtio-msg bus in one program, over the loopback link: what README.md shows a part of.
#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

using namespace hawser;
using namespace hawser::virtio;

namespace {

/// A device without queues: a name in its configuration space is all it has.
struct NamePlate {
  static constexpr std::uint32_t kDeviceId = 42;
  static constexpr char kName[] = "hawser";

  Features offered() const { return {}; }
  bool acceptable(const Features&) const { return true; }
  std::uint16_t queue_count() const { return 0; }
  std::uint16_t queue_max_size(std::uint16_t) const { return 0; }
  std::uint32_t config_size() const { return sizeof kName; }
  void read_config(std::uint32_t at, std::span<std::byte> out) const {
    std::memcpy(out.data(), kName + at, out.size());
  }
  bool write_config(std::uint32_t, std::span<const std::byte>) { return false; }
  bool take_config_change() { return false; }
  void start(const Features&) {}
  void attach(std::uint16_t, AnyDeviceQueue<RegionMemory>) {}
  void detach(std::uint16_t) {}
  Work service(std::uint16_t) { return {}; }
  bool prepare_to_wait(std::uint16_t) { return false; }
  bool needs_reset() const { return false; }
  void stop() {}
};

// begin: device side
void serve(msg::DeviceBus<loopback::Link>& bus) {  // as the body of an endless loop
  if (!bus.step()) (void)bus.wait(Instant::never());
}
// end: device side

// begin: driver side
Result<void, TransportError> use(msg::DriverBus<loopback::Link>& bus, Arena& arena) {
  HAWSER_CHECK(bus.wait_up(bus.link().now() + seconds(5)));
  HAWSER_TRY(found, bus.devices());
  for (auto number = found.first(); number; number = found.next(*number + 1)) {
    msg::DriverDevice<loopback::Link> device(bus, static_cast<std::uint16_t>(*number), arena);
    HAWSER_TRY(features, device.negotiate({VIRTIO_F_RING_PACKED, VIRTIO_F_EVENT_IDX}));
    std::array<char, 7> name{};
    HAWSER_CHECK(device.read_config(0, std::as_writable_bytes(std::span(name))));
    std::printf("device %u has id %u, name %s, VERSION_1 %d\n", *number, device.device_id(), name.data(),
                features.has(VIRTIO_F_VERSION_1));
    HAWSER_CHECK(device.start());
    HAWSER_CHECK(device.reset());  // before letting go of it
  }
  return {};
}
// end: driver side

}  // namespace

int main() {
  static loopback::Storage<> storage;
  loopback::Pair pair(storage);

  NamePlate plate;
  msg::DeviceBus<loopback::Link> devices(pair.second());
  if (!devices.add(msg::DeviceRef<RegionMemory>(plate)).ok()) return 1;
  // One thread only: the device's side runs while the driver's side waits.
  pair.second().on_idle([](void* bus) { serve(*static_cast<msg::DeviceBus<loopback::Link>*>(bus)); },
                        &devices);

  std::array<std::uint64_t, Arena::bitmap_words(65536)> bitmap{};
  Arena arena(Offset(0), 65536, bitmap);
  msg::DriverBus<loopback::Link> driver(pair.first());
  const auto used = use(driver, arena);
  if (!used.ok()) std::printf("%s\n", describe(used.error()));
  return used.ok() ? 0 : 1;
}
