// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a device is to whatever carries it: features, configuration, queues, work. A model knows nothing of
// messages, links or rings' formats; the device side of virtio-msg drives it.
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/queue/any.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio {

/// What one service() did. One byte: of several, compilers put it together in memory and load it as a whole, which waits
/// until every store before it has left the processor.
struct Work {
  bool more : 1 =
      false;  ///< Stopped because of its bound, or has something to show yet: call again before sleeping.
  bool notify : 1 = false;  ///< Used buffers were published and the driver wants to be told.
  bool busy : 1 = false;    ///< Something was done. Only a hint to whoever spins.
};

/// A device model over memory M.
///
/// kDeviceId                   VIRTIO_ID_...
/// offered()                   device feature bits it offers (device-specific; ring and version bits are added outside)
/// acceptable(negotiated)      false: FEATURES_OK must be refused (a feature without what it depends on)
/// queue_count(), queue_max_size(i)
/// config_size(), read_config(at, out), write_config(at, in)   in range by contract; false: not writable there, nothing changed
/// take_config_change()        true once after the model changed its configuration by itself
/// start(negotiated)           DRIVER_OK
/// attach(i, queue)            queue i is enabled (before or after start); detach(i): the queue was reset (ring reset)
/// service(i)                  bounded work on queue i: take chains, finish what the backend finished, publish
/// prepare_to_wait(i)          arms queue i; true: look again instead of waiting
/// needs_reset()               the model can't go on (a broken queue); latched until stop()
/// stop()                      device reset: forgets queues, drops what was in flight. Complete when it returns.
template <class D, class M>
concept DeviceModel = Memory<M> &&
    requires(D& device, const D& cdevice, Features features, std::uint16_t index, AnyDeviceQueue<M> queue,
             std::uint32_t at, std::span<std::byte> out, std::span<const std::byte> in) {
  { D::kDeviceId } -> std::convertible_to<std::uint32_t>;
  { cdevice.offered() } -> std::same_as<Features>;
  { cdevice.acceptable(features) } -> std::same_as<bool>;
  { cdevice.queue_count() } -> std::same_as<std::uint16_t>;
  { cdevice.queue_max_size(index) } -> std::same_as<std::uint16_t>;
  { cdevice.config_size() } -> std::same_as<std::uint32_t>;
  { cdevice.read_config(at, out) } -> std::same_as<void>;
  { device.write_config(at, in) } -> std::same_as<bool>;
  { device.take_config_change() } -> std::same_as<bool>;
  { device.start(features) } -> std::same_as<void>;
  { device.attach(index, static_cast<AnyDeviceQueue<M>&&>(queue)) } -> std::same_as<void>;
  { device.detach(index) } -> std::same_as<void>;
  { device.service(index) } -> std::same_as<Work>;
  { device.prepare_to_wait(index) } -> std::same_as<bool>;
  { cdevice.needs_reset() } -> std::same_as<bool>;
  { device.stop() } -> std::same_as<void>;
};

}  // namespace hawser::virtio
