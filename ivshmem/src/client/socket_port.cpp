// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "../server/clock.hpp"
#include "doorbell.hpp"

#include <hawser/ivshmem/client/socket_port.hpp>
#include <hawser/ivshmem/server/error.hpp>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace hawser::ivshmem {
namespace {

// The upper half of an epoll token says what is ready, the lower half which.
enum Source : std::uint64_t {
  kServer = 0,
  kCancel = 1,
  kVector = 2,
  kWatched = 3
};
constexpr std::uint64_t token_of(Source source, std::uint32_t which) {
  return source << 32 | which;
}

}  // namespace

SocketPort::SocketPort(const ClientOptions& options)
    : client_(options),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      cancel_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_ || !cancel_) Error::raise("no descriptor left to wait on: {}", system_words(errno));
  add(cancel_.raw(), token_of(kCancel, 0));
  if (client_.server_alive()) add(client_.server_fd(), token_of(kServer, 0));
  watch_new_vectors();
}

void SocketPort::add(int fd, std::uint64_t token) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = token;
  if (::epoll_ctl(epoll_.raw(), EPOLL_CTL_ADD, fd, &event) != 0) {
    Error::raise("a doorbell cannot be watched: {}", system_words(errno));
  }
}

void SocketPort::watch_new_vectors() {
  for (; watched_vectors_ < client_.vectors(); ++watched_vectors_) {
    add(client_.vector_fd(watched_vectors_), token_of(kVector, watched_vectors_));
  }
}

Instant SocketPort::now() const {
  return monotonic_now();
}

/// As epoll_wait, but with nanoseconds.
int SocketPort::sleep(void* events, int room, Instant deadline) {
  const Duration left = elapsed(now(), deadline);
  const timespec time{static_cast<time_t>(left.ns / 1'000'000'000),
                      static_cast<long>(left.ns % 1'000'000'000)};
  const timespec* limit = deadline == Instant::never() ? nullptr : &time;
  auto* const list = static_cast<epoll_event*>(events);
  const int n = ::epoll_pwait2(epoll_.raw(), list, room, limit, nullptr);
  if (n >= 0 || errno != ENOSYS) return n;
  pollfd p{epoll_.raw(), POLLIN, 0};  // kernels before 5.11
  const int ready = ::ppoll(&p, 1, limit, nullptr);
  return ready <= 0 ? ready : ::epoll_wait(epoll_.raw(), list, room, 0);
}

Wake SocketPort::wait(Instant deadline) {
  ready_.clear();
  std::array<epoll_event, 64> events;
  const int n = sleep(events.data(), static_cast<int>(events.size()), deadline);
  if (n == 0) return Wake::kTimeout;
  bool cancelled = false;
  for (int i = 0; i < n; ++i) {
    const std::uint64_t token = events[static_cast<std::size_t>(i)].data.u64;
    const auto which = static_cast<std::uint32_t>(token);
    switch (static_cast<Source>(token >> 32)) {
      case kServer:
        client_.pump();
        watch_new_vectors();
        break;
      case kCancel:
        cancelled = true;
        break;
      case kVector:
        drain_doorbell(client_.vector_fd(static_cast<std::uint16_t>(which)));
        break;
      case kWatched:
        ready_.push_back(which);
        break;
    }
  }
  return cancelled ? Wake::kCancelled : Wake::kRung;
}

void SocketPort::cancel() noexcept {
  const int saved = errno;
  const std::uint64_t one = 1;
  (void)!::write(cancel_.raw(), &one, sizeof one);
  errno = saved;
}

void SocketPort::resume() {
  drain_doorbell(cancel_.raw());
}

void SocketPort::watch(int fd, std::uint32_t token, int interest) {
  epoll_event event{};
  if ((interest & kReadable) != 0) event.events |= EPOLLIN;
  if ((interest & kWritable) != 0) event.events |= EPOLLOUT;
  event.data.u64 = token_of(kWatched, token);
  if (::epoll_ctl(epoll_.raw(), EPOLL_CTL_ADD, fd, &event) == 0) return;
  if (errno == EEXIST && ::epoll_ctl(epoll_.raw(), EPOLL_CTL_MOD, fd, &event) == 0) return;
  Error::raise("descriptor {} cannot be watched: {}", fd, system_words(errno));
}

void SocketPort::unwatch(int fd) noexcept {
  ::epoll_ctl(epoll_.raw(), EPOLL_CTL_DEL, fd, nullptr);
}

}  // namespace hawser::ivshmem
