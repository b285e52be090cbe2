// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A hostile device: the input decides what comes back for each request of a driver that does everything a driver does.
// Whatever comes, each call ends within its time, and no ring memory is lost, freed twice or freed too early.
#include <hawser/transport/loopback.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::virtio::msg;

namespace {

void must(bool truth) {
  if (!truth) std::abort();
}

/// Answers from the input: mostly a response with the right header and any payload, so that the checks behind the
/// header are reached.
struct HostileDevice {
  loopback::Pair& pair;
  std::span<const std::uint8_t> input;

  std::uint8_t byte() {
    if (input.empty()) return 0;
    const std::uint8_t first = input.front();
    input = input.subspan(1);
    return first;
  }

  void send(std::span<const std::byte> frame) {
    const std::span<const std::byte> parts[] = {frame};
    (void)pair.second().channel().try_send(parts).ok();
    pair.second().bell().ring();
  }

  void step() {
    auto& link = pair.second();
    (void)link.poll();
    std::array<std::byte, 512> buffer;
    for (auto n = link.channel().try_receive(buffer); n.ok(); n = link.channel().try_receive(buffer)) {
      answer(std::span(buffer).first(*n));
    }
  }

  void answer(std::span<const std::byte> request) {
    const auto asked = decode(request, WireVersion::kV2);
    must(asked.ok());  // what we send is always well-formed
    const auto header = *peek(request);
    if (input.empty()) return;  // silent from here on
    const std::uint8_t choice = byte();
    if (choice == 0xff) return;
    if (choice == 0xfe) return link_reset();
    std::array<std::byte, 264> frame{};
    std::size_t payload = choice < 0xc0 ? honest(*asked, std::span(frame).subspan(8)) : byte() % 128;
    if (choice >= 0xc0) {
      for (std::size_t i = 0; i < payload; ++i) frame[8 + i] = std::byte{byte()};
    } else if (choice >= 0x40) {  // one honest byte changed
      const std::size_t at = byte();
      if (at < payload) frame[8 + at] = std::byte{byte()};
    }
    const auto size = static_cast<std::uint16_t>(8 + payload);
    auto type = static_cast<std::uint8_t>(static_cast<std::uint8_t>(header.type) | 1);
    std::uint8_t id = header.id;
    if (choice >= 0xe0) {
      type = byte() % 4;
      id = byte();
    }
    must(write_wire(std::span(frame), wire::Header{type, id, header.device, header.token, size}));
    send(std::span(frame).first(size));
    if (choice % 8 == 7) send(std::span(frame).first(size));
  }

  void link_reset() { pair.second().reset(); }

  /// The payload of a device with one queue of 16 entries that is as large as the input wants.
  std::size_t honest(const Message& asked, std::span<std::byte> out) {
    std::array<std::byte, 264> frame{};
    std::array<std::byte, 264> zeros{};
    const auto put = [&](const auto& body) {
      const auto size = encode(Message{asked.device, asked.token, body}, WireVersion::kV2, frame);
      if (!size.ok()) return std::size_t{0};
      std::memcpy(out.data(), frame.data() + 8, *size - 8);
      return *size - 8;
    };
    if (asked.body.as<GetDeviceInfo>() != nullptr) {
      GetDeviceInfo::Response info;
      info.device_id = 1;
      info.feature_blocks = 4;
      info.config_size = 300;
      info.max_virtqueues = 4;
      return put(info);
    }
    if (const auto* m = asked.body.as<GetDeviceFeatures>()) {
      std::array<std::byte, 16> all;
      all.fill(std::byte{0xff});
      all[4] &= std::byte{0xfb};  // split
      GetDeviceFeatures::Response run;
      run.first = m->block_index;
      run.bytes = std::span(all).subspan(std::min<std::size_t>(m->block_index * 4u, 16));
      run.bytes = run.bytes.first(std::min<std::size_t>(run.bytes.size(), m->num_blocks * 4u));
      return put(run);
    }
    if (const auto* m = asked.body.as<GetConfig>()) {
      GetConfig::Response run;
      run.offset = m->offset;
      run.data = std::span(zeros).first(std::min<std::size_t>(m->length, 244));
      return put(run);
    }
    if (const auto* m = asked.body.as<SetConfig>()) {
      SetConfig::Response run;
      run.offset = m->offset;
      run.data = m->data;
      return put(run);
    }
    if (const auto* m = asked.body.as<SetDeviceStatus>()) {
      status = m->status;
      if (status == 0) setup = {};
      return put(SetDeviceStatus::Response({.status = status}));
    }
    if (asked.body.as<GetDeviceStatus>() != nullptr)
      return put(GetDeviceStatus::Response({.status = status}));
    if (const auto* m = asked.body.as<SetVqueue>()) {
      setup[m->index % 4] = *m;
      return put(SetVqueue::Response{});
    }
    if (const auto* m = asked.body.as<ResetVqueue>()) {
      setup[m->index % 4] = {};
      return put(ResetVqueue::Response{});
    }
    if (const auto* m = asked.body.as<GetVqueue>()) {
      const wire::VqueueSetup& now = setup[m->index % 4];
      return put(GetVqueue::Response({.index = m->index,
                                      .max_size = 16,
                                      .cur_size = now.size,
                                      .flags = now.flags,
                                      .descriptors = now.descriptors,
                                      .driver = now.driver,
                                      .device = now.device}));
    }
    if (const auto* m = asked.body.as<GetShm>()) return put(GetShm::Response{.shmid = m->shmid});
    if (const auto* m = asked.body.as<Ping>()) return put(Ping::Response({.data = m->data}));
    if (const auto* m = asked.body.as<GetDevices>()) {
      GetDevices::Response list;
      list.offset = m->offset;
      list.count = static_cast<std::uint16_t>(std::min<unsigned>(m->count, 16));
      list.next_offset = static_cast<std::uint16_t>(m->offset + list.count);
      list.bitmap = std::span(zeros).first((list.count + 7u) / 8);
      return put(list);
    }
    return 0;
  }

