// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a virtqueue looks like from each side, whatever its format (split §2.7, packed §2.8) and memory. The
// two sides are different types, so the wrong one does not compile.
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/chain.hpp>

#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio {

/// Where a queue lies in memory, as SET_VQUEUE says it. In a packed queue `driver` and `device` are the two
/// event suppression structures (§2.8.14).
struct QueueLayout {
  std::uint16_t size = 0;  ///< Descriptors. Split: a power of two.
  Offset descriptors;
  Offset driver;
  Offset device;
};

/// Why a queue can not be set up.
enum class SetupError : std::uint8_t {
  kSizeIsZero,
  kSizeIsNotAPowerOfTwo,  ///< Split queues only (§2.7).
  kSizeIsTooLarge,        ///< More than 32768.
  kAreaIsOutsideTheRegion,
  kAreaIsMisaligned,
  kTooFewSlots,  ///< Driver: fewer DriverSlots handed in than the queue has descriptors.
};

/// How the other side broke the queue. Latched until the queue is set up again.
enum class QueueFault : std::uint8_t {
  kNone,
  kNotSetUp,  ///< A default-made queue: it has no ring (yet).
  // seen by the device
  kAvailableIndexRanAhead,  ///< More than queue-size entries ahead of what was taken.
  kDescriptorIndexOutOfRange,
  kChainTooLong,           ///< More descriptors than the queue or the taker has room for, or 4 GiB or more.
  kReadableAfterWritable,  ///< §2.7.4.2
  kIndirectNotNegotiated,
  kIndirectInsideIndirect,  ///< §2.7.5.3.1
  kIndirectWithNext,
  kIndirectTableMalformed,  ///< Zero length, not a multiple of 16, or outside the region.
  kChainNeverEnds,          ///< Packed: NEXT runs past what the driver made available.
  kSegmentOutsideTheRegion,
  kChainNotCompleted,    ///< Ours: a Chain was dropped without complete().
  kChainOfAnotherQueue,  ///< Ours: complete() was given a chain that this queue did not hand out.
  kCompletedOutOfOrder,  ///< Ours: complete() not in the order of try_take() although VIRTIO_F_IN_ORDER demands it.
  // seen by the driver
  kUsedIndexRanAhead,
  kUsedIdNotInFlight,
  kUsedLengthTooLong,  ///< More bytes than the chain's writable part.
  kUsedOutOfOrder,     ///< VIRTIO_F_IN_ORDER was negotiated.
};

/// A sentence for logs and reports, without a final period.
const char* describe(QueueFault fault);
const char* describe(SetupError error);

enum class TakeError : std::uint8_t {
  kNothing,  ///< No chain is available.
  kBroken,   ///< See fault().
};

enum class AddError : std::uint8_t {
  kFull,     ///< Not enough free descriptors now.
  kTooLong,  ///< More segments than this queue can ever hold.
  kEmpty,    ///< A chain needs at least one segment.
  kBroken,   ///< See fault().
};

/// What the driver calls its request; comes back with the completion. The queue only carries it.
struct Token {
  std::uint64_t value = 0;
  constexpr bool operator==(const Token&) const = default;
};

/// A completed request.
struct Reaped {
  Token token;
  std::uint32_t written = 0;  ///< Bytes that the device says it wrote. At most what it was allowed to.
};

/// The device's half.
///
/// try_take(storage)   the next available chain; its segments are copied to `storage`. A chain with more segments
///                     than that breaks the queue: size it for the largest the device promises to accept.
/// take_burst(chains, storage, longest)
///                     the same for as many chains as are available and `chains` has places (empty ones), while the
///                     storage has room for `longest` more segments, which is the most that each may have; how many.
///                     When the queue breaks, those before are taken, and their number does not tell: look at fault().
/// complete(chain, n)  the device is done; it wrote n bytes. Visible to the driver after publish().
/// publish()           makes completions visible. True: the driver wants to be told.
/// arm()               asks the driver to tell. True: something is available already: look again, don't wait.
///                     Always false when broken: look at fault() before waiting.
/// disarm()            asks it not to (a hint).
template <class Q>
concept DeviceQueue = Memory<typename Q::MemoryType> &&
    requires(Q& queue, const Q& cqueue, std::span<Segment> storage, std::span<Chain> chains, Chain chain,
             std::uint32_t written) {
  { queue.try_take(storage) } -> std::same_as<Result<Chain, TakeError>>;
  { queue.take_burst(chains, storage, std::size_t{}) } -> std::same_as<std::size_t>;
  { queue.complete(static_cast<Chain&&>(chain), written) } -> std::same_as<void>;
  { queue.publish() } -> std::same_as<bool>;
  { queue.arm() } -> std::same_as<bool>;
  { queue.disarm() } -> std::same_as<void>;
  { cqueue.fault() } -> std::same_as<QueueFault>;
  { cqueue.memory() } -> std::same_as<const typename Q::MemoryType&>;
  { cqueue.size() } -> std::same_as<std::uint16_t>;
};

/// The driver's half.
///
/// try_add(r, w, t)    queues one request: readable segments, then writable ones. Visible after publish().
/// publish()           makes added requests visible. True: the device wants to be told.
/// try_reap()          the next completion.
/// arm(), disarm()     as for the device.
/// next_offset()       what a notification carries under VIRTIO_F_NOTIFICATION_DATA (§2.9), else 0.
template <class Q>
concept DriverQueue = Memory<typename Q::MemoryType> &&
    requires(Q& queue, const Q& cqueue, std::span<const Segment> segments, Token token) {
  { queue.try_add(segments, segments, token) } -> std::same_as<Result<void, AddError>>;
  { queue.publish() } -> std::same_as<bool>;
  { queue.try_reap() } -> std::same_as<Result<Reaped, TakeError>>;
  { queue.arm() } -> std::same_as<bool>;
  { queue.disarm() } -> std::same_as<void>;
  { cqueue.fault() } -> std::same_as<QueueFault>;
  { cqueue.memory() } -> std::same_as<const typename Q::MemoryType&>;
  { cqueue.size() } -> std::same_as<std::uint16_t>;
  { cqueue.in_flight() } -> std::same_as<std::uint16_t>;
  { cqueue.next_offset() } -> std::same_as<std::uint32_t>;
};

/// Private storage of one driver queue entry. The maker of a driver queue hands in at least `size` of them.
struct DriverSlot {
  Token token;
  std::uint64_t writable_bytes = 0;
  std::uint16_t descriptors = 0;  ///< Ring slots taken; 0 when not in flight.
  std::uint16_t next = 0;         ///< Link in the free list.
  std::uint32_t scratch = 0;      ///< For the ring format's own use.
};

}  // namespace hawser::virtio
