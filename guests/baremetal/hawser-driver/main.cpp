// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The image that uses: finds the devices on the link, puts each to work and checks what it does.
//
// Arguments: seconds=N (go on that long after one pass over everything), bytes=SIZE (of disk to use; default 4M),
// link=ivshmem|xen-shm|argo (by default a window, if there is one), link-number=N; with link=argo also peer=DOMAIN and
// memory=SIZE (of Argo's rings and buffers; default 12M), silence=MILLISECONDS (after which a peer that says nothing is gone;
// default 3000). placement=auto|inline|copied|shared: how the bytes of requests travel, as far as the link can (auto: by the
// rule of hawser/virtio/placement.hpp). restarts=N (with link=argo): instead of all that, write to the disk and read it back,
// and begin anew in place so often, each time in the middle of a hypercall or the noting down of an acknowledgement that
// seed=N chooses; quiet=SECONDS after the last loss of the device side (default 2) that is done.
#include <hawser/guest/argo_port.hpp>
#include <hawser/guest/machine.hpp>
#include <hawser/guest/parameters.hpp>
#include <hawser/guest/restart.hpp>
#include <hawser/guest/window_port.hpp>

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/attached.hpp>
#include <hawser/app/either_link.hpp>
#include <hawser/app/keep_writing.hpp>
#include <hawser/app/lives.hpp>
#include <hawser/app/placement.hpp>
#include <hawser/app/room.hpp>
#include <hawser/app/use.hpp>
#include <hawser/ivshmem/link.hpp>

using namespace hawser;

namespace {

using WindowLink = ivshmem::Link<guest::WindowPort>;
using ArgoEnds = app::ArgoDriverEnd<guest::ArgoPort>;
using AnyLink = app::EitherLink<WindowLink, ArgoEnds::End>;

/// Rows on the console, as the launcher reads them.
struct ConsoleReporter {
  guest::Console console;

