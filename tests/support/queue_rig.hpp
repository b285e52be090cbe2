// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both halves of one queue over one memory, for tests: where the areas lie, every combination of features,
// and raw access to the ring for the side that misbehaves.
#pragma once

#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <hawser/transport/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <vector>

namespace hawser::test {

/// A region of its own heap block, page aligned at its start and exact at its end: a sanitizer sees every
/// byte outside.
class Region {
 public:
  explicit Region(std::size_t bytes)
      : bytes_(bytes), data_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{4096}))) {
    std::memset(data_, 0, bytes);
  }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { ::operator delete (data_, std::align_val_t{4096}); }

  RegionMemory memory() const { return RegionMemory{bytes()}; }
  std::span<std::byte> bytes() const { return {data_, bytes_}; }

 private:
  std::size_t bytes_;
  std::byte* data_;
};

/// Where a rig keeps things: the three areas, the indirect tables, then buffers.
struct RigLayout {
  static constexpr std::uint64_t kBytes = 256 * 1024;
  static constexpr std::uint16_t kTableEntries = 4;

  virtio::QueueLayout queue;
  virtio::IndirectTables tables;
  Offset buffers;

  static RigLayout of(std::uint16_t size, virtio::RingFormat format, bool indirect) {
    const auto up = [](std::uint64_t bytes) { return (bytes + 63) & ~std::uint64_t{63}; };
    const virtio::RingShape shape = virtio::ring_bytes(format, size);
    RigLayout layout;
    layout.queue.size = size;
    layout.queue.descriptors = Offset(64);  // not at 0: a forgotten base shows
    layout.queue.driver = layout.queue.descriptors + up(shape.descriptors.bytes);
    layout.queue.device = layout.queue.driver + up(shape.driver.bytes);
    const Offset after = layout.queue.device + up(shape.device.bytes);
    layout.tables = {after, indirect ? kTableEntries : std::uint16_t{0}};
    layout.buffers = after + up(virtio::IndirectTables::bytes(size, layout.tables.entries));
    return layout;
  }
};

/// Every combination of ring features: format, event index, in order, indirect.
inline std::vector<virtio::Features> all_ring_features() {
  std::vector<virtio::Features> all;
  for (unsigned bits = 0; bits < 16; ++bits) {
    virtio::Features features{virtio::VIRTIO_F_VERSION_1};
    features.set(virtio::VIRTIO_F_RING_PACKED, (bits & 1) != 0);
    features.set(virtio::VIRTIO_F_EVENT_IDX, (bits & 2) != 0);
    features.set(virtio::VIRTIO_F_IN_ORDER, (bits & 4) != 0);
    features.set(virtio::VIRTIO_F_INDIRECT_DESC, (bits & 8) != 0);
    all.push_back(features);
  }
  return all;
}

inline std::string name(const virtio::Features& features) {
  std::string text = features.has(virtio::VIRTIO_F_RING_PACKED) ? "packed" : "split";
  if (features.has(virtio::VIRTIO_F_EVENT_IDX)) text += ", event index";
  if (features.has(virtio::VIRTIO_F_IN_ORDER)) text += ", in order";
  if (features.has(virtio::VIRTIO_F_INDIRECT_DESC)) text += ", indirect";
  return text;
}

inline virtio::Features split_with(std::initializer_list<unsigned> bits = {}) {
  return virtio::Features{virtio::VIRTIO_F_VERSION_1} | virtio::Features(bits);
}
inline virtio::Features packed_with(std::initializer_list<unsigned> bits = {}) {
  return split_with(bits) | virtio::Features{virtio::VIRTIO_F_RING_PACKED};
}

