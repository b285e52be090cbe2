// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver side of the suite argo-vs-ivshmem, in a domain of Xen; the device side is hawser-device in another one.
//
// Arguments: link=argo|xen-shm; with link=argo peer=DOMAIN, memory=SIZE, placement=auto|inline|copied. wait=sleep|poll.
// each=MILLISECONDS for each point. counts=yes: pause before and after each point, so that a device side with counts=yes
// says what it has done. Each further word is a point, OPERATION:BYTESxDEPTH, of the operations read, write and net. A line for each:
//   HAWSER-BEGIN (with counts=yes)
//   HAWSER-POINT point=... count=N ns=N doorbells=N interrupts=N hypercalls=N copied=N longest=N times=UPPER:COUNT,...
// or HAWSER-POINT point=... wrong=SENTENCE. Before them HAWSER-POINT point=hypercall, of the cheapest one there is.
#include "disk.hpp"
#include "network.hpp"

#include <hawser/guest/argo_port.hpp>
#include <hawser/guest/machine.hpp>
#include <hawser/guest/window_port.hpp>

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/attached.hpp>
#include <hawser/app/driver_session.hpp>
#include <hawser/app/either_link.hpp>
#include <hawser/app/placement.hpp>
#include <hawser/app/room.hpp>
#include <hawser/ivshmem/link.hpp>
#include <hawser/virtio/spec.hpp>

#include <optional>
#include <string_view>

using namespace hawser;

namespace {

using WindowLink = ivshmem::Link<guest::WindowPort>;
using ArgoEnds = app::ArgoDriverEnd<guest::ArgoPort>;
using AnyLink = app::EitherLink<WindowLink, ArgoEnds::End>;
using Session = app::DriverSession<AnyLink>;
using Disk = bench::Disk<AnyLink>;
using Network = bench::Network<AnyLink>;

constexpr std::uint64_t kMaxRegion = 64u << 20;
constinit std::array<std::uint64_t, virtio::Arena::bitmap_words(kMaxRegion)> bitmap;
constinit app::Room<WindowLink> window_link_room;
constinit guest::ArgoPort argo_port;
constinit app::Room<ArgoEnds> argo_room;
constinit app::Room<AnyLink> link_room;
constinit app::Room<Session> session_room;
constinit app::Room<Disk::Storage> disk_storage_room;
constinit app::Room<Disk> disk_room;
constinit app::Room<Network> network_room;
constinit bench::Measured measured;

struct Costs {
  std::uint64_t doorbells = 0, interrupts = 0, hypercalls = 0, copied = 0;
};

/// Of this side, so far. Over a window, a doorbell is the only hypercall, and nothing is copied. Over Argo the
/// hypervisor copies what is sent, and the courier what comes.
Costs costs(const guest::Machine& machine, const AnyLink& link) {
  Costs so_far{.doorbells = link.counters().doorbells, .interrupts = machine.interrupts()};
  if (const ArgoEnds* argo = argo_room.get()) {
    const auto calls = argo->link.argo_counters();
    so_far.hypercalls = calls.hypercalls();
    so_far.copied = calls.bytes_sent + calls.bytes_staged + argo->end.courier_counters().bytes_copied;
  } else {
    so_far.hypercalls = so_far.doorbells;
  }
  return so_far;
}

class Bench {
 public:
  Bench(guest::Machine& machine, AnyLink& link)
      : machine_(machine),
        link_(link),
        session_(session_room.make(link, bitmap)),
        polled_(machine.arguments().value("wait") == "poll"),
        counts_(machine.arguments().value("counts") == "yes"),
        each_(milliseconds(machine.arguments().number("each").value_or(100))) {}

  int run() {
    const auto console = machine_.console();
    if (const auto opened = session_.open(); !opened.ok()) {
      console.print(describe(opened.error()), "\n");
      return 1;
    }
    std::string_view rest = machine_.arguments().text();
    while (!rest.empty()) {
      const auto word = rest.substr(0, bench::place_of(' ', rest));
      rest.remove_prefix(word.size() == rest.size() ? word.size() : word.size() + 1);
      if (word.empty() || bench::place_of('=', word) != word.size()) continue;
      const auto point = bench::Point::from(word);
      measured = {};
      if (!point || !measure(*point)) measured.wrong = "no such operation, or no such device";
      print(word);
      if (measured.wrong != nullptr) return 1;
    }
    disk_room.destroy();
    network_room.destroy();
    link_.leave();
    return 0;
  }

