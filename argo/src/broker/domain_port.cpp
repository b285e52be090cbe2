// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/argo/broker/domain_port.hpp>

#include <chrono>
#include <new>
#include <thread>

namespace hawser::argo::broker {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::align_val_t kPageAlignment{kPageBytes};

}  // namespace

House::House(Options options, Time time) : time_(time), xen_(std::move(options)) {}

Instant House::now() const {
  if (time_ == Time::kVirtual) return {virtual_ns_};
  return {static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now().time_since_epoch()).count())};
}

void House::advance(Duration span) {
  if (time_ == Time::kVirtual) {
    virtual_ns_ += span.ns;
  } else {
    std::this_thread::sleep_for(std::chrono::nanoseconds(span.ns));
  }
  const std::scoped_lock lock(mutex_);
  xen_.advance(now());
}

void DomainPort::FreePages::operator()(std::byte* pages) const {
  ::operator delete[](pages, kPageAlignment);
}

DomainPort::DomainPort(House& house, DomainId id, std::size_t bytes)
    : house_(house),
      id_(id),
      pages_(static_cast<std::byte*>(::operator new[](kPageBytes + bytes, kPageAlignment))),
      window_(pages_.get(), kPageBytes + bytes) {
  std::fill(window_.begin(), window_.end(), std::byte{0});
  const std::scoped_lock lock(house_.mutex_);
  if (!house_.xen_.create(id_, window_)) __builtin_trap();
  house_.xen_.bind(id_, [this] {
    ++signals_;
    house_.signalled_.notify_all();
  });
}

DomainPort::~DomainPort() {
  const std::scoped_lock lock(house_.mutex_);
  house_.xen_.remove(id_);
}

std::int64_t DomainPort::hypercall(Command command, void* arg1, void* arg2, std::uint32_t arg3,
                                   std::uint32_t arg4) {
  return raw(static_cast<std::uint32_t>(command), reinterpret_cast<std::uintptr_t>(arg1),
             reinterpret_cast<std::uintptr_t>(arg2), arg3, arg4);
}

std::int64_t DomainPort::raw(std::uint32_t command, std::uint64_t arg1, std::uint64_t arg2,
                             std::uint64_t arg3, std::uint64_t arg4) {
  const std::scoped_lock lock(house_.mutex_);
  ++hypercalls;
  const auto base = reinterpret_cast<std::uintptr_t>(window_.data());
  return house_.xen_.hypercall(id_, {command, arg1, arg2, arg3, arg4, base}, house_.now());
}

bool DomainPort::take_signal() {
  const std::scoped_lock lock(house_.mutex_);
  return std::exchange(taken_, signals_) != signals_;
}

void DomainPort::cancel() {
  const std::scoped_lock lock(house_.mutex_);
  cancelled_ = true;
  house_.signalled_.notify_all();
}

Wake DomainPort::wait(Instant until) {
  std::unique_lock lock(house_.mutex_);
  for (;;) {
    house_.xen_.advance(house_.now());
    if (std::exchange(cancelled_, false)) return Wake::kCancelled;
    if (std::exchange(waited_, signals_) != signals_) return Wake::kRung;
    if (house_.now() >= until) return Wake::kTimeout;
    if (house_.time() == House::Time::kVirtual) {
      lock.unlock();
      house_.virtual_ns_ += std::min(milliseconds(1), elapsed(house_.now(), until)).ns;
      if (idle) idle();
      lock.lock();
    } else {
      const Instant next = std::min({until, house_.xen_.next_due(), house_.now() + seconds(1)});
      house_.signalled_.wait_until(lock, Clock::time_point(std::chrono::nanoseconds(next.ns)));
    }
  }
}

}  // namespace hawser::argo::broker
