// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A hostile driver: any sequence of frames, ring contents and lost links into the device's side. What must hold
// whatever comes: it ends, answers are well-formed messages of the right device and token, one for each request at
// most, and a model is only ever used as its contract says.
#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/device/model.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

namespace {

void must(bool truth) {
  if (!truth) std::abort();
}

/// Takes chains and completes them empty; aborts when the bus calls it as a model must not be called.
struct StrictModel {
  static constexpr std::uint32_t kDeviceId = 42;
  static constexpr std::uint16_t kQueues = 3;

  Features offered() const { return {1, 40, 70}; }
  bool acceptable(const Features& f) const {
    must(f.subset_of(offered() | kQueueFeatures | Features{VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM}));
    must(f.has(VIRTIO_F_VERSION_1));
    return !f.has(70) || f.has(1);
  }
  std::uint16_t queue_count() const { return kQueues; }
  std::uint16_t queue_max_size(std::uint16_t queue) const {
    must(queue < kQueues);
    return queue == 1 ? 0 : 64;
  }
  std::uint32_t config_size() const { return static_cast<std::uint32_t>(config.size()); }
  void read_config(std::uint32_t at, std::span<std::byte> out) const {
    must(at <= config.size() && out.size() <= config.size() - at);
    std::memcpy(out.data(), config.data() + at, out.size());
  }
  bool write_config(std::uint32_t at, std::span<const std::byte> in) {
    must(at <= config.size() && in.size() <= config.size() - at);
    std::memcpy(config.data() + at, in.data(), in.size());
    changed = config[0] == std::byte{1};
    return config[1] != std::byte{1};
  }
  bool take_config_change() { return std::exchange(changed, false); }
  void start(const Features& f) {
    must(!started && acceptable(f));
    started = true;
  }
  void attach(std::uint16_t queue, AnyDeviceQueue<RegionMemory> made) {
    must(queue < kQueues && queue != 1 && queues[queue].size() == 0 && made.size() != 0);
    queues[queue] = std::move(made);
  }
  void detach(std::uint16_t queue) {
    must(queue < kQueues && queues[queue].size() != 0);
    queues[queue] = {};
  }
  Work service(std::uint16_t queue) {
    must(started && !broken && queue < kQueues && queues[queue].size() != 0);
    std::array<Segment, 8> segments;
    for (int i = 0; i < 8; ++i) {
      auto chain = queues[queue].try_take(segments);
      if (!chain.ok()) {
        broken = broken || chain.error() == TakeError::kBroken;
        break;
      }
      queues[queue].complete(std::move(*chain), 0);
    }
    return {.more = false, .notify = queues[queue].publish()};
  }
  bool prepare_to_wait(std::uint16_t queue) {
    must(started && queue < kQueues && queues[queue].size() != 0);
    return queues[queue].arm();
  }
  bool needs_reset() const { return broken; }
  void stop() {
    queues = {};
    started = broken = false;
  }

