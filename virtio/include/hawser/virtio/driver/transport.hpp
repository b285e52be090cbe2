// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a driver needs of whatever carries its device: the initialization dance (VIRTIO 1.3 §3.1), configuration,
// queues, notification. The driver side of virtio-msg provides it; a test can provide it with a few lines.
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <hawser/transport/result.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio {

enum class TransportError : std::uint8_t {
  kTimeout,   ///< No answer within the stated time.
  kLinkDown,  ///< The peer went away; reconnect when the link is up again.
  kNoSuchDevice,
  kRefusedFeatures,  ///< The device cleared FEATURES_OK.
  kMissingVersion1,  ///< A device without VIRTIO_F_VERSION_1 is not for us.
  kNoSuchQueue,
  kQueueRefused,    ///< SET_VQUEUE had no effect.
  kOutOfRange,      ///< Outside the configuration space.
  kUnstableConfig,  ///< The generation changed at each attempt.
  kNoMemory,        ///< The arena has no room for the rings.
  kBadAnswer,       ///< The device answered nonsense.
  kNotPossible,     ///< Not negotiated.
  kCancelled,       ///< The wait for the answer was cancelled.
};

const char* describe(TransportError error);

/// A device as its driver sees it, over memory M. Calls wait, at most for a stated time, for the device's answer.
///
/// device_id()
/// negotiate(wanted)               reset(), ACKNOWLEDGE, DRIVER, FEATURES_OK; the result is wanted & offered (VERSION_1 always)
/// read_config(at, out), write_config(at, in)   consistent: retried when the generation changes
/// queue_max_size(i)               0: no such queue
/// start_queue(i, size, slots)     allocates the rings from arena() and enables the queue
/// start()                         DRIVER_OK
/// notify(i, next_offset)          tells the device to look at queue i. Never waits.
/// reset_queue(i)                  §2.6.1, frees the rings
/// reset()                         device reset; frees all rings. Only when it succeeded (or negotiate(), which begins
///                                 with it) is the device known not to touch any more what its driver gave it
/// fail()                          FAILED (§3.1.1): the driver gives up, until the next negotiate()
/// take_config_change()            true once after the device announced a change
/// needs_reset()                   the device set DEVICE_NEEDS_RESET
/// arena()                         memory that the device can see
/// wait(until)                     lets time pass until something may have happened
template <class T>
concept DriverTransport = Memory<typename T::MemoryType> &&
    requires(T& transport, const T& ctransport, Features features, std::uint16_t index, std::uint16_t size,
             std::span<DriverSlot> slots, std::uint32_t at, std::span<std::byte> out,
             std::span<const std::byte> in, Instant until) {
  { ctransport.device_id() } -> std::same_as<std::uint32_t>;
  { transport.negotiate(features) } -> std::same_as<Result<Features, TransportError>>;
  { transport.read_config(at, out) } -> std::same_as<Result<void, TransportError>>;
  { transport.write_config(at, in) } -> std::same_as<Result<void, TransportError>>;
  { transport.queue_max_size(index) } -> std::same_as<Result<std::uint16_t, TransportError>>;
  {
    transport.start_queue(index, size, slots)
    } -> std::same_as<Result<AnyDriverQueue<typename T::MemoryType>, TransportError>>;
  { transport.start() } -> std::same_as<Result<void, TransportError>>;
  { transport.notify(index, std::uint32_t{}) } -> std::same_as<void>;
  { transport.reset_queue(index) } -> std::same_as<Result<void, TransportError>>;
  { transport.reset() } -> std::same_as<Result<void, TransportError>>;
  { transport.fail() } -> std::same_as<void>;
  { transport.take_config_change() } -> std::same_as<bool>;
  { ctransport.needs_reset() } -> std::same_as<bool>;
  { transport.arena() } -> std::same_as<Arena&>;
  { ctransport.memory() } -> std::same_as<typename T::MemoryType>;
  { ctransport.now() } -> std::same_as<Instant>;
  { transport.wait(until) } -> std::same_as<Wake>;
};

}  // namespace hawser::virtio
