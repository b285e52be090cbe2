// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The image that uses: finds the devices on the link, puts each to work and checks what it does.
//
// Arguments: seconds=N (go on that long after one pass over everything), bytes=SIZE (of disk to use; default 4M),
// link=ivshmem|xen-shm (by default what there is), link-number=N.
#include <hawser/guest/machine.hpp>
#include <hawser/guest/window_port.hpp>

#include <hawser/app/room.hpp>
#include <hawser/app/use.hpp>
#include <hawser/ivshmem/link.hpp>

using namespace hawser;

namespace {

using GuestLink = ivshmem::Link<guest::WindowPort>;

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

constinit app::Room<GuestLink> link_room;
constinit app::Room<app::Use<GuestLink, ConsoleReporter>> use_room;

}  // namespace

int hawser_main(guest::Machine& machine) {
  ConsoleReporter reporter;
  auto port = guest::choose_window(machine);
  if (!port) return 2;
  const auto number = [&](std::string_view key, std::uint64_t otherwise) {
    return machine.arguments().number(key).value_or(otherwise);
  };
  GuestLink& link = link_room.make(
      *port, ivshmem::LinkOptions{.role = ivshmem::Role::kDriver,
                                  .number = static_cast<std::uint32_t>(number("link-number", 0))});
  auto& use = use_room.make(
      link, bitmap, reporter,
      app::UseOptions{.disk_bytes = number("bytes", 4 << 20), .soak = seconds(number("seconds", 0))});
  const bool good = use.run();
  link.leave();
  return good ? 0 : 1;
}
