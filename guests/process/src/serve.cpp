// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/guest_port.hpp>
#include <hawser/process/run.hpp>
#include <hawser/process/served.hpp>
#include <hawser/process/stage_board.hpp>
#include <hawser/process/vfio_port.hpp>
#include <hawser/process/xen_port.hpp>

#include "argo_port.hpp"
#include "stop_signals.hpp"

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/attached.hpp>
#include <hawser/app/link_watch.hpp>
#include <hawser/app/serve.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

namespace hawser::process {
namespace {

constexpr std::uint16_t kMaxDevices = 32;
constexpr std::uint16_t kMaxCopiedQueues = 64;  ///< Of all devices together: a courier holds 25 KiB for each.
constexpr Duration kLookInterval = milliseconds(100);
using Makers = std::vector<MakeServed>;
using Waiting = ivshmem::WaitPlace;

/// Who serves, and whom, in words.
std::string place_name(const LinkAddress& address, unsigned own) {
  if (address.carrier == Carrier::kArgo)
    return fmt::format("domain {} as domain {} of the broker on {}", address.peer, own, address.socket);
  if (address.carrier == Carrier::kXen) return fmt::format("domain {} over Xen's Argo", address.peer);
  return fmt::format("as peer {} of {}", own, address.socket);
}

/// Nobody's loss in a guest: its windows have no server, nor has Xen.
bool server_alive(const ivshmem::SocketPort& port) {
  return port.server_alive();
}
bool server_alive(const MappedPort&) {
  return true;
}
std::string server_loss(const ivshmem::SocketPort& port) {
  return port.server_loss();
}
std::string server_loss(const MappedPort&) {
  return "";
}

/// Tells of what changed since the last look, and has the link mended.
template <ManagedLink L, class P>
class Watch {
 public:
  Watch(L& link, const P& port, const ServeOptions& options)
      : link_(link), port_(port), options_(options), say_(options.say), watch_(link) {}

  void look(bool up) {
    if (server_ && !server_alive(port_)) lose_server();
    switch (watch_.look(up)) {
      case app::LinkNews::kNothing:
        break;
      case app::LinkNews::kUp:
        say_(fmt::format("link up, epoch {}/{}", link_.epoch().own, link_.epoch().peer));
        break;
      case app::LinkNews::kDown:
        say_("link down");
        break;
      case app::LinkNews::kBroken:
        say_(fmt::format("link broken: {}; starting it anew", watch_.reason()));
        break;
      case app::LinkNews::kStandingBy:
        say_(fmt::format("{}; standing by until it is gone", watch_.reason()));
        break;
      case app::LinkNews::kOurs:
        say_("the other party is gone; this link is served from here again");
        break;
      case app::LinkNews::kNotForUs:
        throw std::runtime_error(watch_.reason());
    }
  }

 private:
  /// Two peers of a window need its server no more; domains need their broker for every message.
  void lose_server() {
    if (options_.link.carrier == Carrier::kArgo)
      throw std::runtime_error(fmt::format("{} ({}: {})", argo::describe(argo::Error::kBrokerGone),
                                           options_.link.socket, server_loss(port_)));
    server_ = false;
    say_(fmt::format("the server is gone ({}); this link goes on, but no new peer can join",
                     server_loss(port_)));
  }