/// Both halves over memory M, set up.
template <class M>
struct RigOver {
  RigOver(M memory, const virtio::Features& negotiated, std::uint16_t size)
      : features(negotiated),
        layout(RigLayout::of(size, virtio::ring_format(negotiated),
                             negotiated.has(virtio::VIRTIO_F_INDIRECT_DESC))),
        slots(size),
        driver(virtio::AnyDriverQueue<M>::make(memory, layout.queue, features, slots, layout.tables).value()),
        device(virtio::AnyDeviceQueue<M>::make(memory, layout.queue, features).value()) {}

  bool packed() const { return features.has(virtio::VIRTIO_F_RING_PACKED); }

  /// A piece of the buffer area.
  virtio::Segment buffer(std::uint64_t at, std::uint32_t bytes) const { return {layout.buffers + at, bytes}; }

  virtio::Features features;
  RigLayout layout;
  std::vector<virtio::DriverSlot> slots;
  virtio::AnyDriverQueue<M> driver;
  virtio::AnyDeviceQueue<M> device;
};

/// The same in plain memory, with raw stores to the ring for whoever wants to misbehave.
struct Rig {
  explicit Rig(const virtio::Features& features, std::uint16_t size = 8)
      : region(RigLayout::kBytes),
        over(region.memory(), features, size),
        driver(over.driver),
        device(over.device) {}

  template <class T>
  void poke(Offset at, T value) {
    const T raw = little(value);
    std::memcpy(region.bytes().data() + at.bytes(), &raw, sizeof raw);
  }
  template <class T>
  T peek(Offset at) const {
    T raw;
    std::memcpy(&raw, region.bytes().data() + at.bytes(), sizeof raw);
    return little(raw);
  }

  Offset descriptor(std::uint64_t n) const { return over.layout.queue.descriptors + 16 * n; }
  Offset driver_area(std::uint64_t at) const { return over.layout.queue.driver + at; }
  Offset device_area(std::uint64_t at) const { return over.layout.queue.device + at; }
  virtio::Segment buffer(std::uint64_t at, std::uint32_t bytes) const { return over.buffer(at, bytes); }

  /// A split descriptor (§2.7.5), field by field.
  void split_descriptor(Offset place, std::uint64_t at, std::uint32_t bytes, std::uint16_t flags,
                        std::uint16_t next) {
    poke<std::uint64_t>(place, at);
    poke<std::uint32_t>(place + 8, bytes);
    poke<std::uint16_t>(place + 12, flags);
    poke<std::uint16_t>(place + 14, next);
  }
  /// Puts `head` into the available ring as its `index`-th entry ever and makes it visible (§2.7.6).
  void split_available(std::uint16_t index, std::uint16_t head) {
    poke<std::uint16_t>(driver_area(4 + 2 * std::uint64_t{static_cast<std::uint16_t>(index % device.size())}),
                        head);
    poke<std::uint16_t>(driver_area(2), static_cast<std::uint16_t>(index + 1));
  }
  /// A used ring entry and the index behind it (§2.7.8).
  void split_used(std::uint16_t index, std::uint32_t id, std::uint32_t bytes) {
    const std::uint64_t place = 4 + 8 * std::uint64_t{static_cast<std::uint16_t>(index % driver.size())};
    poke<std::uint32_t>(device_area(place), id);
    poke<std::uint32_t>(device_area(place + 4), bytes);
    poke<std::uint16_t>(device_area(2), static_cast<std::uint16_t>(index + 1));
  }
  /// A packed descriptor (§2.8.13), field by field.
  void packed_descriptor(Offset place, std::uint64_t at, std::uint32_t bytes, std::uint16_t id,
                         std::uint16_t flags) {
    poke<std::uint64_t>(place, at);
    poke<std::uint32_t>(place + 8, bytes);
    poke<std::uint16_t>(place + 12, id);
    poke<std::uint16_t>(place + 14, flags);
  }

  Region region;
  RigOver<RegionMemory> over;
  virtio::AnyDriverQueue<RegionMemory>& driver;
  virtio::AnyDeviceQueue<RegionMemory>& device;
};

}  // namespace hawser::test
