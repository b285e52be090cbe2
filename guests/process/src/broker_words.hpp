// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a client of a broker calls it: its protocol is an ivshmem server's, its users know nothing of that.
#pragma once

#include <hawser/ivshmem/client/client.hpp>

#include <fmt/format.h>

#include <string>

namespace hawser::process {

inline ivshmem::ServerWords broker_words(const std::string& socket) {
  return {.name = "Argo broker",
          .full = "another process or guest is this domain already: stop that one, or join as another domain",
          .start = fmt::format("hawser argo-broker --domain ID:{}", socket)};
}

}  // namespace hawser::process
