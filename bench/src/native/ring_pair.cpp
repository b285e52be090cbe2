// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "ring_pair.hpp"

#include <hawser/virtio/queue/arena.hpp>

#include <array>
#include <utility>

namespace hawser::bench {

using namespace hawser::virtio;

/// The areas where a driver would put them. (Not each on a page of its own: loads wait for stores to the same
/// place in another page.)
QueueLayout RingPair::layout_of(std::uint16_t size, RingFormat format) {
  std::array<std::uint64_t, Arena::bitmap_words(kRegionBytes)> bitmap;
  Arena arena(Offset(0), kBuffers.bytes(), bitmap);
  const auto place = [&](AreaShape area) { return arena.allocate(area.bytes).value(); };
  const RingShape shape = ring_bytes(format, size);
  const Offset descriptors = place(shape.descriptors);
  const Offset driver = place(shape.driver);
  return {size, descriptors, driver, place(shape.device)};
}

RingPair::RingPair(const RingRun& run)
    : bytes_(new (std::align_val_t{4096}) std::byte[kRegionBytes]()), slots_(run.size) {
  const RegionMemory memory{std::span(bytes_.get(), kRegionBytes)};
  const QueueLayout layout = layout_of(run.size, ring_format(run.features));
  auto driver = Driver::make(memory, layout, run.features, slots_);
  auto device = Device::make(memory, layout, run.features);
  if (!driver.ok() || !device.ok()) return;
  driver_.queue = std::move(driver).value();
  device_.queue = std::move(device).value();
  driver_.queue.disarm();
  device_.queue.disarm();
  if (run.timed) {
    time(driver_, StageSide::kDriver);
    time(device_, StageSide::kDevice);
  }
  good_ = true;
}

template <class Q>
void RingPair::time(Apart<Q>& half, StageSide side) {
  StageBook book(std::span(&half.record, 1), std::span(&half.probe, 1), clock_ns);
  half.queue.time_by(book.open({.side = side}));
}

bool ring_requests_alone(const RingRun& run, unsigned units) {
  RingPair pair(run);
  if (!pair.good()) return false;
  std::array<Segment, 4> storage;
  std::uint32_t reaped = 0;
  for (std::uint32_t added = 0; added < units;) {
    for (unsigned n = 0; n < run.batch; ++n)
      if (!pair.add(added++, run.size)) return false;
    pair.driver().publish();
    for (unsigned n = 0; n < run.batch; ++n) {
      auto chain = pair.device().try_take(storage);
      if (!chain.ok() || !RingPair::whole(*chain)) return false;
      pair.device().complete(std::move(chain).value(), 0);
    }
    pair.device().publish();
    for (unsigned n = 0; n < run.batch; ++n) {
      const auto done = pair.driver().try_reap();
      if (!done.ok() || done->token.value != reaped++) return false;
    }
  }
  return true;
}

}  // namespace hawser::bench