  void say(std::string_view sentence) { console.print(sentence, "\n"); }
  void row(const app::Row& row) {
    console.print("HAWSER-ROW device=", row.device, " op=", row.operation, " bytes=", row.bytes,
                  " ops=", row.operations, " ns=", row.ns, " doorbells=", row.doorbells,
                  " interrupts=", row.interrupts, " verified=", row.verified ? "yes" : "no");
    if (!row.note.empty()) console.print(" note=", row.note);
    console.print("\n");
  }
};

constexpr std::uint64_t kMaxRegion = 1ull << 30;
constinit std::array<std::uint64_t, virtio::Arena::bitmap_words(kMaxRegion)> bitmap;

constinit app::Room<WindowLink> window_link_room;
constinit guest::ArgoPort argo_port;
constinit app::Room<ArgoEnds> argo_room;
constinit app::Room<AnyLink> link_room;
constinit app::Room<app::Use<AnyLink, ConsoleReporter>> use_room;
constinit ConsoleReporter reporter;

int use(guest::Machine& machine, AnyLink& link) {
  const auto number = [&](std::string_view key, std::uint64_t otherwise) {
    return machine.arguments().number(key).value_or(otherwise);
  };
  const app::UseOptions options{.disk_bytes = number("bytes", 4 << 20),
                                .soak = seconds(number("seconds", 0))};
  const bool good = use_room.make(link, bitmap, reporter, options).run();
  link.leave();
  return good ? 0 : 1;
}

HAWSER_GUEST_SURVIVES constinit app::Lives lives;
HAWSER_GUEST_SURVIVES constinit app::Ledger ledger{};
HAWSER_GUEST_SURVIVES constinit std::uint32_t device_side_losses = 0;
constinit app::Mortal mortal;
using Work = app::KeepWriting<AnyLink>;
constinit app::Room<Work::Storage> work_storage_room;
constinit app::Room<Work> work_room;

/// Writes and reads through all restarts, of both sides.
int keep_writing(guest::Machine& machine, AnyLink& link) {
  constexpr std::uint64_t kLeastRequests = 60;
  const auto seed = machine.arguments().number("seed").value_or(1);
  const Duration quiet = seconds(machine.arguments().number("quiet").value_or(2));
  const Instant start = machine.now();
  auto& work = work_room.make(link, bitmap, work_storage_room.make(), ledger, mortal.fate(),
                              seed ^ std::uint64_t{lives.over()} << 32);
  unsigned told = 0;
  const bool good = work.run([&] {
    device_side_losses += work.losses() - told;
    told = work.losses();
    const Instant now = machine.now();
    return mortal.over() && work.ended() >= kLeastRequests && elapsed(work.last_loss(), now) > quiet &&
           elapsed(start, now) > quiet;
  });
  argo_port.watch(nullptr);
  if (const auto& loss = work.loss()) {
    machine.console().print("sector ", loss->sector, " of chunk ", loss->chunk, " has version ",
                            loss->version, ", acknowledged was ", loss->known.acknowledged, ", begun ",
                            loss->known.begun, "\n");
  }
  if (mortal.over()) app::print(machine.console(), lives);
  machine.console().print("the device side was lost ", device_side_losses, " times\n");
  reporter.row({.device = "blk0",
                .operation = "keep-writing",
                .operations = ledger.acknowledgements,
                .ns = elapsed(start, machine.now()).ns,
                .verified = good,
                .note = good ? "" : work.why()});
  link.leave();
  return good ? 0 : 1;
}

int use_over_window(guest::Machine& machine) {
  static constinit std::optional<guest::WindowPort> port;
  if (app::placement(machine, Visibility::kShared).refused != nullptr) return 2;
  port = guest::choose_window(machine);
  if (!port) return 2;
  const auto number = static_cast<std::uint32_t>(machine.arguments().number("link-number").value_or(0));
  auto& link =
      window_link_room.make(*port, ivshmem::LinkOptions{.role = ivshmem::Role::kDriver, .number = number});
  if (!app::attached(link)) {
    machine.console().print(link.broken_reason(), "\n");
    return 1;
  }
  return use(machine, link_room.make(link));
}

int use_over_argo(guest::Machine& machine) {
  const auto options = guest::argo_options(machine, argo::Role::kDriver);
  const auto wanted = app::placement(machine, Visibility::kCopied);
  if (!options || wanted.refused != nullptr) return 2;
  if (!argo_port.open(machine, guest::argo_memory(machine, kMaxRegion))) return 2;
  const virtio::courier::DriverEndOptions courier{.placement = wanted.placement};
  const auto restarts = machine.arguments().number("restarts");
  if (!restarts) return use(machine, link_room.make(argo_room.make(argo_port, *options, courier).end));
  mortal.begin(
      lives,
      {.role = argo::Role::kDriver,
       .restarts = static_cast<std::uint32_t>(*restarts),
       .seed = machine.arguments().number("seed").value_or(1),
       .peers_patience = options->silence},
      [] { mortal.end(); }, [] { return argo_port.now(); }, guest::restart);
  argo_port.watch([](argo::Command command, const void* first, std::uint32_t fourth) {
    mortal.watch(command, first, fourth);
  });
  return keep_writing(machine, link_room.make(argo_room.make(argo_port, *options, courier).end));
}

}  // namespace

int hawser_main(guest::Machine& machine) {
  static constexpr guest::Parameter kParameters[] = {
      {.key = "seconds", .most = 86'400},
      {.key = "bytes", .least = 64 << 10, .most = std::uint64_t{1} << 40},
      {.key = "link", .choices = "ivshmem|xen-shm|argo"},
      {.key = "link-number", .most = 4095},
      {.key = "peer", .most = 0x7fef},  // xen.h: DOMID_FIRST_RESERVED - 1
      {.key = "memory", .least = 64 << 10, .most = 1 << 30},
      {.key = "silence", .least = 1, .most = 86'400'000},
      {.key = "placement", .choices = "auto|inline|copied|shared"},
      {.key = "restarts", .most = 1'000'000},
      {.key = "seed"},
      {.key = "quiet", .most = 3'600},
  };
  if (!guest::accept_arguments(machine, kParameters)) return 2;
  return machine.arguments().value("link") == "argo" ? use_over_argo(machine) : use_over_window(machine);
}
