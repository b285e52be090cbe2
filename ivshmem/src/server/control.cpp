// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/control.hpp>
#include <hawser/ivshmem/server/error.hpp>

#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace hawser::ivshmem {

ServerControl::ServerControl() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) Error::raise("no eventfd for the server's control: {}", system_words(errno));
}

ServerControl::~ServerControl() {
  if (signals_) ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
}

void ServerControl::take_signals() {
  if (signals_) return;
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, &old_mask_);
  signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) {
    const int error = errno;
    ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    Error::raise("no signalfd for the server: {}", system_words(error));
  }
}

void ServerControl::poke() noexcept {
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(event_.raw(), &one, sizeof one);  // EAGAIN: it is readable anyway
  errno = saved;
}

void ServerControl::stop() noexcept {
  stop_ = true;
  poke();
}

void ServerControl::reload() noexcept {
  reload_ = true;
  poke();
}

ServerControl::Wishes ServerControl::take() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto n = ::read(event_.raw(), &count, sizeof count);
  signalfd_siginfo info{};
  while (signals_ && ::read(signals_.raw(), &info, sizeof info) == sizeof info) {
    (info.ssi_signo == SIGHUP ? reload_ : stop_) = true;
  }
  return {stop_.exchange(false), reload_.exchange(false)};
}

}  // namespace hawser::ivshmem
