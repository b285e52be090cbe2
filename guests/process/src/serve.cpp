// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/run.hpp>
#include <hawser/process/served.hpp>

#include "stop_signals.hpp"

#include <hawser/app/link_watch.hpp>
#include <hawser/app/serve.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <stdexcept>

namespace hawser::process {
namespace {

using SocketLink = ivshmem::Link<ivshmem::SocketPort>;
constexpr std::uint16_t kMaxDevices = 32;
constexpr Duration kLookInterval = milliseconds(100);
using Bus = virtio::msg::DeviceBus<SocketLink, kMaxDevices, kMaxQueues>;

/// Tells of what changed since the last look, and has the link mended.
class Watch {
 public:
  Watch(SocketLink& link, const ivshmem::SocketPort& port, const Say& say)
      : link_(link), port_(port), say_(say), watch_(link) {}

  void look(bool up) {
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
    if (server_ && !port_.server_alive()) {
      server_ = false;
      say_(fmt::format("the server is gone ({}); this link goes on, but no new peer can join",
                       port_.server_loss()));
    }
  }

 private:
  SocketLink& link_;
  const ivshmem::SocketPort& port_;
  const Say& say_;
  app::LinkWatch<SocketLink> watch_;
  bool server_ = true;
};

enum class Place : std::uint8_t {
  kOurs,
  kSomebodyElses,
  kStopped,
};

/// Waits until the end of the link is ours: one who holds it may be dead. Before that, no file is opened and no
/// interface made.
Place take_place(SocketLink& link, ivshmem::SocketPort& port) {
  while (!link.holds_end() && link.state() != LinkState::kBroken) {
    if (port.wait(port.now() + milliseconds(20)) == Wake::kCancelled) return Place::kStopped;
    link.poll();
  }
  if (link.state() != LinkState::kBroken) return Place::kOurs;
  if (link.broken_by() == BrokenBy::kRival) return Place::kSomebodyElses;
  throw std::runtime_error(link.broken_reason());
}

}  // namespace

bool serve(const ServeOptions& options) {
  std::vector<MakeServed> makers;
  for (const auto& words : options.devices)
    makers.push_back(parse_served(words, static_cast<unsigned>(makers.size())));
  if (makers.empty() || makers.size() > kMaxDevices) {
    throw std::invalid_argument(
        fmt::format("1 to {} devices can be served, not {}", kMaxDevices, makers.size()));
  }
  const IgnoredSignal no_reader(SIGPIPE);  // a console's standard output may be closed by whoever read it
  ivshmem::SocketPort port(client_options(options.link));
  const StopSignals signals(port);
  SocketLink link(port, {.role = ivshmem::Role::kDevice,
                         .number = options.link.number,
                         .links_if_new = options.link.links,
                         .queue_kind = options.queue_kind});
  if (const auto place = take_place(link, port); place != Place::kOurs) {
    options.say(place == Place::kStopped
                    ? "stopped"
                    : fmt::format("{}: stop that one first, or serve another link", link.broken_reason()));
    return place == Place::kStopped;
  }
  std::vector<std::unique_ptr<Served>> devices;
  for (const auto& make : makers) devices.push_back(make(options.say));
  auto bus = std::make_unique<Bus>(link);
  for (auto& device : devices) {
    const auto number = bus->add(device->model());
    if (!number.ok()) throw std::logic_error("the bus has room for every device that can be written");
    options.say(fmt::format("serving device {}: {}", *number, device->describe()));
    for (const int fd : device->wake_fds()) port.watch(fd, *number);
  }
  options.say(fmt::format("serving as peer {} of {}", port.own_id(), options.link.socket));

  Watch watch(link, port, options.say);
  Instant look_at = link.now();
  while (app::serve_turn(*bus, options.spin) != Wake::kCancelled) {
    watch.look(bus->up());
    if (link.now() < look_at) continue;
    for (auto& device : devices) device->look();
    look_at = link.now() + kLookInterval;
  }
  link.leave();
  options.say("stopped");
  return true;
}

}  // namespace hawser::process