  L& link_;
  const P& port_;
  const ServeOptions& options_;
  const Say& say_;
  app::LinkWatch<L> watch_;
  bool server_ = true;
};

enum class Place : std::uint8_t {
  kOurs,
  kSomebodyElses,
  kStopped,
};

/// Waits until the end of the link is ours: one who holds it may be dead. Before that, no file is opened and no
/// interface made.
template <ManagedLink L, class P>
Place take_place(L& link, P& port, const ServeOptions& options) {
  // There it is the other domain that is waited for.
  bool patient = options.link.carrier != Carrier::kArgo && options.link.carrier != Carrier::kXen;
  const Instant soon = port.now() + seconds(1);
  while (!link.holds_end() && link.state() != LinkState::kBroken) {
    if (port.wait(port.now() + milliseconds(20)) == Wake::kCancelled) return Place::kStopped;
    if (!patient && port.now() >= soon) {
      patient = true;
      options.say(fmt::format("domain {}, the peer of this link, is not there yet: waiting for it",
                              options.link.peer));
    }
    link.poll();
  }
  if (link.state() != LinkState::kBroken) return Place::kOurs;
  if (link.broken_by() == BrokenBy::kRival) return Place::kSomebodyElses;
  throw std::runtime_error(link.broken_reason());
}

/// Where bytes are copied, a table has the queues of all devices. A driver would only see that some do not exist.
template <class L>
void check_queues(const std::vector<std::unique_ptr<Served>>& devices) {
  if constexpr (requires { L::kMaxQueues; }) {
    unsigned queues = 0;
    for (const auto& device : devices) queues += device->model().queue_count();
    if (queues > L::kMaxQueues)
      throw std::invalid_argument(fmt::format(
          "these devices have {} queues; over Argo at most {} can be served", queues, L::kMaxQueues));
  }
}

template <ManagedLink L, class P>
bool serve_on(L& link, P& port, unsigned own, const ServeOptions& options, const Makers& makers) {
  if (const auto place = take_place(link, port, options); place != Place::kOurs) {
    options.say(place == Place::kStopped
                    ? "stopped"
                    : fmt::format("{}: stop that one first, or serve another link", link.broken_reason()));
    return place == Place::kStopped;
  }
  // Before the devices, which hold queues that are timed there, to their end.
  StageBoard board("serve", describe(options.link));
  std::vector<std::unique_ptr<Served>> devices;
  for (const auto& make : makers) devices.push_back(make(options.say));
  check_queues<L>(devices);
  const virtio::msg::DeviceBusOptions bus_options{.stages = board.book()};
  auto bus = std::make_unique<virtio::msg::DeviceBus<L, kMaxDevices, kMaxQueues>>(link, bus_options);
  for (auto& device : devices) {
    const auto number = bus->add(device->model());
    if (!number.ok()) throw std::logic_error("the bus has room for every device that can be written");
    options.say(fmt::format("serving device {}: {}", *number, device->describe()));
    // Each turn looks at every queue. What stays ready after that waits for the driver (for buffers, or for a queue that
    // it has reset), and must not wake us over and over.
    for (const int fd : device->wake_fds()) port.watch(fd, *number, Waiting::kReadable | Waiting::kChanges);
  }
  options.say("serving " + place_name(options.link, own));

  Watch<L, P> watch(link, port, options);
  Instant look_at = link.now();
  while (app::serve_turn(*bus, options.spin) != Wake::kCancelled) {
    watch.look(bus->up());
    if (link.now() < look_at) continue;
    for (auto& device : devices) device->look();
    look_at = link.now() + kLookInterval;
  }
  // What is under way in the driver's memory ends before the driver reads that we have left, and uses it again; and
  // whoever takes our place finds files and interfaces free.
  bus.reset();
  devices.clear();
  link.leave();
  options.say("stopped");
  return true;
}

/// `argo` carries hypercalls out, `port` is where the process waits.
template <argo::Port A, class P>
bool serve_copied(A& argo, P& port, unsigned own, const ServeOptions& options, const Makers& makers) {
  std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(argo.memory().size()));
  auto ends = std::make_unique<app::ArgoDeviceEnd<A, kMaxCopiedQueues>>(
      argo, argo_options(options.link, argo::Role::kDevice, argo.memory().size()), bitmap,
      virtio::courier::DeviceEndOptions{.placement = options.link.placement});
  return serve_on(ends->end, port, own, options, makers);
}

template <class P>
bool serve_window(P& port, const ServeOptions& options, const Makers& makers) {
  const std::string name = host_name();
  ivshmem::Link<P> link(port, {.role = ivshmem::Role::kDevice,
                               .number = options.link.number,
                               .links_if_new = options.link.links,
                               .queue_kind = options.queue_kind,
                               .name = name});
  (void)app::attached(link);  // else taking our place there fails with the reason
  return serve_on(link, port, port.own_id(), options, makers);
}

template <class P>
bool serve_in_guest(const ServeOptions& options, const Makers& makers) {
  P port(options.link.socket);
  const StopSignals signals(port.wait_place());
  if (const std::string note = port.memory_note(); !note.empty()) options.say(note);
  return serve_window(port, options, makers);
}

}  // namespace

bool serve(const ServeOptions& options) {
  Makers makers;
  const bool in_a_guest = options.link.carrier == Carrier::kGuest || options.link.carrier == Carrier::kVfio ||
                          options.link.carrier == Carrier::kXen;
  for (const auto& words : options.devices)
    makers.push_back(parse_served(words, static_cast<unsigned>(makers.size()), !in_a_guest));
  if (makers.empty() || makers.size() > kMaxDevices) {
    throw std::invalid_argument(
        fmt::format("1 to {} devices can be served, not {}", kMaxDevices, makers.size()));
  }
  const IgnoredSignal no_reader(SIGPIPE);  // a console's standard output may be closed by whoever read it
  if (options.link.carrier == Carrier::kGuest) return serve_in_guest<GuestPort>(options, makers);
  if (options.link.carrier == Carrier::kVfio) return serve_in_guest<VfioPort>(options, makers);
  if (options.link.carrier == Carrier::kXen) {
    XenPort port(options.link.socket);
    const StopSignals signals(port.wait_place());
    return serve_copied(port, port, 0, options, makers);
  }
  ivshmem::SocketPort port(client_options(options.link));
  const StopSignals signals(port.wait_place());
  if (options.link.carrier == Carrier::kArgo) {
    ArgoPort argo(port);
    attach(argo, options.link);
    return serve_copied(argo, port, argo.domain(), options, makers);
  }
  return serve_window(port, options, makers);
}

}  // namespace hawser::process
