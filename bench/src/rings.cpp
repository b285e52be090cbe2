// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "rings.hpp"

#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <hawser/transport/memory.hpp>
#include <hawser/transport/order.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace hawser::bench {

using namespace hawser::virtio;

namespace {

constexpr std::size_t kRegionBytes = 1 << 20;
constexpr std::uint32_t kBufferBytes = 64;
constexpr Offset kBuffers{512 * 1024};

struct Unmap {
  void operator()(std::byte* bytes) const { ::operator delete[](bytes, std::align_val_t{4096}); }
};

/// The areas where a driver would put them. (Not each on a page of its own: loads wait for stores to the same
/// place in another page.)
QueueLayout layout_of(std::uint16_t size, RingFormat format) {
  std::array<std::uint64_t, Arena::bitmap_words(kRegionBytes)> bitmap;
  Arena arena(Offset(0), kBuffers.bytes(), bitmap);
  const auto place = [&](AreaShape area) { return arena.allocate(area.bytes).value(); };
  const RingShape shape = ring_bytes(format, size);
  const Offset descriptors = place(shape.descriptors);
  const Offset driver = place(shape.driver);
  return {size, descriptors, driver, place(shape.device)};
}

/// All requests, added in batches; false when a completion is not what it should be.
bool drive(AnyDriverQueue<RegionMemory>& queue, const RingRun& run, Patience& patience) {
  std::uint32_t added = 0;
  std::uint32_t reaped = 0;
  bool good = true;
  while (reaped < run.requests) {
    if (added < run.requests && queue.in_flight() + run.batch <= run.outstanding) {
      for (unsigned n = 0; n < run.batch; ++n) {
        const Segment buffer{kBuffers + (added % run.size) * kBufferBytes, kBufferBytes};
        good &= queue.try_add(std::span(&buffer, 1), {}, Token{added}).ok();
        ++added;
      }
      queue.publish();
    }
    bool idle = true;
    while (true) {
      const auto done = queue.try_reap();
      if (!done.ok()) {
        if (done.error() == TakeError::kBroken) return false;
        break;
      }
      good &= done->token.value == reaped;
      ++reaped;
      idle = false;
      if (run.batch == 1) break;
    }
    if (!idle) {
      patience.reset();
    } else if (!patience.wait()) {
      break;
    }
  }
  return good;
}

bool serve(AnyDeviceQueue<RegionMemory>& queue, const RingRun& run, Patience& patience) {
  std::array<Segment, 4> storage;
  bool good = true;
  for (std::uint32_t served = 0; served < run.requests;) {
    unsigned taken = 0;
    while (taken < run.batch) {
      auto chain = queue.try_take(storage);
      if (!chain.ok()) {
        if (chain.error() == TakeError::kBroken) return false;
        break;
      }
      good &= chain->readable().size() == 1 && chain->readable()[0].bytes == kBufferBytes;
      queue.complete(std::move(chain).value(), 0);
      ++taken;
    }
    if (taken == 0) {
      if (!patience.wait()) break;
      continue;
    }
    patience.reset();
    queue.publish();
    served += taken;
  }
  return good;
}

}  // namespace

Sample ring_request(Cores cores, const RingRun& run) {
  const std::unique_ptr<std::byte[], Unmap> bytes(new (std::align_val_t{4096}) std::byte[kRegionBytes]());
  const RegionMemory memory{std::span(bytes.get(), kRegionBytes)};
  std::vector<DriverSlot> slots(run.size);
  const QueueLayout layout = layout_of(run.size, ring_format(run.features));
  auto driver = AnyDriverQueue<RegionMemory>::make(memory, layout, run.features, slots);
  auto device = AnyDeviceQueue<RegionMemory>::make(memory, layout, run.features);
  if (!driver.ok() || !device.ok()) return {};
  driver->disarm();
  device->disarm();
  // In life the two halves are in different processes or guests; here they must not meet in a cache line
  // either.
  struct alignas(128) Driver {
    AnyDriverQueue<RegionMemory> queue;
    bool good = false;
  } driving{std::move(driver).value()};
  struct alignas(128) Device {
    AnyDeviceQueue<RegionMemory> queue;
    bool good = false;
  } serving{std::move(device).value()};
  const Timing timing = timed_pair(
      cores, [&](Patience& patience) { driving.good = drive(driving.queue, run, patience); },
      [&](Patience& patience) { serving.good = serve(serving.queue, run, patience); });
  return driving.good && serving.good ? per_unit(timing, run.requests) : Sample{};
}

}  // namespace hawser::bench