  std::array<std::byte, 24> config{};
  std::array<AnyDeviceQueue<RegionMemory>, kQueues> queues;
  bool changed = false;
  bool started = false;
  bool broken = false;
};

class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t first = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return first;
  }
  std::span<const std::byte> some(std::size_t n) {
    const auto taken = bytes_.first(std::min(n, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return std::as_bytes(taken);
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(std::span(data, size));
  const std::uint8_t kind = input.byte();
  static loopback::Storage<264, 4> storage;
  storage.region.fill(std::byte{0});
  loopback::Pair pair(storage);
  StrictModel a;
  StrictModel b;
  DeviceBus<loopback::Link, 4, 4> bus(
      pair.second(), {.notification = (kind & 1) != 0 ? Notification::kMessages : Notification::kMarks,
                      .wire = (kind & 2) != 0 ? WireVersion::kV1 : WireVersion::kV2,
                      .strict_config = (kind & 4) != 0});
  must(bus.add(DeviceRef<RegionMemory>(a), {}, 0).ok() && bus.add(DeviceRef<RegionMemory>(b), {}, 2).ok());
  const auto wire = (kind & 2) != 0 ? WireVersion::kV1 : WireVersion::kV2;
  auto& driver = pair.first();
  const auto connect = [&] {
    for (int i = 0; i < 10; ++i) {
      (void)driver.poll();
      (void)bus.step();
      pair.advance(milliseconds(1));
    }
  };
  connect();

  // Answers that may still come, by (type, id, device, token).
  std::map<std::uint64_t, unsigned> owed;
  const auto key = [](const Header& h) {
    return (std::uint64_t{static_cast<std::uint8_t>(h.type)} << 48) | (std::uint64_t{h.id} << 32) |
           (std::uint64_t{h.device} << 16) | h.token;
  };
  const auto drain = [&] {
    std::array<std::byte, 512> buffer;
    for (auto n = driver.channel().try_receive(buffer); n.ok(); n = driver.channel().try_receive(buffer)) {
      const auto frame = std::span(buffer).first(*n);
      const auto said = decode(frame, wire);
      must(said.ok());
      const auto header = *peek(frame);
      must(header.size == frame.size());
      if (!answers(header.type)) continue;
      must(owed[key(header)] > 0);
      --owed[key(header)];
    }
  };

  while (!input.empty()) {
    switch (input.byte() % 8) {
      case 0:
      case 1:
      case 2:
      case 3: {  // a frame with a good header, mostly
        std::array<std::byte, 264> frame{};
        const std::uint8_t choice = input.byte();
        const std::uint8_t id = choice % 16;
        const std::uint8_t type = (choice & 0x10) != 0 ? 2 : 0;
        const std::uint16_t device = type == 2 ? 0 : (choice & 0x20) != 0 ? 2 : 0;
        const auto payload = input.some(input.byte() % 64);
        const auto length = static_cast<std::uint16_t>(8 + payload.size());
        must(write_wire(frame,
                        wire::Header{type, (choice & 0x40) != 0 ? static_cast<std::uint8_t>(0x40 | id) : id,
                                     device, static_cast<std::uint16_t>(choice), length}));
        std::memcpy(frame.data() + 8, payload.data(), payload.size());
        const std::span<const std::byte> parts[] = {std::span(frame).first(length)};
        if (driver.channel().try_send(parts).ok()) {
          Header header = *peek(parts[0]);
          header.type = static_cast<Type>(type | 1);
          ++owed[key(header)];
        }
        break;
      }
      case 4: {  // any bytes
        const auto frame = input.some(input.byte());
        const std::span<const std::byte> parts[] = {frame};
        if (driver.channel().try_send(parts).ok()) {
          if (auto header = peek(frame)) {
            header->type = static_cast<Type>(static_cast<std::uint8_t>(header->type) | 1);
            ++owed[key(*header)];
          }
        }
        break;
      }
      case 5: {  // ring contents
        const std::size_t at = input.byte() * 64u;
        const auto bytes = input.some(input.byte() % 32);
        std::memcpy(storage.region.data() + at, bytes.data(), bytes.size());
        break;
      }
      case 6:
        switch (input.byte() % 4) {
          case 0:
            drain();
            break;
          case 1:
            driver.reset();
            connect();
            owed.clear();
            break;
          case 2:
            a.changed = true;
            break;
          case 3:
            bus.remove(2);
            (void)bus.add(DeviceRef<RegionMemory>(b), {}, 2).ok();
            break;
        }
        break;
      case 7:
        (void)driver.poll();
        (void)bus.step();
        if (!bus.prepare_to_wait()) pair.advance(milliseconds(1));
        break;
    }
  }
  for (int i = 0; i < 20; ++i) {
    (void)driver.poll();
    (void)bus.step();
    drain();
  }
  return 0;
}
