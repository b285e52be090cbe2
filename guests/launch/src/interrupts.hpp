// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// SIGINT, SIGTERM and SIGHUP as something to poll: everything that this process started goes down in order then. SIGPIPE is
// nothing: whoever read what is said may go away, and files and processes would be left behind.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace hawser::launch {

class Interrupts {
 public:
  Interrupts() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
    struct sigaction nothing {};
    nothing.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &nothing, &pipe_before_);
    fd_ = ivshmem::UniqueFd(::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~Interrupts() {
    ::sigaction(SIGPIPE, &pipe_before_, nullptr);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  int fd() const { return fd_.raw(); }
  /// Consumes what came, so that it does not strike when the mask is put back.
  void take() const {
    signalfd_siginfo info;
    while (::read(fd_.raw(), &info, sizeof info) == sizeof info) {
    }
  }

 private:
  sigset_t set_, before_;
  struct sigaction pipe_before_;
  ivshmem::UniqueFd fd_;
};

}  // namespace hawser::launch
