// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The few things the server does to an accepted socket. None of them blocks or raises SIGPIPE.
#pragma once

#include <hawser/ivshmem/server/policy.hpp>
#include <hawser/transport/time.hpp>

#include <cstddef>
#include <optional>
#include <span>

namespace hawser::ivshmem {

/// One message, with a descriptor unless fd is −1. @return bytes taken, or −errno.
long send_message(int socket, std::span<const std::byte> bytes, int fd);

/// Whether accept() failed for want of descriptors or memory. Who comes is still there then, so a loop that goes on watching
/// is told again at once: it looks away for so long.
inline constexpr Duration kAcceptPause = milliseconds(100);
bool out_of_room(int error);

enum class Heard {
  kNothing,
  kBytes,  ///< A client has nothing to say in this protocol.
  kGone,
};

/// Descriptors that came with the bytes never enter this process: no control buffer is offered for them.
Heard listen_to(int socket);

/// Whether the client has read all that was sent.
bool all_was_read(int socket);

/// Nothing if the kernel cannot say.
std::optional<Credentials> credentials_of(int socket);

}  // namespace hawser::ivshmem
