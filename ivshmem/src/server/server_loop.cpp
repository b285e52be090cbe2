// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/server_loop.hpp>

#include <hawser/ivshmem/server/clock.hpp>
#include <hawser/ivshmem/server/error.hpp>

#include <sys/epoll.h>
#include <sys/resource.h>

#include <array>
#include <cerrno>

namespace hawser::ivshmem {
namespace {

constexpr std::uint64_t kControl = 0, kSignals = 1;

int control_epoll(int epoll, int how, int fd, std::uint32_t events, std::uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  return ::epoll_ctl(epoll, how, fd, &event);
}

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

ServerLoop::ServerLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) Error::raise("the server cannot start: {}", system_words(errno));
}

void ServerLoop::watch(int fd, std::uint32_t events, std::uint64_t token) const {
  if (control_epoll(epoll_.raw(), EPOLL_CTL_ADD, fd, events, token) != 0)
    Error::raise("the server cannot watch a descriptor: {}", system_words(errno));
}

bool ServerLoop::try_watch(int fd, std::uint32_t events, std::uint64_t token) const {
  return control_epoll(epoll_.raw(), EPOLL_CTL_ADD, fd, events, token) == 0 ||
         (errno == EEXIST && control_epoll(epoll_.raw(), EPOLL_CTL_MOD, fd, events, token) == 0);
}

void ServerLoop::unwatch(int fd) const {
  ::epoll_ctl(epoll_.raw(), EPOLL_CTL_DEL, fd, nullptr);
}

void ServerLoop::run(ServerControl& control, const Turn& turn) const {
  watch(control.fd(), EPOLLIN, kControl);
  if (control.signal_fd() >= 0) watch(control.signal_fd(), EPOLLIN, kSignals);
  std::array<epoll_event, 64> events;
  for (bool stop = false; !stop;) {
    const int n = ::epoll_wait(epoll_.raw(), events.data(), events.size(), turn.timeout(monotonic_now()));
    const Instant now = monotonic_now();
    for (int i = 0; i < n; ++i) {
      const std::uint64_t token = events[static_cast<std::size_t>(i)].data.u64;
      if (token >= kFirstToken) {
        turn.ready(token, now);
        continue;
      }
      const auto wishes = control.take();
      stop = stop || wishes.stop;
      if (wishes.reload) turn.reload();
    }
    turn.after(now);
  }
  unwatch(control.fd());
  if (control.signal_fd() >= 0) unwatch(control.signal_fd());
}

}  // namespace hawser::ivshmem
