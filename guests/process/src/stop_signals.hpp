// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// SIGTERM and SIGINT cancel the waits in one place, for as long as the object lives.
#pragma once

#include <hawser/ivshmem/client/wait_place.hpp>

#include <signal.h>

namespace hawser::process {

class StopSignals {
 public:
  explicit StopSignals(ivshmem::WaitPlace& place) {
    place_ = &place;
    struct sigaction action {};
    action.sa_handler = [](int) {
      asked_ = 1;
      if (place_ != nullptr) place_->cancel();
    };
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGTERM, &action, &before_[0]);
    ::sigaction(SIGINT, &action, &before_[1]);
  }
  ~StopSignals() {
    ::sigaction(SIGTERM, &before_[0], nullptr);
    ::sigaction(SIGINT, &before_[1], nullptr);
    place_ = nullptr;
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  bool asked() const { return asked_ != 0; }

 private:
  static inline ivshmem::WaitPlace* volatile place_ = nullptr;  // a handler has no other way to know it
  static inline volatile sig_atomic_t asked_ = 0;
  struct sigaction before_[2];
};

/// As long as it lives, that signal does nothing.
class IgnoredSignal {
 public:
  explicit IgnoredSignal(int number) : number_(number) {
    struct sigaction action {};
    action.sa_handler = SIG_IGN;
    sigemptyset(&action.sa_mask);
    ::sigaction(number_, &action, &before_);
  }
  ~IgnoredSignal() { ::sigaction(number_, &before_, nullptr); }
  IgnoredSignal(const IgnoredSignal&) = delete;
  IgnoredSignal& operator=(const IgnoredSignal&) = delete;

 private:
  int number_;
  struct sigaction before_;
};

}  // namespace hawser::process
