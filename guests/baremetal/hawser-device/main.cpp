// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The image that serves: a block device from a file-backed memory, the initrd or spare RAM, a network that echoes, and
// whatever else this machine can honestly offer.
//
// Arguments: disk=auto|memory|initrd|ram (auto: the first of them that there is), ram=SIZE (default 32M),
// queue-layout=self-describing|plain, link=ivshmem|xen-shm|argo (by default a window, if there is one), link-number=N; with
// link=argo also peer=DOMAIN, silence=MILLISECONDS (after which a peer that says nothing is gone; default 3000) and
// memory=SIZE (of Argo's rings and buffers; default 12M). restarts=N (with link=argo and disk=ram): begin anew in place so
// often, each time in the middle of a hypercall or a disk operation that seed=N chooses.
//
// placement=auto|inline|copied|shared: how the bytes of requests travel, as far as the link can (auto: by the rule of
// hawser/virtio/placement.hpp). spin=MICROSECONDS: how long to look for more before it sleeps (default 20); polling, with
// more than ever passes between two requests. counts=yes: whenever there is nothing to do, say what this side has done so
// far, if that is more.
#include <hawser/guest/argo_port.hpp>
#include <hawser/guest/machine.hpp>
#include <hawser/guest/parameters.hpp>
#include <hawser/guest/restart.hpp>
#include <hawser/guest/window_port.hpp>

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/attached.hpp>
#include <hawser/app/console_echo.hpp>
#include <hawser/app/either_link.hpp>
#include <hawser/app/hardware_random.hpp>
#include <hawser/app/link_watch.hpp>
#include <hawser/app/lives.hpp>
#include <hawser/app/net_echo.hpp>
#include <hawser/app/placement.hpp>
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
#include <utility>

using namespace hawser;

namespace {

using WindowLink = ivshmem::Link<guest::WindowPort>;
using ArgoEnds = app::ArgoDeviceEnd<guest::ArgoPort>;
using AnyLink = app::EitherLink<WindowLink, ArgoEnds::End>;

HAWSER_GUEST_SURVIVES constinit app::Lives lives;
constinit app::Mortal mortal;

/// Memory whose operations are steps of a life.
class Disk : public virtio::device::MemoryDisk {
 public:
  using MemoryDisk::MemoryDisk;
  template <Memory M>
  virtio::device::BlkProgress submit(const virtio::device::BlkOperation<M>& operation) {
    mortal.step(app::Step::kData);
    const auto progress = MemoryDisk::submit(operation);
    mortal.step(app::Step::kData);
    return progress;
  }
};

using Blk = virtio::device::Blk<RegionMemory, Disk>;
using Net = virtio::device::Net<RegionMemory, app::NetEcho>;
using Console = virtio::device::Console<RegionMemory, app::ConsoleEcho, 2>;
using Rng = virtio::device::Rng<RegionMemory, app::HardwareRandom>;

constinit app::Room<WindowLink> window_link_room;
constinit guest::ArgoPort argo_port;
constinit app::Room<ArgoEnds> argo_room;
constinit app::Room<AnyLink> link_room;
constinit app::Room<virtio::msg::DeviceBus<AnyLink>> bus_room;
constexpr std::size_t kMaxArgoMemory = 64u << 20;
constinit std::array<std::uint64_t, virtio::Arena::bitmap_words(kMaxArgoMemory)> argo_bitmap;
constinit app::Room<Disk> disk_room;
constinit app::Room<virtio::device::BlkRoom<RegionMemory>> blk_storage_room;
constinit app::Room<Blk> blk_room;
constinit app::Room<app::NetEcho> echo_room;
constinit app::Room<Net> net_room;
constinit app::Room<Console> console_room;
constinit app::ConsoleEcho echo_ports[2];
constinit app::Room<Rng> rng_room;
constinit app::HardwareRandom hardware_random;

struct DiskBytes {
  std::span<std::byte> bytes;
  const char* from = "";
};

DiskBytes find_disk(guest::Machine& machine) {
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
    if (guest::restarts() == 0) std::fill(disk.begin(), disk.end(), std::byte{0});
    return {disk, "RAM"};
  }
  return {};
}

