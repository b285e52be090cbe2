// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The image that uses: finds the devices on the link, puts each to work and checks what it does.
//
// Arguments: seconds=N (go on that long after one pass over everything), bytes=SIZE (of disk to use; default 4M),
// link=ivshmem|xen-shm|argo (by default a window, if there is one), link-number=N; with link=argo also peer=DOMAIN and
// memory=SIZE (of Argo's rings and buffers; default 12M).
#include <hawser/guest/argo_port.hpp>
#include <hawser/guest/machine.hpp>
#include <hawser/guest/window_port.hpp>

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/attached.hpp>
#include <hawser/app/either_link.hpp>
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

int use_over_window(guest::Machine& machine) {
  static constinit std::optional<guest::WindowPort> port;
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
  if (!options || !argo_port.open(machine, guest::argo_memory(machine, kMaxRegion))) return 2;
  return use(machine, link_room.make(argo_room.make(argo_port, *options).end));
}

}  // namespace

int hawser_main(guest::Machine& machine) {
  return machine.arguments().value("link") == "argo" ? use_over_argo(machine) : use_over_window(machine);
}
