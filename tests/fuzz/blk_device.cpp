// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A block device whose driver is random bytes: chains of any number, length, place and content, in either ring
// format, with resets in between, before a backend that checks what it is promised and finishes when the bytes say
// so. Everything that is taken must be answered.
#include "support/direct_transport.hpp"
#include "support/slow_disk.hpp"

#include <hawser/virtio/device/blk.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;

namespace {

constexpr std::size_t kRegion = 64 << 10;
constexpr std::size_t kBuffers = 32 << 10;  ///< The chains' bytes lie in the upper half.

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  std::uint32_t word() { return byte() | std::uint32_t{byte()} << 8; }

 private:
  std::span<const std::uint8_t> rest_;
};

struct World {
  using Model = device::Blk<RegionMemory, test::SlowDisk>;

  World()
      : bytes(64 * 512),
        disk(bytes, 6),
        model(room, disk, {.queue_size = 32, .size_max = 2048}),
        transport(region, model, kQueueFeatures) {}

  void start(std::uint8_t choice) {
    queue = {};
    Features wanted = model.offered();
    wanted.set(VIRTIO_F_RING_PACKED, (choice & 1) != 0);
    wanted.set(VIRTIO_F_IN_ORDER, (choice & 2) != 0);
    wanted.set(VIRTIO_F_INDIRECT_DESC, (choice & 4) != 0);
    wanted.set(VIRTIO_F_EVENT_IDX, (choice & 8) != 0);
    if ((choice & 16) != 0) wanted.set(VIRTIO_BLK_F_FLUSH, false);
    if (!transport.negotiate(wanted).ok()) std::abort();
    auto started = transport.start_queue(0, 32, slots);
    if (!started.ok() || !transport.start().ok()) std::abort();
    queue = std::move(*started);
    sent = 0;
    answered = 0;
  }

  Segment segment(Input& input) {
    // Mostly near the buffers, sometimes anywhere.
    std::uint64_t at = kBuffers + input.word() % (kRegion - kBuffers);
    std::uint32_t count = input.word() % 1100;
    const std::uint8_t odd = input.byte();
    if (odd == 255) at = ~std::uint64_t{0} - input.byte();
    if (odd == 254) count = ~std::uint32_t{0} >> input.byte() % 32;
    return {Offset(at), count};
  }

  void send(Input& input) {
    std::vector<Segment> in(input.byte() % 20);
    std::vector<Segment> out(input.byte() % 20);
    for (Segment& piece : in) piece = segment(input);
    for (Segment& piece : out) piece = segment(input);
    if (!in.empty() && (input.byte() & 3) != 0) {
      // A header, so that more than one in a billion gets past the first check.
      const Offset at(kBuffers + input.word() % 1024);
      const virtio_blk_req_header header{
          .type = input.byte() % 15u, .reserved = 0, .sector = input.byte() % 70u};
      const auto from = wire_bytes(header);
      std::copy(from.begin(), from.end(), region.at(at, from.size()).begin());
      in[0] = {at, 16};
    }
    if (!queue.try_add(in, out, Token{}).ok()) return;
    ++sent;
    if (queue.publish()) transport.notify(0, queue.next_offset());
  }

  void reap() {
    transport.serve();
    while (queue.try_reap().ok()) ++answered;
    if (queue.fault() != QueueFault::kNone) std::abort();  // the device broke the ring
  }

  std::vector<std::byte> bytes;
  test::SlowDisk disk;
  test::TestRegion region{kRegion};
  device::BlkRoom<RegionMemory, 1, 4, 12> room;
  Model model;
  test::DirectTransport<Model> transport;
  std::array<DriverSlot, 32> slots{};
  AnyDriverQueue<RegionMemory> queue;
  unsigned sent = 0;
  unsigned answered = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world;
  // The rings stay in the lower half, where nothing that a request names can lie.
  Arena& arena = world.region.arena();
  const auto lower = arena.allocate(kBuffers);
  const auto upper = arena.allocate(kRegion - kBuffers);
  if (!lower || !upper || upper->bytes() != kBuffers) std::abort();
  arena.release(*lower, kBuffers);
  world.start(input.byte());
  while (!input.empty()) {
    switch (const std::uint8_t what = input.byte(); what % 8) {
      case 0:
      case 1:
      case 2:
        world.send(input);
        break;
      case 3:
        world.reap();
        break;
      case 4: {  // scribble
        const std::size_t at = kBuffers + input.word() % (kRegion - kBuffers);
        world.region.bytes()[at] = static_cast<std::byte>(input.byte());
        break;
      }
      case 5:
      case 6:
        world.transport.serve();
        if (!world.disk.pending.empty())
          world.disk.finish(what / 8 % world.disk.pending.size(), (what & 128) == 0);
        world.transport.serve_all();
        break;
      default:
        if (what > 230) world.start(input.byte());
    }
  }
  world.transport.serve_all();
  while (!world.disk.pending.empty()) {
    world.disk.finish(0);
    world.transport.serve_all();
  }
  world.reap();
  if (!world.model.needs_reset() && world.answered != world.sent) std::abort();
  return 0;
}
