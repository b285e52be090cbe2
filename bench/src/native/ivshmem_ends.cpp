// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "ivshmem_ends.hpp"

#include <hawser/ivshmem/server/server.hpp>

namespace hawser::bench {

IvshmemEnds::IvshmemEnds(Cores cores, const Serve& serve, unsigned members)
    : server_([path = socket(), members] {
        ivshmem::ServerControl control;
        ivshmem::Server({.socket = path, .size = kWindow, .vectors = 2, .max_peers = members}).run(control);
      }),
      device_([this, cores, &serve, path = socket()] {
        settle(*control_, cores);
        ivshmem::SocketPort port({.socket = path, .wait_for_server = true});
        Link link(port, {.role = ivshmem::Role::kDevice, .silence = kSilence});
        serve(link, *control_);
      }),
      port_({.socket = socket(), .wait_for_server = true}),
      link_(port_, {.role = ivshmem::Role::kDriver, .silence = kSilence}) {}

}  // namespace hawser::bench