 private:
  bool measure(const bench::Point& point) {
    const auto around = [this](auto&& work) {
      pause();
      if (counts_) machine_.console().print("HAWSER-BEGIN\n");
      before_ = costs(machine_, link_);
      work();
      after_ = costs(machine_, link_);
      pause();
    };
    if (point.operation == "net") {
      if (!use(network_room, virtio::VIRTIO_ID_NET, polled_)) return false;
      network_room.get()->measure(point, each_, measured, around);
      return true;
    }
    if (point.operation != "read" && point.operation != "write") return false;
    if (disk_storage_room.get() == nullptr) disk_storage_room.make();
    if (!use(disk_room, virtio::VIRTIO_ID_BLOCK, *disk_storage_room.get(), polled_)) return false;
    disk_room.get()->measure(point, each_, measured, around);
    return true;
  }

  template <class R, class... Args>
  bool use(R& room, std::uint32_t id, Args&&... args) {
    if (room.get() != nullptr) return true;
    for (std::size_t n = 0; n < session_.device_count(); ++n)
      if (session_.device(n).device_id() == id)
        return room.make(session_, session_.device(n), std::forward<Args>(args)...).start();
    return false;
  }

  /// So long that the device side has nothing to do, and says so.
  void pause() {
    if (!counts_) return;
    const Instant until = link_.now() + milliseconds(120);
    while (link_.now() < until) (void)session_.bus().pause(kPollInterval);
  }

  void print(std::string_view point) const {
    const auto console = machine_.console();
    if (measured.wrong != nullptr) {
      console.print("HAWSER-POINT point=", point, " wrong=", measured.wrong, "\n");
      return;
    }
    console.print("HAWSER-POINT point=", point, " count=", measured.count, " ns=", measured.ns,
                  " doorbells=", after_.doorbells - before_.doorbells,
                  " interrupts=", after_.interrupts - before_.interrupts,
                  " hypercalls=", after_.hypercalls - before_.hypercalls,
                  " copied=", after_.copied - before_.copied, " longest=", measured.longest, " times=");
    for (std::size_t n = 0; n < measured.times.size(); ++n)
      if (measured.times[n] != 0)
        console.print(bench::Measured::Buckets::last(n), ":", measured.times[n], ",");
    console.print("\n");
  }

  guest::Machine& machine_;
  AnyLink& link_;
  Session& session_;
  const bool polled_;
  const bool counts_;
  const Duration each_;
  Costs before_, after_;
};

/// One that Xen refuses at once.
void measure_hypercall(guest::Machine& machine, guest::ArgoPort& port) {
  constexpr unsigned kCalls = 2000;
  const Instant start = machine.now();
  for (unsigned n = 0; n < kCalls; ++n)
    (void)port.hypercall(static_cast<argo::Command>(0), nullptr, nullptr, 0, 0);
  machine.console().print("HAWSER-POINT point=hypercall count=", kCalls,
                          " ns=", elapsed(start, machine.now()).ns, "\n");
}

int bench_over_window(guest::Machine& machine) {
  static constinit std::optional<guest::WindowPort> port;
  port = guest::choose_window(machine);
  if (!port) return 2;
  auto& link = window_link_room.make(*port, ivshmem::LinkOptions{.role = ivshmem::Role::kDriver});
  if (!app::attached(link)) {
    machine.console().print(link.broken_reason(), "\n");
    return 1;
  }
  return Bench(machine, link_room.make(link)).run();
}

int bench_over_argo(guest::Machine& machine) {
  const auto options = guest::argo_options(machine, argo::Role::kDriver);
  if (!options || !argo_port.open(machine, guest::argo_memory(machine, kMaxRegion))) return 2;
  measure_hypercall(machine, argo_port);
  const auto wanted = app::placement(machine, Visibility::kCopied);
  if (wanted.refused != nullptr) return 2;
  auto& ends =
      argo_room.make(argo_port, *options, virtio::courier::DriverEndOptions{.placement = wanted.placement});
  return Bench(machine, link_room.make(ends.end)).run();
}

}  // namespace

int hawser_main(guest::Machine& machine) {
  return machine.arguments().value("link") == "argo" ? bench_over_argo(machine) : bench_over_window(machine);
}
