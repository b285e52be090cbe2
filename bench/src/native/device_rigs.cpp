// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "device_rigs.hpp"
#include "block_reads.hpp"
#include "driver_side.hpp"
#include "ivshmem_ends.hpp"
#include "link_device.hpp"
#include "mirror.hpp"

#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/memory_disk.hpp>
#include <hawser/virtio/device/net.hpp>
#include <hawser/virtio/driver/net.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <stdexcept>

#include <sys/mman.h>

namespace hawser::bench {
namespace {

using RigLink = IvshmemEnds::Link;
using Device = virtio::msg::DriverDevice<RigLink>;

/// Until told to stop: that device and nothing else.
template <class Model>
void serve_device(RigLink& link, LinkControl& control, Model& model) {
  virtio::msg::DeviceBus<RigLink, 1, 3> bus(link);
  if (bus.add(virtio::msg::DeviceRef<RegionMemory>(model)).ok()) serve_bus(bus, control);
}

// ---- network -------------------------------------------------------------------------------------------------

class FrameDriver : DriverSide<RigLink> {
  static constexpr std::uint16_t kSize = 256;
  using Driver = virtio::driver::Net<Device, 1, kSize>;

 public:
  using DriverSide<RigLink>::DriverSide;
  using DriverSide<RigLink>::wait_up;

  Run run(const FrameRun& run, unsigned units, Histogram* single) {
    if (const char* wrong = prepare(run)) return broken(wrong);
    const auto go = [&](unsigned count, Histogram* each) {
      return run.back ? there_and_back(run, count, each) : there(run, count);
    };
    Run result = measured(
        Waiting::kPollOnly, [&] { return go(std::min(units, 64u), nullptr); },
        [&] { return go(units, single); });
    if (!result.broken.empty()) driver_.reset();
    return result;
  }

 private:
  const char* prepare(const FrameRun& run) {
    control_.mirror.store(run.back, std::memory_order_relaxed);
    frame_.fill(std::byte{0x5a});
    bus_.pump();
    if (driver_ && driver_->started() && packed_ == run.packed) return nullptr;
    if (driver_) driver_->stop();
    virtio::Features wanted = virtio::kQueueFeatures;
    wanted.set(virtio::VIRTIO_F_RING_PACKED, run.packed);
    if (!device_) device_.emplace(bus_, std::uint16_t{0}, arena_);
    if (const auto found = device_->open(); !found.ok()) return virtio::describe(found.error());
    driver_.emplace(virtio::driver::NetDriverOptions{.queue_features = wanted,
                                                     .send = {},
                                                     .receive = {},
                                                     .mergeable = false,
                                                     .queue_size = kSize,
                                                     .receive_buffers = kSize});
    if (const auto done = driver_->start(*device_); !done.ok()) return virtio::describe(done.error());
    packed_ = run.packed;
    return nullptr;
  }

  /// False: no room now.
  bool send(const FrameRun& run, bool more) {
    const auto frame = std::span<const std::byte>(frame_).first(run.bytes);
    return driver_->send(0, {}, std::span(&frame, 1), more).ok();
  }

  const char* there(const FrameRun& run, unsigned units) {
    const std::uint64_t seen = control_.frames.load(std::memory_order_relaxed) + units;
    InVain looks;
    for (unsigned sent = 0; sent < units;) {
      if (send(run, (sent + 1) % run.burst != 0 && sent + 1 < units)) {
        ++sent;
        looks.reset();
      } else if (spin_hint(); !looks.go_on()) {
        return "frames were not taken";
      }
    }
    for (looks.reset(); control_.frames.load(std::memory_order_relaxed) != seen; spin_hint())
      if (!looks.go_on()) return "frames did not arrive";
    return nullptr;
  }

