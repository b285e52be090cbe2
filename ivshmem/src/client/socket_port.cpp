// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/client/socket_port.hpp>
#include <hawser/ivshmem/server/clock.hpp>

namespace hawser::ivshmem {

SocketPort::SocketPort(const ClientOptions& options) : client_(options) {
  if (client_.server_alive()) place_.add_server(client_.server_fd());
  watch_new_vectors();
}

void SocketPort::watch_new_vectors() {
  for (; watched_vectors_ < client_.vectors(); ++watched_vectors_)
    place_.add_doorbell(client_.vector_fd(watched_vectors_));
}

Instant SocketPort::now() const {
  return monotonic_now();
}

Wake SocketPort::wait(Instant deadline) {
  watch_new_vectors();  // of which ring() may have heard
  const Wake wake = place_.wait(deadline);
  if (place_.server_spoke()) client_.pump();
  return wake;
}

}  // namespace hawser::ivshmem
