// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/run.hpp>
#include <hawser/process/served.hpp>

#include "stop_signals.hpp"

#include <hawser/app/serve.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <fmt/format.h>

#include <memory>
#include <stdexcept>

namespace hawser::process {
namespace {

using SocketLink = ivshmem::Link<ivshmem::SocketPort>;
using Bus = virtio::msg::DeviceBus<SocketLink, 32>;

/// Tells of what changed since the last look.
class Watch {
 public:
  Watch(const ivshmem::SocketPort& port, const Say& say) : port_(port), say_(say) {}

  void look(SocketLink& link, bool up) {
    if (up != up_) {
      up_ = up;
      say_(up ? fmt::format("link up, epoch {}/{}", link.epoch().own, link.epoch().peer) : "link down");
    }
    if (server_ && !port_.server_alive()) {
      server_ = false;
      say_(fmt::format("the server is gone ({}); this link goes on, but no new peer can join",
                       port_.server_loss()));
    }
    if (link.state() == LinkState::kBroken) {
      say_(fmt::format("link broken: {}; starting it anew", link.broken_reason()));
      link.reset();
    }
  }

 private:
  const ivshmem::SocketPort& port_;
  const Say& say_;
  bool up_ = false;
  bool server_ = true;
};

}  // namespace

void serve(const ServeOptions& options) {
  std::vector<std::unique_ptr<Served>> devices;
  for (const auto& words : options.devices) devices.push_back(make_served(words));
  if (devices.empty()) throw std::invalid_argument("there is nothing to serve: name at least one --device");

  ivshmem::SocketPort port(client_options(options.link));
  const StopSignals signals(port);
  SocketLink link(port, {.role = ivshmem::Role::kDevice,
                         .number = options.link.number,
                         .links_if_new = options.link.links,
                         .queue_kind = options.queue_kind});
  auto bus = std::make_unique<Bus>(link);
  for (auto& device : devices) {
    const auto number = bus->add(device->model());
    if (!number.ok())
      throw std::runtime_error(fmt::format("the bus has no room for {} devices", devices.size()));
    options.say(fmt::format("serving device {}: {}", *number, device->describe()));
    for (const int fd : device->wake_fds()) port.watch(fd, *number);
  }
  if (link.state() == LinkState::kBroken) throw std::runtime_error(link.broken_reason());
  options.say(fmt::format("serving as peer {} of {}", port.own_id(), options.link.socket));

  Watch watch(port, options.say);
  // A link that turns out to be served by somebody else is no link to serve.
  while (app::serve_turn(*bus, options.spin) != Wake::kCancelled) watch.look(link, bus->up());
  link.leave();
  options.say("stopped");
}

}  // namespace hawser::process
