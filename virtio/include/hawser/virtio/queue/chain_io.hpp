// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Reading a request's bytes and writing its answer, in order, without ever forming a pointer from what the
// driver said: each piece of a segment passes the memory's door just before it is touched.
#pragma once

#include <hawser/virtio/queue/chain.hpp>

#include <hawser/transport/endian.hpp>
#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio {

enum class ChainIoError : std::uint8_t {
  kTooShort,          ///< The chain has fewer bytes left than asked for. Nothing was moved.
  kOutsideTheRegion,  ///< A segment does not lie in the memory. The cursor stays before it.
};

namespace detail {

/// A position in a list of segments. `remaining` counts the bytes after it.
template <Memory M>
class ChainCursor {
 public:
  ChainCursor(const M& memory, std::span<const Segment> segments) : memory_(memory), segments_(segments) {
    for (const Segment& segment : segments) remaining_ += segment.bytes;
  }

  std::uint64_t remaining() const { return remaining_; }
  bool done() const { return remaining_ == 0; }

  Result<void, ChainIoError> skip(std::uint64_t bytes) {
    if (bytes > remaining_) return Err{ChainIoError::kTooShort};
    while (bytes != 0) {
      const std::uint64_t here = std::min(bytes, left_here());
      advance(here);
      bytes -= here;
    }
    return {};
  }

 protected:
  /// Calls move(area, at, done, n) for consecutive pieces that make up `bytes`.
  template <class Move>
  Result<void, ChainIoError> for_each_piece(std::uint64_t bytes, Move move) {
    if (bytes > remaining_) return Err{ChainIoError::kTooShort};
    std::uint64_t done = 0;
    while (done < bytes) {
      const std::uint64_t here = std::min(bytes - done, left_here());
      auto area = memory_.area(segments_[index_].at + at_, here, 1);
      if (!area.ok()) return Err{ChainIoError::kOutsideTheRegion};
      move(*area, done, here);
      advance(here);
      done += here;
    }
    return {};
  }

  /// The bytes of this segment from here on, at most `most`; steps over them. Empty only at the end.
  Result<std::span<std::byte>, ChainIoError> borrow_piece(std::uint64_t most) requires LendableMemory<M> {
    const std::uint64_t here = std::min(most, left_here());
    if (here == 0) return std::span<std::byte>{};
    auto area = memory_.area(segments_[index_].at + at_, here, 1);
    if (!area.ok()) return Err{ChainIoError::kOutsideTheRegion};
    advance(here);
    return area->bytes();
  }

 private:
  /// Bytes left in the current segment; steps over empty ones first. Zero only at the end of the list.
  std::uint64_t left_here() {
    while (index_ < segments_.size() && at_ == segments_[index_].bytes) {
      ++index_;
      at_ = 0;
    }
    return index_ < segments_.size() ? segments_[index_].bytes - at_ : 0;
  }
  void advance(std::uint64_t bytes) {
    at_ += bytes;
    remaining_ -= bytes;
  }

  M memory_;
  std::span<const Segment> segments_;
  std::size_t index_ = 0;
  std::uint64_t at_ = 0;  ///< Bytes of the current segment that are behind us.
  std::uint64_t remaining_ = 0;
};

}  // namespace detail

/// Takes the readable bytes of a chain in order. What it returns is a private copy, except what borrow()
/// lends.
template <Memory M>
class ChainReader : public detail::ChainCursor<M> {
  using Base = detail::ChainCursor<M>;

 public:
  ChainReader(const M& memory, const Chain& chain) : Base(memory, chain.readable()) {}
  ChainReader(const M& memory, std::span<const Segment> segments) : Base(memory, segments) {}

  /// Fills all of `out`, or fails.
  Result<void, ChainIoError> read(std::span<std::byte> out) {
    return Base::for_each_piece(out.size(), [&](const auto& area, std::uint64_t done, std::uint64_t n) {
      area.read(0, out.subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(n)));
    });
  }

  /// Fills as much of `out` as the chain has left; how much that was.
  Result<std::size_t, ChainIoError> read_some(std::span<std::byte> out) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), Base::remaining()));
    HAWSER_CHECK(read(out.first(n)));
    return n;
  }

  template <Wire W>
  Result<W, ChainIoError> read_wire() {
    W value;
    HAWSER_CHECK(read(std::as_writable_bytes(std::span<W, 1>(&value, 1))));
    return value;
  }

  /// The next contiguous bytes, at most `most`, for something that copies for itself. Empty only at the end.
  Result<std::span<const std::byte>, ChainIoError> borrow(std::uint64_t most = UINT64_MAX) requires
      LendableMemory<M> {
    HAWSER_TRY(bytes, Base::borrow_piece(most));
    return std::span<const std::byte>(bytes);
  }
};

/// Fills the writable bytes of a chain in order.
template <Memory M>
class ChainWriter : public detail::ChainCursor<M> {
  using Base = detail::ChainCursor<M>;

 public:
  ChainWriter(const M& memory, const Chain& chain) : Base(memory, chain.writable()) {}
  ChainWriter(const M& memory, std::span<const Segment> segments) : Base(memory, segments) {}

  /// Writes all of `in`, or fails.
  Result<void, ChainIoError> write(std::span<const std::byte> in) {
    return Base::for_each_piece(in.size(), [&](const auto& area, std::uint64_t done, std::uint64_t n) {
      area.write(0, in.subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(n)));
    });
  }

  /// Writes as much of `in` as there is room for; how much that was.
  Result<std::size_t, ChainIoError> write_some(std::span<const std::byte> in) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(in.size(), Base::remaining()));
    HAWSER_CHECK(write(in.first(n)));
    return n;
  }

  template <Wire W>
  Result<void, ChainIoError> write_wire(const W& value) {
    return write(wire_bytes(value));
  }

  /// The next contiguous room, at most `most`, for something that copies for itself. Empty only at the end.
  Result<std::span<std::byte>, ChainIoError> borrow(std::uint64_t most = UINT64_MAX) requires
      LendableMemory<M> {
    return Base::borrow_piece(most);
  }
};

}  // namespace hawser::virtio
