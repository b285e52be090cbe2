// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A disk in memory and an entropy device on one virtio-msg bus over the loopback link: what README.md shows parts of.
#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/memory_disk.hpp>
#include <hawser/virtio/device/rng.hpp>
#include <hawser/virtio/driver/blk_waiting.hpp>
#include <hawser/virtio/driver/rng.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>

using namespace hawser;
using namespace hawser::virtio;

namespace {

using Bus = msg::DeviceBus<loopback::Link>;
using Transport = msg::DriverDevice<loopback::Link>;

// begin: entropy source
struct Kernel {
  std::size_t fill(std::span<std::byte> out) {
    random.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
    return static_cast<std::size_t>(random.gcount());
  }
  std::ifstream random{"/dev/urandom", std::ios::binary};
};
// end: entropy source

struct Devices {
  // begin: devices
  std::array<std::byte, 1 << 20> bytes{};
  device::MemoryDisk disk{bytes};
  device::BlkRoom<RegionMemory> room;
  device::Blk<RegionMemory, device::MemoryDisk> blk{room, disk, {.id = "example", .in_order = true}};

  Kernel kernel;
  device::Rng<RegionMemory, Kernel> rng{kernel};
  // end: devices
};

// begin: async driver
/// Writes eight sectors at once, then reads nothing back before a flush has ended.
Result<void, TransportError> write_and_flush(Transport& transport, driver::Blk<Transport>& blk) {
  using driver::BlkRequest;
  const auto buffer = transport.arena().allocate(8 * kSectorBytes);
  if (!buffer) return Err{TransportError::kNoMemory};
  for (std::uint64_t sector = 0; sector < 8; ++sector) {
    if (!blk.submit(BlkRequest::write(sector, *buffer + sector * kSectorBytes, kSectorBytes, Token{sector}))
             .ok())
      return Err{TransportError::kBadAnswer};
  }
  if (!blk.submit(BlkRequest::flush(Token{99})).ok()) return Err{TransportError::kBadAnswer};
  for (;;) {
    (void)blk.wait(transport.now() + milliseconds(100));
    while (const auto done = blk.take()) {
      if (!done->result.ok()) std::printf("%s\n", driver::describe(done->result.error()));
      if (done->token != Token{99}) continue;
      transport.arena().release(*buffer, 8 * kSectorBytes);
      return {};
    }
  }
}
// end: async driver

Result<void, TransportError> use(Transport& disk, Transport& entropy) {
  static driver::BlkRoom<RegionMemory> room;
  static driver::Blk<Transport> blk(room);
  HAWSER_CHECK(blk.start(disk));
  HAWSER_CHECK(write_and_flush(disk, blk));

  // begin: waiting driver
  driver::WaitingBlk waiting(blk);
  std::array<std::byte, 4096> page{};
  const auto read = waiting.read(8, page, disk.now() + seconds(1));
  if (!read.ok()) std::printf("%s\n", driver::describe(read.error()));
  // end: waiting driver
  blk.stop();

  static driver::Rng<Transport> rng;
  HAWSER_CHECK(rng.start(entropy));
  std::array<std::byte, 16> key{};
  const auto filled = rng.fill(key, entropy.now() + seconds(1));
  rng.stop();
  std::printf("%llu sectors, %s\n", static_cast<unsigned long long>(blk.capacity()),
              filled.ok() ? "and a key" : "no key");
  return read.ok() && filled.ok() ? Result<void, TransportError>() : Err{TransportError::kBadAnswer};
}

}  // namespace

int main() {
  constexpr std::uint64_t kBytes = 512 * 1024;
  static loopback::Storage<512, 8, kBytes> storage;
  loopback::Pair pair(storage);
  static Devices devices;
  static Bus bus(pair.second());
  if (!bus.add(msg::DeviceRef<RegionMemory>(devices.blk)).ok() ||
      !bus.add(msg::DeviceRef<RegionMemory>(devices.rng)).ok()) {
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
  Transport disk(driver, 0, arena);
  Transport entropy(driver, 1, arena);
  if (!disk.open().ok() || !entropy.open().ok()) return 1;
  const auto used = use(disk, entropy);
  if (!used.ok()) std::printf("%s\n", describe(used.error()));
  return used.ok() ? 0 : 1;
}
