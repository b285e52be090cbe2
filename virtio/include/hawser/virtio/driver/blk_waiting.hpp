// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The block driver for those who would rather wait: ordinary memory in, ordinary memory out, a deadline.
#pragma once

#include <hawser/virtio/driver/blk.hpp>
#include <hawser/virtio/driver/bounce.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::virtio::driver {

/// Copies through buffers of at most kBounceBytes from the transport's arena. After an error that leaves the fate of
/// the request open (kTimeout, kNotRunning) the device may still do it; its buffer stays out of use until it has, or has
/// ended its reset.
/// Other requests of the same driver go on meanwhile, and their ends stay to be taken.
template <DriverTransport T>
class WaitingBlk {
 public:
  static constexpr std::uint32_t kBounceBytes = 1 << 16;

  explicit WaitingBlk(Blk<T>& blk) : blk_(blk) {}

  /// out.size() is a multiple of 512. On an error `out` may hold the pieces that were read before it.
  Result<void, BlkError> read(std::uint64_t sector, std::span<std::byte> out, Instant until) {
    HAWSER_CHECK(check(out.size()));
    BounceType bounce = bounce_for(out.size());
    if (bounce.size() == 0) return Err{BlkError::kNoMemory};
    while (!out.empty()) {
      const std::span<std::byte> piece = out.first(std::min<std::size_t>(out.size(), bounce.size()));
      HAWSER_CHECK(run(BlkRequest::read(sector, bounce.at(), piece.size()), until, &bounce));
      if (!bounce.copy_out(piece)) return Err{BlkError::kNoMemory};
      sector += piece.size() / kSectorBytes;
      out = out.subspan(piece.size());
    }
    return {};
  }

  Result<void, BlkError> write(std::uint64_t sector, std::span<const std::byte> in, Instant until) {
    HAWSER_CHECK(check(in.size()));
    BounceType bounce = bounce_for(in.size());
    if (bounce.size() == 0) return Err{BlkError::kNoMemory};
    while (!in.empty()) {
      const std::span<const std::byte> piece = in.first(std::min<std::size_t>(in.size(), bounce.size()));
      if (!bounce.copy_in(piece)) return Err{BlkError::kNoMemory};
      HAWSER_CHECK(run(BlkRequest::write(sector, bounce.at(), piece.size()), until, &bounce));
      sector += piece.size() / kSectorBytes;
      in = in.subspan(piece.size());
    }
    return {};
  }

  Result<void, BlkError> flush(Instant until) { return run(BlkRequest::flush(), until); }
  Result<void, BlkError> discard(std::uint64_t sector, std::uint64_t bytes, Instant until) {
    return run(BlkRequest::discard(sector, bytes), until);
  }
  Result<void, BlkError> write_zeroes(std::uint64_t sector, std::uint64_t bytes, bool unmap, Instant until) {
    return run(BlkRequest::write_zeroes(sector, bytes, unmap), until);
  }

  /// The device's name, padded with zeros.
  Result<std::array<char, VIRTIO_BLK_ID_BYTES>, BlkError> id(Instant until) {
    std::array<char, VIRTIO_BLK_ID_BYTES> name{};
    HAWSER_CHECK(check(kSectorBytes));
    BounceType bounce(blk_.transport()->arena(), blk_.transport()->memory(), name.size(), name.size());
    if (!bounce.copy_in(std::as_bytes(std::span(name)))) return Err{BlkError::kNoMemory};
    HAWSER_CHECK(run(BlkRequest::tell_id(bounce.at()), until, &bounce));
    (void)bounce.copy_out(std::as_writable_bytes(std::span(name)));
    return name;
  }

 private:
  using BounceType = Bounce<typename T::MemoryType>;

  Result<void, BlkError> check(std::size_t bytes) const {
    if (blk_.state() != Blk<T>::State::kRunning) return Err{BlkError::kNotRunning};
    if (bytes == 0 || bytes % kSectorBytes != 0) return Err{BlkError::kNotWholeSectors};
    return {};
  }

  BounceType bounce_for(std::size_t bytes) const {
    const auto most = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, kBounceBytes));
    return BounceType(blk_.transport()->arena(), blk_.transport()->memory(), most, kSectorBytes);
  }

  Result<void, BlkError> run(const BlkRequest& request, Instant until, BounceType* bounce = nullptr) {
    HAWSER_TRY(ticket, blk_.submit(request));
    BlkError open_end = BlkError::kTimeout;
    for (;;) {
      blk_.poll();
      // It is not lent: a driver that stops running is noticed below, before its next poll() could end it so.
      if (const auto done = blk_.take(ticket)) return done->result;
      if (blk_.state() != Blk<T>::State::kRunning) {
        open_end = BlkError::kNotRunning;
        break;
      }
      if (blk_.transport()->now() >= until) break;
      if (blk_.arm()) continue;
      if (blk_.transport()->wait(until) == Wake::kCancelled) {
        open_end = BlkError::kCancelled;
        break;
      }
    }
    blk_.forget(ticket, bounce == nullptr ? Segment{} : bounce->give_up());
    return Err{open_end};
  }

  Blk<T>& blk_;
};

}  // namespace hawser::virtio::driver
