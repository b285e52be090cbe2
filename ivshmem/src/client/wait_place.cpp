// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "doorbell.hpp"

#include <hawser/ivshmem/client/wait_place.hpp>
#include <hawser/ivshmem/server/clock.hpp>
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
  kDoorbell = 2,
  kWatched = 3,
  kEdge = 4
};
constexpr std::uint64_t token_of(Source source, std::uint32_t which) {
  return source << 32 | which;
}

}  // namespace

WaitPlace::WaitPlace()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), cancel_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!epoll_ || !cancel_) Error::raise("no descriptor left to wait on: {}", system_words(errno));
  add(cancel_.raw(), token_of(kCancel, 0));
}

void WaitPlace::add(int fd, std::uint64_t token, std::uint32_t how) {
  epoll_event event{};
  event.events = EPOLLIN | how;
  event.data.u64 = token;
  if (::epoll_ctl(epoll_.raw(), EPOLL_CTL_ADD, fd, &event) != 0) {
    Error::raise("a doorbell cannot be watched: {}", system_words(errno));
  }
}

void WaitPlace::add_doorbell(int fd) {
  add(fd, token_of(kDoorbell, static_cast<std::uint32_t>(fd)));
}

void WaitPlace::add_kernels_doorbell(int fd) {
  add(fd, token_of(kEdge, 0), EPOLLET);
}

void WaitPlace::add_server(int fd) {
  add(fd, token_of(kServer, 0));
}

/// As epoll_wait, but with nanoseconds.
int WaitPlace::sleep(void* events, int room, Instant deadline) {
  const Duration left = elapsed(monotonic_now(), deadline);
  const timespec time{static_cast<time_t>(left.ns / 1'000'000'000),
                      static_cast<long>(left.ns % 1'000'000'000)};
  const timespec* limit = deadline == Instant::never() ? nullptr : &time;
  auto* const list = static_cast<epoll_event*>(events);
  const int n = ::epoll_pwait2(epoll_.raw(), list, room, limit, nullptr);
  if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n;
  pollfd p{epoll_.raw(), POLLIN, 0};  // kernels before 5.11, and filters of system calls that do not know it
  const int ready = ::ppoll(&p, 1, limit, nullptr);
  return ready <= 0 ? ready : ::epoll_wait(epoll_.raw(), list, room, 0);
}

Wake WaitPlace::wait(Instant deadline) {
  ready_.clear();
  server_spoke_ = false;
  std::array<epoll_event, 64> events;
  const int n = sleep(events.data(), static_cast<int>(events.size()), deadline);
  if (n < 0 && errno != EINTR) Error::raise("the doorbells cannot be waited for: {}", system_words(errno));
  if (n == 0) return Wake::kTimeout;
  bool cancelled = false;
  for (int i = 0; i < n; ++i) {
    const std::uint64_t token = events[static_cast<std::size_t>(i)].data.u64;
    const auto which = static_cast<std::uint32_t>(token);
    switch (static_cast<Source>(token >> 32)) {
      case kServer:
        server_spoke_ = true;
        break;
      case kCancel:
        cancelled = true;
        break;
      case kDoorbell:
        drain_doorbell(static_cast<int>(which));
        break;
      case kEdge:
        break;
      case kWatched:
        ready_.push_back(which);
        break;
    }
  }
  return cancelled ? Wake::kCancelled : Wake::kRung;
}

void WaitPlace::cancel() noexcept {
  const int saved = errno;
  const std::uint64_t one = 1;
  (void)!::write(cancel_.raw(), &one, sizeof one);
  errno = saved;
}

void WaitPlace::resume() {
  drain_doorbell(cancel_.raw());
}

void WaitPlace::watch(int fd, std::uint32_t token, int interest) {
  epoll_event event{};
  if ((interest & kReadable) != 0) event.events |= EPOLLIN;
  if ((interest & kWritable) != 0) event.events |= EPOLLOUT;
  if ((interest & kChanges) != 0) event.events |= EPOLLET;
  event.data.u64 = token_of(kWatched, token);
  if (::epoll_ctl(epoll_.raw(), EPOLL_CTL_ADD, fd, &event) == 0) return;
  if (errno == EEXIST && ::epoll_ctl(epoll_.raw(), EPOLL_CTL_MOD, fd, &event) == 0) return;
  Error::raise("descriptor {} cannot be watched: {}", fd, system_words(errno));
}

void WaitPlace::unwatch(int fd) noexcept {
  ::epoll_ctl(epoll_.raw(), EPOLL_CTL_DEL, fd, nullptr);
}

}  // namespace hawser::ivshmem
