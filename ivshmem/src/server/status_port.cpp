// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/status_port.hpp>

#include "listener.hpp"
#include "socket_io.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace hawser::ivshmem {
namespace {

constexpr Duration kReaderTick = milliseconds(20);

}  // namespace

StatusPort::StatusPort(const std::string& path, const ServerLoop& loop, std::uint64_t token)
    : loop_(loop), token_(token), listener_(std::make_unique<Listener>(path, 0600, std::nullopt)) {
  loop_.watch(listener_->fd(), EPOLLIN, token_);
}
StatusPort::~StatusPort() = default;

void StatusPort::accept(const std::function<std::string()>& line, Instant now) {
  UniqueFd socket(::accept4(listener_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    if (out_of_room(errno)) pause(now);
    return;
  }
  if (readers_.size() >= kMaxReaders) return;
  const auto who = credentials_of(socket.raw());
  if (!who || (who->uid != ::geteuid() && who->uid != 0)) return;
  Reader reader{std::move(socket), line() + "\n", now + seconds(1)};
  if (!finished(reader)) readers_.push_back(std::move(reader));
}

void StatusPort::pause(Instant now) {
  (void)loop_.try_watch(listener_->fd(), 0, token_);
  paused_until_ = now + kAcceptPause;
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
  if (!paused_until_ || now < *paused_until_) return;
  paused_until_.reset();
  (void)loop_.try_watch(listener_->fd(), EPOLLIN, token_);
}

Instant StatusPort::due(Instant now) const {
  const Instant due = paused_until_.value_or(Instant::never());
  return readers_.empty() ? due : std::min(due, now + kReaderTick);
}

}  // namespace hawser::ivshmem
