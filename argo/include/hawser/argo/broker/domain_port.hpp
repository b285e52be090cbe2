// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Domains in one process, with virtual or real time: for the tests of everything above argo::Port, and for whoever
// embeds it.
#pragma once

#include <hawser/argo/broker/xen.hpp>
#include <hawser/argo/port.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>

namespace hawser::argo::broker {

/// A Xen that several DomainPorts share, and its clock.
class House {
 public:
  enum class Time : std::uint8_t {
    kVirtual,  ///< One thread. Time passes in wait() and in advance().
    kReal,     ///< Each port may have a thread of its own.
  };

  explicit House(Options options = {}, Time time = Time::kVirtual);

  /// Calls f(Xen&) while no port does anything.
  template <class F>
  auto with(F&& f) {
    const std::scoped_lock lock(mutex_);
    return f(xen_);
  }

  Instant now() const;
  /// Lets time pass: virtual time moves at once, real time sleeps.
  void advance(Duration span);
  Time time() const { return time_; }

 private:
  friend class DomainPort;

  const Time time_;
  std::uint64_t virtual_ns_ = 1;
  mutable std::mutex mutex_;
  std::condition_variable signalled_;
  Xen xen_;
};

/// A domain from construction to destruction: then it is destroyed, as by `xl destroy`. A domain that merely stops
/// (Xen's shutdown, and all that can happen under dom0less) is one whose port is not used any more.
/// Satisfies argo::Port.
class DomainPort {
 public:
  static constexpr std::size_t kDefaultBytes = 1 << 20;

  /// @param bytes  of memory(); whole pages.
  /// Traps when the id is taken or reserved.
  DomainPort(House& house, DomainId id, std::size_t bytes = kDefaultBytes);
  ~DomainPort();
  DomainPort(const DomainPort&) = delete;
  DomainPort& operator=(const DomainPort&) = delete;

  std::span<std::byte> memory() const { return window_.subspan(kPageBytes); }
  std::uint64_t frame(const std::byte* page) const {
    return static_cast<std::uint64_t>(page - window_.data()) / kPageBytes;
  }
  std::int64_t hypercall(Command command, void* arg1, void* arg2, std::uint32_t arg3, std::uint32_t arg4);
  bool take_signal();
  /// Virtual time: lets `idle` run and a millisecond pass, until something ends it.
  Wake wait(Instant until);
  Instant now() const { return house_.now(); }

  /// Beyond the concept: any command, arguments as wide as the registers.
  std::int64_t raw(std::uint32_t command, std::uint64_t arg1, std::uint64_t arg2, std::uint64_t arg3,
                   std::uint64_t arg4);
  DomainId id() const { return id_; }
  /// From any thread: ends this wait() or the next as kCancelled.
  void cancel();

  std::function<void()> idle;    ///< Virtual time: what others do while this domain waits.
  std::uint64_t hypercalls = 0;  ///< How many this port has made.

 private:
  struct FreePages {
    void operator()(std::byte* pages) const;
  };

  House& house_;
  const DomainId id_;
  std::unique_ptr<std::byte[], FreePages> pages_;
  std::span<std::byte> window_;
  std::uint32_t signals_ = 0;  // guarded by the house
  std::uint32_t taken_ = 0;
  std::uint32_t waited_ = 0;
  bool cancelled_ = false;
};

static_assert(Port<DomainPort>);

}  // namespace hawser::argo::broker
