// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The image that serves: a block device from a file-backed memory, the initrd or spare RAM, a network that echoes, and
// whatever else this machine can honestly offer.
//
// Arguments: disk=auto|memory|initrd|ram (auto: the first of them that there is), ram=SIZE (default 32M),
// queue-layout=self-describing|plain, link=ivshmem|xen-shm (by default what there is), link-number=N.
#include <hawser/guest/machine.hpp>
#include <hawser/guest/window_port.hpp>

#include <hawser/app/console_echo.hpp>
#include <hawser/app/hardware_random.hpp>
#include <hawser/app/link_watch.hpp>
#include <hawser/app/net_echo.hpp>
#include <hawser/app/room.hpp>
#include <hawser/app/serve.hpp>
#include <hawser/ivshmem/link.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/console.hpp>
#include <hawser/virtio/device/memory_disk.hpp>
#include <hawser/virtio/device/net.hpp>
#include <hawser/virtio/device/rng.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <algorithm>

using namespace hawser;

namespace {

using GuestLink = ivshmem::Link<guest::WindowPort>;
using Bus = virtio::msg::DeviceBus<GuestLink>;
using Blk = virtio::device::Blk<RegionMemory, virtio::device::MemoryDisk>;
using Net = virtio::device::Net<RegionMemory, app::NetEcho>;
using Console = virtio::device::Console<RegionMemory, app::ConsoleEcho, 2>;
using Rng = virtio::device::Rng<RegionMemory, app::HardwareRandom>;

constinit app::Room<GuestLink> link_room;
constinit app::Room<Bus> bus_room;
constinit app::Room<virtio::device::MemoryDisk> disk_room;
constinit app::Room<virtio::device::BlkRoom<RegionMemory>> blk_storage_room;
constinit app::Room<Blk> blk_room;
constinit app::Room<app::NetEcho> echo_room;
constinit app::Room<Net> net_room;
constinit app::Room<Console> console_room;
constinit app::ConsoleEcho echo_ports[2];
constinit app::Room<Rng> rng_room;
constinit app::HardwareRandom hardware_random;

struct Disk {
  std::span<std::byte> bytes;
  const char* from = "";
};

Disk find_disk(guest::Machine& machine) {
  const std::string_view wanted = machine.arguments().value("disk").value_or("auto");
  const bool any = wanted == "auto";
  if (auto* memory = guest::find_ivshmem(machine, false); memory != nullptr && (any || wanted == "memory")) {
    return {memory->memory(), "file-backed memory"};
  }
  if (!machine.initrd().empty() && (any || wanted == "initrd")) return {machine.initrd(), "the initrd"};
  if (any || wanted == "ram") {
    const auto spare = machine.spare_memory();
    const std::uint64_t bytes = machine.arguments().number("ram").value_or(32 << 20);
    const auto disk = spare.first(std::min<std::uint64_t>(bytes, spare.size()));
    std::fill(disk.begin(), disk.end(), std::byte{0});
    return {disk, "RAM"};
  }
  return {};
}

}  // namespace

int hawser_main(guest::Machine& machine) {
  auto console = machine.console();
  auto port = guest::choose_window(machine);
  if (!port) return 2;
  const auto layout = machine.arguments().value("queue-layout").value_or("self-describing");
  GuestLink& link = link_room.make(
      *port, ivshmem::LinkOptions{
                 .role = ivshmem::Role::kDevice,
                 .number = static_cast<std::uint32_t>(machine.arguments().number("link-number").value_or(0)),
                 .queue_kind =
                     layout == "plain" ? ivshmem::QueueKind::kPlain : ivshmem::QueueKind::kSelfDescribing});
  Bus& bus = bus_room.make(link);

  const Disk disk = find_disk(machine);
  if (disk.bytes.empty()) {
    console.print("there is nothing to make the disk of that the argument disk= asks for\n");
    return 2;
  }
  auto& blk = blk_room.make(blk_storage_room.make(), disk_room.make(disk.bytes),
                            virtio::device::BlkOptions{.id = "hawser-guest-disk"});
  auto& net =
      net_room.make(echo_room.make(), virtio::device::NetConfig{.mac = {0x02, 0x48, 0x57, 0x53, 0x52, 0x01}});
  using Ref = virtio::msg::DeviceRef<RegionMemory>;
  const virtio::device::ConsolePortConfig<app::ConsoleEcho> ports[] = {
      {&echo_ports[0], "hawser.echo0", true}, {&echo_ports[1], "hawser.echo1", false}};
  auto& console_device = console_room.make(ports);
  bool added = bus.add(Ref(blk)).ok() && bus.add(Ref(net)).ok() && bus.add(Ref(console_device)).ok();
  const bool random = app::HardwareRandom::available();
  if (random) added = added && bus.add(Ref(rng_room.make(hardware_random))).ok();
  if (!added) {
    console.print("the bus did not take all devices\n");
    return 1;
  }
  console.print("serving as peer ", port->own_id(), ": block of ", disk.bytes.size() >> 20, " MiB from ",
                disk.from, ", network echo",
                random ? ", entropy of the processor" : "; no entropy: the processor has none to give", "\n");

  app::LinkWatch<GuestLink> watch(link);
  while (true) {
    (void)app::serve_turn(bus, microseconds(20));
    switch (watch.look(bus.up())) {
      case app::LinkNews::kNothing:
        break;
      case app::LinkNews::kUp:
        console.print("link up, epoch ", link.epoch().own, "/", link.epoch().peer, "\n");
        break;
      case app::LinkNews::kDown:
        console.print("link down\n");
        break;
      case app::LinkNews::kBroken:
        console.print("link broken: ", watch.reason(), "; starting it anew\n");
        break;
      case app::LinkNews::kStandingBy:
        console.print(watch.reason(), "; standing by until it is gone\n");
        break;
      case app::LinkNews::kOurs:
        console.print("the other party is gone; this link is served from here again\n");
        break;
      case app::LinkNews::kNotForUs:
        console.print(watch.reason(), "\n");
        return 1;
    }
  }
}
