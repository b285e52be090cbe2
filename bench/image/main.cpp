// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The image that measures what a courier costs on top of Argo, in one Xen domain that speaks to itself. One line a figure:
//   HAWSER-FIGURE name=... bytes=N depth=N count=N ns=N hypercalls=N copied=N
//
// Arguments: each=MILLISECONDS (for each figure; default 100).
#include <hawser/guest/machine.hpp>
#include <hawser/guest/xen_port.hpp>

#include <hawser/app/room.hpp>
#include <hawser/bench/argo_loop.hpp>

#include <array>
#include <optional>

using namespace hawser;

namespace {

using Loop = bench::ArgoLoop<guest::XenPort>;
constexpr std::size_t kWords = virtio::Arena::bitmap_words(Loop::kMemory);
constinit std::array<std::uint64_t, kWords> driver_bitmap;
constinit std::array<std::uint64_t, kWords> device_bitmap;
constinit app::Room<Loop> room;

}  // namespace

int hawser_main(guest::Machine& machine) {
  const auto console = machine.console();
  auto port = guest::XenPort::open(machine.take_spare_memory(Loop::kMemory));
  if (!port.ok()) {
    console.print(describe(port.error()), "\n");
    return 2;
  }
  const auto each = milliseconds(machine.arguments().number("each").value_or(100));
  Loop& loop = room.make(*port, port->domain(), driver_bitmap, device_bitmap);
  const bool good = loop.run(
      [&](const bench::ArgoFigure& figure) {
        console.print("HAWSER-FIGURE name=", figure.name, " bytes=", figure.bytes, " depth=", figure.depth,
                      " count=", figure.count, " ns=", figure.ns, " hypercalls=", figure.hypercalls,
                      " copied=", figure.copied, "\n");
      },
      each);
  if (!good) console.print(loop.why(), "\n");
  return good ? 0 : 1;
}
