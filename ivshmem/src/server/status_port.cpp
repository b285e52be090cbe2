// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/status_port.hpp>

#include "listener.hpp"
#include "socket_io.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace hawser::ivshmem {

StatusPort::StatusPort(const std::string& path)
    : listener_(std::make_unique<Listener>(path, 0600, std::nullopt)) {}
StatusPort::~StatusPort() = default;

int StatusPort::fd() const {
  return listener_->fd();
}

void StatusPort::accept(const std::string& line, Instant now) {
  UniqueFd socket(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket || readers_.size() >= kMaxReaders) return;
  const auto who = credentials_of(socket.raw());
  if (!who || (who->uid != ::geteuid() && who->uid != 0)) return;
  Reader reader{std::move(socket), line + "\n", now + seconds(1)};
  if (!finished(reader)) readers_.push_back(std::move(reader));
}

bool StatusPort::finished(Reader& reader) {
  while (!reader.rest.empty()) {
    const ssize_t n = ::send(reader.socket.raw(), reader.rest.data(), reader.rest.size(), MSG_NOSIGNAL);
    if (n < 0) return errno != EAGAIN && errno != EINTR;
    reader.rest.erase(0, static_cast<std::size_t>(n));
  }
  return true;
}

void StatusPort::tick(Instant now) {
  readers_.remove_if([&](Reader& reader) { return finished(reader) || now >= reader.until; });
}

}  // namespace hawser::ivshmem
