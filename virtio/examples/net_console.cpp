// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two network devices joined by a cable, and a console, on one virtio-msg bus over the loopback link: what README.md
// shows parts of.
#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/device/console.hpp>
#include <hawser/virtio/device/net.hpp>
#include <hawser/virtio/device/net_cable.hpp>
#include <hawser/virtio/driver/console.hpp>
#include <hawser/virtio/driver/net.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>

using namespace hawser;
using namespace hawser::virtio;

namespace {

using Bus = msg::DeviceBus<loopback::Link>;
using Transport = msg::DriverDevice<loopback::Link>;

// begin: console backend
/// Prints what the driver writes; nobody ever types anything.
struct Printer {
  std::size_t read(std::span<std::byte>) { return 0; }
  std::size_t write(std::span<const std::byte> in) { return std::fwrite(in.data(), 1, in.size(), stdout); }
  bool writable() const { return true; }
  bool connected() const { return true; }
  device::ConsoleSize size() const { return {80, 25}; }
  void driver_open(bool) {}
};
// end: console backend

struct Devices {
  // begin: devices
  device::Cable<> cable{1500};
  device::Net<RegionMemory, device::CableEnd> left{cable.left(), {.mac = {2, 0, 0, 0, 0, 1}}};
  device::Net<RegionMemory, device::CableEnd> right{cable.right(), {.mac = {2, 0, 0, 0, 0, 2}}};
  Printer printer;
  device::Console<RegionMemory, Printer> console{printer};
  // end: devices
};

// begin: net driver
Result<void, TransportError> send_over(Transport& from, Transport& to) {
  static driver::Net<Transport> left({.receive_buffers = 8});
  static driver::Net<Transport> right({.receive_buffers = 8});
  HAWSER_CHECK(left.start(from));
  HAWSER_CHECK(right.start(to));
  std::array<std::byte, 100> frame{};
  std::copy_n(std::as_bytes(std::span(right.mac())).begin(), 6, frame.begin());
  if (!left.send(frame).ok()) return Err{TransportError::kBadAnswer};

  static std::array<std::byte, kMaxFrame> room;
  for (;;) {
    const auto got = right.receive(0, room);
    if (got.ok()) {
      std::printf("received %zu bytes\n", got->bytes);
      break;
    }
    if (got.error() != driver::NetReceiveError::kNothing) return Err{TransportError::kBadAnswer};
    if (!right.prepare_to_wait()) (void)to.wait(to.now() + milliseconds(100));
  }
  left.stop();
  right.stop();
  return {};
}
// end: net driver

// begin: console driver
Result<void, TransportError> greet(Transport& device) {
  static driver::Console<Transport> console;
  HAWSER_CHECK(console.start(device));
  while (!console.port(0).present) {
    if (!console.poll() && !console.prepare_to_wait()) (void)device.wait(device.now() + milliseconds(100));
  }
  constexpr std::string_view kText = "hello from a driver\n";
  (void)console.write(0, std::as_bytes(std::span(kText)));
  while (console.unwritten(0) != 0) (void)device.wait(device.now() + milliseconds(10));
  console.stop();
  return {};
}
// end: console driver

}  // namespace

int main() {
  constexpr std::uint64_t kBytes = 512 * 1024;
  static loopback::Storage<512, 8, kBytes> storage;
  loopback::Pair pair(storage);
  static Devices devices;
  static Bus bus(pair.second());
  if (!bus.add(msg::DeviceRef<RegionMemory>(devices.left)).ok() ||
      !bus.add(msg::DeviceRef<RegionMemory>(devices.right)).ok() ||
      !bus.add(msg::DeviceRef<RegionMemory>(devices.console)).ok()) {
    return 1;
  }
  // One thread only: the device's side runs while the driver's side waits.
  pair.second().on_idle(
      [](void*) {
        if (!bus.step()) (void)bus.wait(Instant::never());
      },
      nullptr);

  static std::array<std::uint64_t, Arena::bitmap_words(kBytes)> bitmap{};
  Arena arena(Offset(0), kBytes, bitmap);
  msg::DriverBus<loopback::Link> driver(pair.first());
  if (!driver.wait_up(pair.first().now() + seconds(5)).ok()) return 1;
  Transport left(driver, 0, arena);
  Transport right(driver, 1, arena);
  Transport console(driver, 2, arena);
  for (Transport* device : {&left, &right, &console}) {
    if (!device->open().ok()) return 1;
  }
  const auto sent = send_over(left, right);
  if (!sent.ok()) std::printf("network: %s\n", describe(sent.error()));
  const auto greeted = greet(console);
  if (!greeted.ok()) std::printf("console: %s\n", describe(greeted.error()));
  return sent.ok() && greeted.ok() ? 0 : 1;
}