/// Over Argo, hypercalls send, and copies are the hypervisor's and the courier's; over a window there are doorbells alone.
void say_counts(const guest::Machine& machine, const AnyLink& link) {
  static constinit std::uint64_t told = 0;
  const std::uint64_t doorbells = link.counters().doorbells, interrupts = machine.interrupts();
  std::uint64_t hypercalls = doorbells, copied = 0;
  if (const ArgoEnds* argo = argo_room.get()) {
    const auto calls = argo->link.argo_counters();
    hypercalls = calls.hypercalls();
    copied = calls.bytes_sent + calls.bytes_staged + argo->end.courier_counters().bytes_copied;
  }
  if (std::exchange(told, hypercalls + interrupts) == hypercalls + interrupts) return;
  machine.console().print("HAWSER-COUNTS doorbells=", doorbells, " interrupts=", interrupts,
                          " hypercalls=", hypercalls, " copied=", copied, "\n");
}

int serve(guest::Machine& machine, AnyLink& link) {
  auto& bus = bus_room.make(link);
  const auto console = machine.console();

  const DiskBytes disk = find_disk(machine);
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
  console.print("serving block of ", disk.bytes.size() >> 20, " MiB from ", disk.from, ", network echo",
                random ? ", entropy of the processor" : "; no entropy: the processor has none to give", "\n");

  app::LinkWatch<AnyLink> watch(link);
  const auto spin = microseconds(machine.arguments().number("spin").value_or(20));
  const bool counts = machine.arguments().value("counts") == "yes";
  while (true) {
    const Wake wake = app::serve_turn(bus, spin);
    if (counts && wake == Wake::kTimeout) say_counts(machine, link);
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

std::uint32_t link_number(const guest::Machine& machine) {
  return static_cast<std::uint32_t>(machine.arguments().number("link-number").value_or(0));
}

int serve_over_window(guest::Machine& machine) {
  static constinit std::optional<guest::WindowPort> port;
  if (app::placement(machine, Visibility::kShared).refused != nullptr) return 2;
  port = guest::choose_window(machine);
  if (!port) return 2;
  const bool plain = machine.arguments().value("queue-layout") == "plain";
  auto& link = window_link_room.make(
      *port, ivshmem::LinkOptions{
                 .role = ivshmem::Role::kDevice,
                 .number = link_number(machine),
                 .queue_kind = plain ? ivshmem::QueueKind::kPlain : ivshmem::QueueKind::kSelfDescribing});
  if (!app::attached(link)) {
    machine.console().print(link.broken_reason(), "\n");
    return 1;
  }
  return serve(machine, link_room.make(link));
}

int serve_over_argo(guest::Machine& machine) {
  const auto options = guest::argo_options(machine, argo::Role::kDevice);
  const auto wanted = app::placement(machine, Visibility::kCopied);
  if (!options || wanted.refused != nullptr) return 2;
  if (!argo_port.open(machine, guest::argo_memory(machine, kMaxArgoMemory))) return 2;
  if (const auto restarts = machine.arguments().number("restarts")) {
    mortal.begin(
        lives,
        {.role = argo::Role::kDevice,
         .restarts = static_cast<std::uint32_t>(*restarts),
         .seed = machine.arguments().number("seed").value_or(1),
         .peers_patience = options->silence},
        [] { mortal.end(); }, [] { return argo_port.now(); }, guest::restart);
    argo_port.watch([](argo::Command command, const void* first, std::uint32_t fourth) {
      mortal.watch(command, first, fourth);
    });
    if (mortal.over()) app::print(machine.console(), lives);
  }
  const virtio::courier::DeviceEndOptions courier{.placement = wanted.placement};
  return serve(machine, link_room.make(argo_room.make(argo_port, *options, argo_bitmap, courier).end));
}

}  // namespace

int hawser_main(guest::Machine& machine) {
  static constexpr guest::Parameter kParameters[] = {
      {.key = "disk", .choices = "auto|memory|initrd|ram"},
      {.key = "ram", .least = 4096},
      {.key = "queue-layout", .choices = "self-describing|plain"},
      {.key = "link", .choices = "ivshmem|xen-shm|argo"},
      {.key = "link-number", .most = 4095},
      {.key = "peer", .most = 0x7fef},  // xen.h: DOMID_FIRST_RESERVED - 1
      {.key = "memory", .least = 64 << 10, .most = 1 << 30},
      {.key = "silence", .least = 1, .most = 86'400'000},
      {.key = "placement", .choices = "auto|inline|copied|shared"},
      {.key = "restarts", .most = 1'000'000},
      {.key = "seed"},
      {.key = "spin", .most = 1'000'000},
      {.key = "counts", .choices = "yes|no"},
  };
  if (!guest::accept_arguments(machine, kParameters)) return 2;
  return machine.arguments().value("link") == "argo" ? serve_over_argo(machine) : serve_over_window(machine);
}
