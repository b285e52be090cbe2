// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// An ivshmem window in one process, with virtual time: for the link's tests and for whoever embeds the link.
// Rings are recorded, so a test can lose them; waiting advances the clock and lets the other party run.
#pragma once

#include <hawser/ivshmem/port.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace hawser::test {

/// The window and the clock that several fake ports share.
struct FakeWindow {
  explicit FakeWindow(std::size_t bytes) : words(bytes / 8) {}
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words)); }

  std::vector<std::uint64_t> words;  // 8-byte aligned, zeroed as a fresh memfd is
  std::uint64_t now_ns = 1;
  std::vector<class FakePort*> ports;
};

class FakePort {
 public:
  FakePort(FakeWindow& window, std::uint16_t id, std::uint16_t vectors = 4)
      : window_(window), id_(id), vectors_(vectors) {
    window_.ports.push_back(this);
  }
  ~FakePort() { std::erase(window_.ports, this); }
  FakePort(const FakePort&) = delete;
  FakePort& operator=(const FakePort&) = delete;

  std::span<std::byte> memory() const { return window_.bytes(); }
  std::uint16_t own_id() const { return id_; }
  std::uint16_t vectors() const { return vectors_; }
  Instant now() const { return {window_.now_ns}; }

  void ring(std::uint16_t id, std::uint16_t vector) {
    ++rings;
    for (FakePort* port : window_.ports) {
      if (port->id_ == id && !port->deaf) {
        port->rung_ = true;
        port->last_vector = vector;
      }
    }
  }

  /// Runs `idle` (the other party), advancing the clock a millisecond at a time, until rung or the deadline.
  Wake wait(Instant until) {
    while (true) {
      if (rung_) {
        rung_ = false;
        return Wake::kRung;
      }
      if (now() >= until) return Wake::kTimeout;
      window_.now_ns += 1'000'000;
      if (idle) idle();
    }
  }

  bool rung() const { return rung_; }

  std::function<void()> idle;
  bool deaf = false;  ///< Loses every ring, as a guest does before it enables MSI-X.
  std::uint64_t rings = 0;
  std::uint16_t last_vector = 0;

 private:
  FakeWindow& window_;
  std::uint16_t id_;
  std::uint16_t vectors_;
  bool rung_ = false;
};

static_assert(ivshmem::Port<FakePort>);

}  // namespace hawser::test