  std::uint32_t status = 0;
  std::array<wire::VqueueSetup, 4> setup{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static loopback::Storage<264, 8> storage;
  storage.region.fill(std::byte{0});
  loopback::Pair pair(storage);
  HostileDevice device{pair, std::span(data, size)};
  pair.second().on_idle([](void* self) { static_cast<HostileDevice*>(self)->step(); }, &device);

  constexpr Duration kTimeout = milliseconds(120);
  const std::uint8_t kind = device.byte();
  DriverBus<loopback::Link> bus(
      pair.first(), {.timeout = kTimeout,
                     .notification = (kind & 1) != 0 ? Notification::kMessages : Notification::kMarks,
                     .strict_config = (kind & 2) != 0});
  std::array<std::uint64_t, Arena::bitmap_words(65536)> bitmap{};
  Arena arena(Offset(0), 65536, bitmap);
  std::array<std::array<DriverSlot, 16>, 2> slots;

  {
    DriverDevice<loopback::Link, 4> driver(bus, 1, arena);
    // Each call may ask several times; none may take longer than all of its requests' timeouts.
    const auto within = [&](unsigned requests, auto call) {
      const Instant before = bus.link().now();
      const bool ok = call();
      must(elapsed(before, bus.link().now()).ns <= (kTimeout.ns + kPollInterval.ns) * requests);
      return ok;
    };
    for (int round = 0; round < 2 && (round == 0 || !device.input.empty()); ++round) {
      if (!bus.wait_up(bus.link().now() + seconds(5)).ok()) break;
      std::array<std::byte, 300> config{};
      (void)within(65, [&] { return bus.devices().ok(); });
      (void)within(1, [&] { return bus.ping().ok(); });
      const bool ready = within(20, [&] { return driver.negotiate(kQueueFeatures).ok(); });
      (void)within(8, [&] { return driver.read_config(0, config).ok(); });
      (void)within(12, [&] { return driver.write_config(3, std::span(config).first(250)).ok(); });
      for (std::uint16_t queue = 0; queue < 2; ++queue) {
        const bool started = within(3, [&] { return driver.start_queue(queue, 16, slots[queue]).ok(); });
        must(ready || !started);
      }
      (void)within(1, [&] { return driver.start().ok(); });
      driver.notify(0, 1);
      (void)driver.wait(bus.link().now() + milliseconds(1));
      (void)within(2, [&] { return driver.reset_queue(1).ok(); });
      (void)within(1, [&] { return driver.shared_memory(0).ok(); });
      for (int i = 0; i < 200 && bus.take_plug_event(); ++i) {
      }
      (void)driver.take_config_change();
      if (within(130, [&] { return driver.reset().ok(); })) must(arena.free_bytes() == arena.size());
      must(!arena.misused());
    }
  }
  must(!arena.misused());
  return 0;
}
