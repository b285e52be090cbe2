// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One request through one queue, from both sides. Compiled and run with the unit tests.
#include "queue.hpp"

#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <hawser/transport/endian.hpp>

#include <array>
#include <cstdint>
#include <optional>

using namespace hawser;
using namespace hawser::virtio;

std::optional<QueueLayout> place_ring(Arena& arena, std::uint16_t size, const Features& features) {
  const RingShape shape = ring_bytes(ring_format(features), size);
  const auto descriptors = arena.allocate(shape.descriptors.bytes);
  const auto driver = arena.allocate(shape.driver.bytes);
  const auto device = arena.allocate(shape.device.bytes);
  if (!descriptors || !driver || !device) return std::nullopt;
  return QueueLayout{size, *descriptors, *driver, *device};
}

// [driver]
bool ask(AnyDriverQueue<RegionMemory>& queue, Arena& arena, std::uint32_t question, bool& tell_device) {
  const auto buffer = arena.allocate(128);
  if (!buffer) return false;
  auto area = queue.memory().area(*buffer, 128, 64);
  if (!area.ok()) return false;
  area->write(0, wire_bytes(le32{question}));
  const std::array readable = {Segment{*buffer, 4}};
  const std::array writable = {Segment{*buffer + 64, 4}};
  if (!queue.try_add(readable, writable, Token{buffer->bytes()}).ok()) {
    arena.release(*buffer, 128);
    return false;
  }
  tell_device = queue.publish();  // true: ring the bell
  return true;
}

std::optional<std::uint32_t> answer(AnyDriverQueue<RegionMemory>& queue, Arena& arena) {
  const auto done = queue.try_reap();
  if (!done.ok()) return std::nullopt;  // kNothing: later; kBroken: see queue.fault()
  const Offset buffer(done->token.value);
  const std::array writable = {Segment{buffer + 64, done->written}};
  const auto value = ChainReader<RegionMemory>(queue.memory(), writable).read_wire<le32>();
  arena.release(buffer, 128);
  if (!value.ok()) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}
// [driver]

// [device]
bool serve(AnyDeviceQueue<RegionMemory>& queue) {
  std::array<Segment, 4> storage;  // the most segments that this device accepts in a request
  for (;;) {
    auto chain = queue.try_take(storage);
    if (!chain.ok()) break;  // kNothing, or kBroken: see queue.fault()
    ChainReader<RegionMemory> reader(queue.memory(), *chain);
    ChainWriter<RegionMemory> writer(queue.memory(), *chain);
    const auto question = reader.read_wire<le32>();
    std::uint32_t written = 0;
    if (question.ok() && writer.write_wire(le32{*question + 1}).ok()) written = sizeof(le32);
    queue.complete(std::move(chain).value(), written);
  }
  return queue.publish();  // true: ring the bell
}
// [device]
