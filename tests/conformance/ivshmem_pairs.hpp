// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Pairs of ivshmem links for the suite: over a window in this process with virtual time, and over a real server with
// sockets and eventfds.
#pragma once

#include "conformance/bench.hpp"
#include "support/fake_port.hpp"

#include <hawser/ivshmem/link.hpp>

#include <cstring>
#include <memory>
#include <optional>
#include <vector>

namespace hawser::conformance {

inline constexpr std::size_t kWindowBytes = 256 * 1024;
inline constexpr Duration kShortSilence = milliseconds(400);

inline ivshmem::LinkOptions options_of(End end, ivshmem::QueueKind kind, Duration silence = kShortSilence) {
  return {.role = end == End::kFirst ? ivshmem::Role::kDriver : ivshmem::Role::kDevice,
          .queue_kind = kind,
          .silence = silence,
          .takeover = milliseconds(100)};
}

/// Where an end's section lies in the window.
inline std::size_t section_of(End end) {
  return ivshmem::kDirectoryBytes + (end == End::kFirst ? ivshmem::kSectionBytes : 0);
}

/// The bytes in which both ends keep everything but data.
inline std::span<std::byte> control_of(std::span<std::byte> window) {
  return window.subspan(ivshmem::kDirectoryBytes, ivshmem::kDataOffset);
}

/// An end writes a producer index that can not be.
inline void write_impossible_index(std::span<std::byte> window, End end, ivshmem::QueueKind kind) {
  const std::uint16_t nonsense = 0x7fff;
  const std::size_t at = kind == ivshmem::QueueKind::kPlain
                             ? ivshmem::kElementsOffset
                             : ivshmem::kQueueHeadOffset + offsetof(ivshmem::QueueHead, tail);
  std::memcpy(window.data() + section_of(end) + at, &nonsense, sizeof nonsense);
}

template <ivshmem::QueueKind kKind, bool kSameId>
class WindowPair {
 public:
  using LinkType = ivshmem::Link<test::FakePort>;
  static constexpr bool kTwoThreads = false;
  static constexpr bool kRingsMayBeLate = false;
  static constexpr Duration kSilence = kShortSilence;

  explicit WindowPair(std::uint64_t) {
    start(End::kFirst);
    start(End::kSecond);
  }

  LinkType& first() { return *link(End::kFirst); }
  LinkType& second() { return *link(End::kSecond); }

  /// Nothing is said and nothing tidied up: what the destructor writes is undone.
  void kill(End end) {
    const auto before = window_->words;
    link(end).reset();
    port(end).reset();
    window_->words = before;
  }
  /// A guest that reboots keeps its id, a process or a new QEMU gets another.
  void revive(End end) { start(end); }
  void advance(Duration span) { window_->now_ns += span.ns; }

  void misbehave(End end) { write_impossible_index(window_->bytes(), end, kKind); }
  std::span<std::byte> control_bytes() { return control_of(window_->bytes()); }

 private:
  std::optional<test::FakePort>& port(End end) { return ports_[static_cast<unsigned>(end)]; }
  std::optional<LinkType>& link(End end) { return links_[static_cast<unsigned>(end)]; }

  void start(End end) {
    const auto id = static_cast<std::uint16_t>(kSameId ? static_cast<unsigned>(end) : next_id_++);
    port(end).emplace(*window_, id);
    link(end).emplace(*port(end), options_of(end, kKind));
  }

  std::unique_ptr<test::FakeWindow> window_ = std::make_unique<test::FakeWindow>(kWindowBytes);
  std::optional<test::FakePort> ports_[2];
  std::optional<LinkType> links_[2];
  std::uint16_t next_id_ = 0;
};

using WindowPlain = WindowPair<ivshmem::QueueKind::kPlain, false>;
using WindowSelfDescribing = WindowPair<ivshmem::QueueKind::kSelfDescribing, false>;
using WindowReboots = WindowPair<ivshmem::QueueKind::kSelfDescribing, true>;

}  // namespace hawser::conformance

TYPE_TO_STRING_AS("ivshmem window, plain queue", hawser::conformance::WindowPlain);
TYPE_TO_STRING_AS("ivshmem window, self-describing queue", hawser::conformance::WindowSelfDescribing);
TYPE_TO_STRING_AS("ivshmem window, ids kept over restarts", hawser::conformance::WindowReboots);
