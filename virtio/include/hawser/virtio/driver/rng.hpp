// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver half of an entropy device (VIRTIO 1.3 §5.4).
#pragma once

#include <hawser/virtio/driver/transport.hpp>
#include <hawser/virtio/spec.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::driver {

enum class RngError : std::uint8_t {
  kNotRunning,
  kTimeout,
  kCancelled,    ///< The wait was cancelled.
  kGaveNothing,  ///< The device completed a request without a single byte (§5.4.6.2 demands one).
};

/// A sentence for logs and reports, without a final period.
const char* describe(RngError error);

/// One request at a time, always of the whole buffer. What the device gives is copied out of shared memory before it is
/// handed on, and wiped there. It is the device's word that it is random: mix it with what else there is. The buffer goes
/// back to the arena in a stop() whose reset is confirmed. A driver that is destroyed before leaves it taken.
template <DriverTransport T>
class Rng {
 public:
  using MemoryType = typename T::MemoryType;
  static constexpr std::uint32_t kBufferBytes = 1024;
  static constexpr std::uint16_t kQueueSize = 8;

  enum class State : std::uint8_t {
    kStopped,
    kRunning,
    kSuspended,
    kBroken,
  };

  explicit Rng(Features queue_features = kQueueFeatures) : queue_features_(queue_features) {}
  Rng(const Rng&) = delete;
  Rng& operator=(const Rng&) = delete;

  Result<void, TransportError> start(T& transport) { return resume(transport); }

  /// The device is gone. An unanswered request is forgotten; resume() asks anew.
  void suspend() {
    if (state_ == State::kStopped) return;
    state_ = State::kSuspended;
    drop();
  }

  Result<void, TransportError> resume(T& transport) {
    suspend();
    transport_ = &transport;
    broken_reason_ = "";
    if (transport.device_id() != VIRTIO_ID_ENTROPY) return Err{TransportError::kNoSuchDevice};
    if (!buffer_) buffer_ = transport.arena().allocate(kBufferBytes);
    if (!buffer_) return Err{TransportError::kNoMemory};
    const auto done = bring_up();
    if (!done.ok()) {
      transport.fail();
      return done;
    }
    state_ = State::kRunning;
    return {};
  }

  void stop() {
    if (transport_ == nullptr) return;
    drop();
    state_ = State::kStopped;
    if (transport_->reset().ok() && buffer_) {  // else the device may still write there
      transport_->arena().release(*buffer_, kBufferBytes);
      buffer_.reset();
    }
    transport_ = nullptr;
  }

  State state() const { return state_; }
  /// A sentence; "" unless broken.
  const char* broken_reason() const { return broken_reason_; }
  Features negotiated() const { return negotiated_; }

  /// Takes what has come and asks for more when there is nothing left. Never waits.
  void poll() {
    if (state_ != State::kRunning) return;
    if (in_flight_) reap();
    if (state_ == State::kRunning && transport_->needs_reset()) broke("the device asks to be reset");
    if (state_ == State::kRunning && !in_flight_ && left_ == 0) ask();
  }

  /// Moves at most out.size() of the bytes at hand; how many.
  std::size_t take(std::span<std::byte> out) {
    const std::size_t now = std::min<std::size_t>(out.size(), left_);
    const auto from = std::span(pool_).subspan(taken_, now);
    std::memcpy(out.data(), from.data(), now);
    std::memset(from.data(), 0, now);  // nobody gets the same bytes twice
    taken_ += static_cast<std::uint32_t>(now);
    left_ -= static_cast<std::uint32_t>(now);
    return now;
  }

  /// True: something has come already, so poll() instead of waiting.
  bool arm() { return state_ == State::kRunning && (queue_.arm() || queue_.fault() != QueueFault::kNone); }

  /// Fills all of `out`, or fails with some of it filled.
  Result<void, RngError> fill(std::span<std::byte> out, Instant until) {
    for (;;) {
      poll();
      const std::uint32_t empty = gave_nothing_;
      out = out.subspan(take(out));
      if (out.empty()) return {};
      if (state_ != State::kRunning) return Err{RngError::kNotRunning};
      if (empty >= kPatience) {
        gave_nothing_ = 0;
        return Err{RngError::kGaveNothing};
      }
      if (!in_flight_) continue;  // took the last of it: ask again
      if (transport_->now() >= until) return Err{RngError::kTimeout};
      if (arm()) continue;
      if (transport_->wait(until) == Wake::kCancelled) return Err{RngError::kCancelled};
    }
  }

 private:
  static constexpr std::uint32_t kPatience = 4;  ///< Answers without a byte that are forgiven in a row.

  Result<void, TransportError> bring_up() {
    HAWSER_TRY(negotiated, transport_->negotiate(queue_features_));
    negotiated_ = negotiated;
    HAWSER_TRY(most, transport_->queue_max_size(0));
    const auto size = std::bit_floor(std::min(most, kQueueSize));
    if (size == 0) return Err{TransportError::kNoSuchQueue};
    HAWSER_TRY(queue, transport_->start_queue(0, size, slots_));
    queue_ = std::move(queue);
    return transport_->start();
  }

  void ask() {
    const Segment buffer{*buffer_, kBufferBytes};
    if (!queue_.try_add({}, std::span(&buffer, 1), Token{}).ok()) return broke(describe(queue_.fault()));
    in_flight_ = true;
    if (queue_.publish()) transport_->notify(0, queue_.next_offset());
  }

  void reap() {
    const auto reaped = queue_.try_reap();
    if (!reaped.ok()) {
      if (reaped.error() == TakeError::kBroken) broke(describe(queue_.fault()));
      return;
    }
    in_flight_ = false;
    const auto area = transport_->memory().area(*buffer_, kBufferBytes, 1);
    const std::uint32_t got = area.ok() ? std::min(reaped->written, kBufferBytes) : 0;
    gave_nothing_ = got == 0 ? gave_nothing_ + 1 : 0;
    if (got == 0) return;
    area->read(0, std::span(pool_).first(got));
    static constexpr std::array<std::byte, kBufferBytes> kZeros{};
    area->write(0, std::span(kZeros).first(got));
    taken_ = 0;
    left_ = got;
  }

  void broke(const char* reason) {
    drop();
    state_ = State::kBroken;
    broken_reason_ = reason;
  }

  void drop() {
    queue_ = {};
    in_flight_ = false;
  }

  Features queue_features_;
  Features negotiated_;
  T* transport_ = nullptr;
  AnyDriverQueue<MemoryType> queue_;
  std::array<DriverSlot, kQueueSize> slots_{};
  std::array<std::byte, kBufferBytes> pool_{};
  std::optional<Offset> buffer_;
  const char* broken_reason_ = "";
  std::uint32_t taken_ = 0;
  std::uint32_t left_ = 0;
  std::uint32_t gave_nothing_ = 0;
  State state_ = State::kStopped;
  bool in_flight_ = false;
};

}  // namespace hawser::virtio::driver
