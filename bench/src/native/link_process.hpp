// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The processes beside a rig, and what they share with it.
#pragma once

#include <hawser/bench/machine.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include <sched.h>
#include <sys/types.h>

namespace hawser::bench {

/// What the driver side tells the device side, and what it wants to know of it.
struct LinkControl {
  std::atomic<std::uint32_t> waiting{2};  ///< A Waiting; until somebody measures, kNever.
  std::atomic<bool> stop{false};
  std::atomic<bool> mirror{false};  ///< A network: frames come back.
  alignas(128) std::atomic<std::uint64_t> doorbells{0};
  std::atomic<std::uint64_t> wakes{0};
  std::atomic<std::uint64_t> hypercalls{0};
  std::atomic<std::uint64_t> frames{0};  ///< Of a network: seen by the device side.
  std::atomic<int> thread{0};            ///< Of the device side, as the kernel counts.
};

/// The calling thread is the device side's, from now on, on its core.
void settle(LinkControl& control, Cores cores);

/// One that child processes see too.
class SharedControl {
 public:
  SharedControl();
  ~SharedControl();
  SharedControl(const SharedControl&) = delete;
  SharedControl& operator=(const SharedControl&) = delete;
  LinkControl& operator*() const { return *control_; }
  LinkControl* operator->() const { return control_; }

 private:
  LinkControl* control_;
};

/// A child that does one thing. It dies with this process, and at the latest with this object.
class LinkProcess {
 public:
  /// `work` returns when it is done, or throws one sentence, which is told on standard error.
  explicit LinkProcess(const std::function<void()>& work);
  ~LinkProcess();
  LinkProcess(const LinkProcess&) = delete;
  LinkProcess& operator=(const LinkProcess&) = delete;
  pid_t pid() const { return pid_; }
  /// It has ended, and somebody else has waited for it.
  void forget() { pid_ = -1; }

 private:
  pid_t pid_;
};

/// A folder for sockets; gone with this object, or as soon as nobody needs it any more.
class SocketFolder {
 public:
  SocketFolder();
  ~SocketFolder() { remove(); }
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;
  std::string operator/(const char* name) const { return path_ + "/" + name; }
  void remove();

 private:
  std::string path_;
};

/// How often a thread of any process has had to make room for another.
std::uint64_t preemptions_of(int thread);

/// The calling thread runs there while this lives, then where it could before.
class Pinned {
 public:
  explicit Pinned(int core);
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  cpu_set_t before_;
};

}  // namespace hawser::bench