  const char* there_and_back(const FrameRun& run, unsigned units, Histogram* single) {
    unsigned sent = 0, back = 0;
    InVain looks;
    std::uint64_t start = 0;
    while (back < units) {
      const unsigned room = std::min<unsigned>(run.outstanding - (sent - back), units - sent);
      const unsigned burst = std::min<unsigned>(room, run.burst);
      if (burst == run.burst || (burst != 0 && burst == room)) {
        if (single != nullptr) start = clock_ns();
        for (unsigned n = 0; n < burst && send(run, n + 1 < burst); ++n) ++sent;
      }
      bool something = false;
      for (auto got = driver_->receive(0, in_); got.ok(); got = driver_->receive(0, in_)) {
        if (got->bytes != run.bytes) return "a frame came back changed";
        if (single != nullptr) single->add(clock_ns() - start);
        ++back;
        something = true;
      }
      if (something) {
        looks.reset();
      } else if (spin_hint(); !looks.go_on()) {
        return "frames did not come back";
      }
    }
    return nullptr;
  }

  std::optional<Device> device_;
  std::optional<Driver> driver_;
  bool packed_ = false;
  std::array<std::byte, Mirror::kMostBytes> frame_, in_;
};

// ---- block ---------------------------------------------------------------------------------------------------

class ReadDriver : DriverSide<RigLink> {
 public:
  using DriverSide<RigLink>::DriverSide;
  using DriverSide<RigLink>::wait_up;

  Run run(const ReadRun& run, unsigned units, Histogram* single) {
    bus_.pump();
    if (!device_) device_.emplace(bus_, std::uint16_t{0}, arena_);
    if (!reads_) {
      if (const auto found = device_->open(); !found.ok()) return broken(virtio::describe(found.error()));
      reads_.emplace(*device_);
    }
    if (const char* wrong = reads_->start(run.packed)) return broken(wrong);
    Run result = measured(
        Waiting::kPollOnly, [&] { return reads_->read(std::min(units, 64u), run.depth, nullptr); },
        [&] { return reads_->read(units, run.depth, single); });
    if (!result.broken.empty()) reads_.reset();
    return result;
  }

 private:
  std::optional<Device> device_;
  std::optional<BlockReads<Device>> reads_;
};

// ---- rigs ----------------------------------------------------------------------------------------------------

/// A driver here, a process that serves its device, and an ivshmem server.
template <class Rig, class Driver, class What>
class OverIvshmem final : public Rig {
 public:
  OverIvshmem(Cores cores, const IvshmemEnds::Serve& serve)
      : ends_(cores, serve), driver_(ends_.link(), ends_.control(), {cores}) {
    driver_.wait_up();
    ends_.settled();
  }

  Run run(const What& what, unsigned units, Histogram* single) override {
    return driver_.run(what, units, single);
  }

 private:
  IvshmemEnds ends_;
  Driver driver_;
};

void serve_frames(RigLink& link, LinkControl& control) {
  Mirror mirror(control);
  virtio::device::Net<RegionMemory, Mirror> model(mirror, {});
  serve_device(link, control, model);
}

/// A disk's memory. Without the huge pages that `hawser serve` asks for: the peers that it is compared with have none.
class DiskMemory {
 public:
  DiskMemory() : at_(mmap(nullptr, kDiskBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (at_ == MAP_FAILED) throw std::runtime_error("no memory for a disk");
    (void)madvise(at_, kDiskBytes, MADV_NOHUGEPAGE);
  }
  ~DiskMemory() { munmap(at_, kDiskBytes); }
  DiskMemory(const DiskMemory&) = delete;
  DiskMemory& operator=(const DiskMemory&) = delete;
  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(at_), kDiskBytes}; }

 private:
  void* at_;
};

void serve_blocks(RigLink& link, LinkControl& control) {
  const DiskMemory memory;
  const auto bytes = memory.bytes();
  std::fill(bytes.begin(), bytes.end(),
            std::byte{});  // what was never written would all be one page of zeros
  number_blocks(bytes);
  virtio::device::MemoryDisk disk(bytes);
  virtio::device::BlkRoom<RegionMemory> room;
  virtio::device::Blk<RegionMemory, virtio::device::MemoryDisk> model(room, disk);
  serve_device(link, control, model);
}

}  // namespace

std::unique_ptr<FrameRig> frame_rig(Cores cores) {
  return std::make_unique<OverIvshmem<FrameRig, FrameDriver, FrameRun>>(cores, serve_frames);
}
std::unique_ptr<ReadRig> read_rig(Cores cores) {
  return std::make_unique<OverIvshmem<ReadRig, ReadDriver, ReadRun>>(cores, serve_blocks);
}

}  // namespace hawser::bench
