// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Reads of 4 KiB from a block device, polled: the same driver and the same loop whatever the device is behind.
#pragma once

#include "in_vain.hpp"
#include "pair.hpp"

#include <hawser/virtio/driver/blk.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace hawser::bench {

inline constexpr std::uint32_t kBlockBytes = 4096;
inline constexpr std::uint64_t kDiskBytes = 64u << 20;

/// Each block of a disk begins with its own number, so that a reader knows that it got what it asked for.
inline void number_blocks(std::span<std::byte> disk) {
  for (std::uint64_t block = 0; block < disk.size() / kBlockBytes; ++block)
    std::memcpy(disk.data() + block * kBlockBytes, &block, sizeof block);
}

template <virtio::DriverTransport T>
class BlockReads {
 public:
  static constexpr unsigned kMostDepth = 64;

  explicit BlockReads(T& transport) : transport_(transport) {}
  ~BlockReads() {
    if (driver_) driver_->stop();
    if (buffers_) transport_.arena().release(*buffers_, kBytes);
  }
  BlockReads(const BlockReads&) = delete;
  BlockReads& operator=(const BlockReads&) = delete;

  /// `numbered`: whether the disk is. Null, or why not.
  const char* start(bool packed, bool numbered = true) {
    if (driver_ && packed_ == packed && driver_->state() == Driver::State::kRunning) return nullptr;
    if (driver_) driver_->stop();
    driver_.reset();
    if (!buffers_) buffers_ = transport_.arena().allocate(kBytes, kBlockBytes);
    if (!buffers_) return "the window has no room for the buffers";
    virtio::Features wanted = virtio::kQueueFeatures;
    wanted.set(virtio::VIRTIO_F_RING_PACKED, packed);
    room_ = {};
    driver_.emplace(room_, virtio::driver::BlkDriverOptions{.queue_features = wanted, .stall_limit = {}});
    if (const auto done = driver_->start(transport_); !done.ok()) return virtio::describe(done.error());
    if (driver_->negotiated().has(virtio::VIRTIO_F_RING_PACKED) != packed)
      return "the device does not have this format";
    packed_ = packed;
    numbered_ = numbered;
    return nullptr;
  }

  /// Null, or why not.
  const char* read(unsigned units, unsigned depth, Histogram* single) {
    unsigned submitted = 0, done = 0;
    InVain looks;
    const std::uint64_t blocks = driver_->capacity() * virtio::kSectorBytes / kBlockBytes;
    while (done < units) {
      while (submitted < units && submitted - done < depth) {
        const unsigned place = free_place(depth);
        wanted_[place] = next_block(blocks);
        if (single != nullptr) started_[place] = clock_ns();
        busy_[place] = true;
        const auto request =
            virtio::driver::BlkRequest::read(wanted_[place] * (kBlockBytes / virtio::kSectorBytes),
                                             buffer(place), kBlockBytes, virtio::Token{place});
        if (!driver_->submit(request).ok()) return "the driver took no more requests";
        ++submitted;
      }
      driver_->poll();
      bool something = false;
      while (const auto ended = driver_->take()) {
        const auto place = static_cast<unsigned>(ended->token.value);
        if (!ended->result.ok()) return "a read failed";
        if (!right(place)) return "a block was not the one that was asked for";
        if (single != nullptr) single->add(clock_ns() - started_[place]);
        busy_[place] = false;
        ++done;
        something = true;
      }
      if (something) {
        looks.reset();
        continue;
      }
      spin_hint();
      if (!looks.go_on() || driver_->state() != Driver::State::kRunning) return "reads did not come back";
    }
    return nullptr;
  }

 private:
  using Driver = virtio::driver::Blk<T>;
  static constexpr std::uint64_t kBytes = std::uint64_t{kMostDepth} * kBlockBytes;

  Offset buffer(unsigned place) const { return *buffers_ + std::uint64_t{place} * kBlockBytes; }

  /// They come back about in order, so the next is mostly free.
  unsigned free_place(unsigned depth) {
    do {
      place_ = place_ + 1 < depth ? place_ + 1 : 0;
    } while (busy_[place_]);
    return place_;
  }

  std::uint64_t next_block(std::uint64_t blocks) {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return (random_ >> 33) % blocks;
  }

  bool right(unsigned place) const {
    if (!numbered_) return true;
    std::uint64_t number = 0;
    const auto area = transport_.memory().area(buffer(place), sizeof number, 1);
    area->read(0, std::as_writable_bytes(std::span(&number, 1)));
    return number == wanted_[place];
  }

  T& transport_;
  virtio::driver::BlkRoom<typename T::MemoryType, kMostDepth, kMostDepth, 1, 256> room_;
  std::optional<Driver> driver_;
  std::optional<Offset> buffers_;
  std::array<std::uint64_t, kMostDepth> wanted_{}, started_{};
  std::array<bool, kMostDepth> busy_{};
  std::uint64_t random_ = 1;
  unsigned place_ = 0;
  bool packed_ = false;
  bool numbered_ = true;
};

}  // namespace hawser::bench
