// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The times of one half of a queue, as whoever looks sees them: plain words, written by one thread and read by any, so a
// record may lie in memory that another process maps. Each word is whole; different words may be of different moments.
#pragma once

#include <hawser/virtio/queue/log_buckets.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace hawser::virtio {

/// How many times there were of which length, in nanoseconds: exact below 16, then eight buckets to an octave, up to 68 s.
struct StageHistogram {
  using Buckets = LogBuckets<3, 36>;
  static constexpr std::size_t kBuckets = Buckets::kCount;

  static constexpr std::size_t bucket(std::uint64_t ns) { return Buckets::bucket(ns); }
  /// The first time that no longer belongs to the bucket.
  static constexpr std::uint64_t end(std::size_t bucket) { return Buckets::last(bucket) + 1; }

  std::array<std::uint64_t, kBuckets> counts;
  std::uint64_t total;    ///< Times.
  std::uint64_t sum;      ///< Nanoseconds.
  std::uint64_t longest;  ///< Nanoseconds.
};

enum class StageSide : std::uint32_t {
  kNobody,  ///< The record is free.
  kDriver,
  kDevice,
};

/// What is measured. A request's whole way, when both sides are looked at: added, published, bell, seen, completed,
/// published, bell, reaped.
enum class Stage : std::uint8_t {
  // driver
  kAddedToPublished,
  kPublishedToReaped,
  // device
  kSeenToCompleted,
  kCompletedToPublished,
  // either: what telling the other side took
  kPublishedToBell,
};

/// The moments of one request by its maker's clock. Driver: added, published, reaped. Device: seen, completed,
/// published. `bell` is 0 when the other side did not want one.
struct StageMoments {
  std::array<std::uint64_t, 3> at;
  std::uint64_t bell;
};

/// One of the latest samples. Requests are counted from 0 on both sides, in the order of the ring, and both sides choose
/// the same ones; so a reader who sees both can put a request's moments together.
struct StageSample {
  std::uint32_t seal;  ///< Request number + 1; 0 while it is being written. Read it before and after.
  std::uint32_t life;  ///< Of the queue: counts its set-ups.
  StageMoments moments;
};

struct StageRecord {
  static constexpr std::size_t kStages = 3;
  static constexpr std::size_t kRecent = 64;

  StageSide side;
  std::uint16_t device;  ///< Number on its bus.
  std::uint16_t queue;
  std::uint32_t device_id;  ///< VIRTIO 1.3 §5; 0: not known.
  std::uint16_t size;       ///< Descriptors.
  std::uint16_t packed;
  std::uint32_t life;
  std::uint32_t one_in;       ///< How many requests there are now to a sample.
  std::uint64_t requests;     ///< Published to the other side, or taken from it.
  std::uint64_t publishings;  ///< Each of one request or more.
  std::uint64_t bells;        ///< Publishings that the other side wanted to be told of.
  std::uint64_t samples;
  /// Driver: kAddedToPublished, kPublishedToReaped, kPublishedToBell. Device: kSeenToCompleted, kCompletedToPublished,
  /// kPublishedToBell.
  std::array<StageHistogram, kStages> times;
  std::array<StageSample, kRecent> recent;  ///< Sample n lies at n % kRecent.
};

}  // namespace hawser::virtio
