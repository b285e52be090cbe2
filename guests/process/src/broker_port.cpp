// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/broker_port.hpp>

#include "broker_words.hpp"

#include <hawser/ivshmem/server/error.hpp>

namespace hawser::process {

BrokerPort::BrokerPort(const BrokerPortAddress& address)
    : window_({.socket = address.socket,
               .words = broker_words(address.socket),
               .patience = address.patience,
               .wait_for_server = true,
               .vectors = argo::page::kVectors}),
      port_(window_, address.port) {
  if (const auto attached = port_.attach(); !attached.ok()) {
    ivshmem::Error::raise("{}: {}", address.socket, argo::describe(attached.error()));
  }
}

}  // namespace hawser::process
