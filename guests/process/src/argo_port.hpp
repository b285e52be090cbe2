// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A process as a domain of a broker.
#pragma once

#include <hawser/process/link_address.hpp>

#include <hawser/argo/broker_port.hpp>
#include <hawser/argo/link_options.hpp>
#include <hawser/ivshmem/client/socket_port.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <random>
#include <stdexcept>

namespace hawser::process {

/// The window of our domain, through which the broker carries out hypercalls.
using ArgoPort = argo::BrokerPort<ivshmem::SocketPort>;

/// Throws with one sentence if there is no broker, or if the other side is to be this very domain.
inline void attach(ArgoPort& port, const LinkAddress& address) {
  if (const auto attached = port.attach(); !attached.ok())
    throw std::runtime_error(fmt::format("{}: {}", address.socket, argo::describe(attached.error())));
  if (port.domain() != address.peer) return;
  throw std::invalid_argument(fmt::format("peer={} is the domain of {} itself; write the other side's",
                                          address.peer, address.socket));
}

/// A ring for parcels that leaves most of the window to buffers.
inline argo::LinkOptions argo_options(const LinkAddress& address, argo::Role role, std::size_t memory) {
  argo::LinkOptions options{.role = role, .peer = address.peer, .number = address.number};
  options.noise = std::random_device{}();
  while (options.data_bytes > (64u << 10) && options.data_bytes > memory / 8) options.data_bytes /= 2;
  return options;
}

}  // namespace hawser::process
