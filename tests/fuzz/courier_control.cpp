// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A hostile driver side without a courier, which says whole control messages in any order, between parcels that fit them.
// Whatever it says, no device has a ring that its courier did not make: each that is enabled lies in the courier's arena.
#include "support/copied_pair.hpp"
#include "support/tape.hpp"
#include "unit/virtio_msg/toy_device.hpp"

#include <hawser/virtio/courier/device_end.hpp>
#include <hawser/virtio/courier/parcel_builder.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <array>
#include <vector>

namespace {

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;

using SmallEnd = courier::DeviceEnd<CopiedEnd, 4, 32>;  // fewer places than the devices have queues

constexpr std::array<std::uint16_t, 3> kNumbers{3, 5, 63};
constexpr std::size_t kMemory = 128 << 10, kRing = 4096;
constexpr std::size_t kArena =
    kRing + (courier::ParcelBuilder<ParcelRing::kMaxParts>::kMemory + 63) / 64 * 64;

void must(bool holds) {
  if (!holds) __builtin_trap();
}

/// The device side is honest; the driver side is what the tape says.
class World {
 public:
  explicit World(Tape& tape) : tape_(tape) {
    CopiedEnd::connect(driver_, carrier_);
    for (std::size_t n = 0; n < models_.size(); ++n) plug(n);
    step();
  }

  void act() {
    const std::uint16_t device = kNumbers[tape_.byte() % kNumbers.size()];
    switch (tape_.byte() % 10) {
      case 0:
        say(device, msg::GetDeviceFeatures({.block_index = 0, .num_blocks = Features::kBlocks}));
        choose_features(device);
        return say(device, msg::SetDeviceStatus({.status = kFeaturesOk}));
      case 1:
        return choose_features(device);
      case 2:
        return say(device, msg::SetDeviceStatus({.status = tape_.near(next_status(tape_.byte()))}));
      case 3:
      case 4:
        return set_up_queue(device);
      case 5:
        return say(device, msg::GetVqueue({.index = tape_.near(tape_.byte() % 2)}));
      case 6:
        return say(device, msg::ResetVqueue({.index = tape_.near(tape_.byte() % 2)}));
      case 7:
        return send_chain(device);
      case 8:
        return change_devices();
      default:
        if (tape_.byte() % 8 == 0) driver_.reset();
    }
  }

  /// The device side works, and each answer is looked at.
  void step() {
    if (driver_.poll() != LinkEvent::kNothing) said_ = 0;
    for (unsigned n = 0; n < 4 && devices_.step(); ++n) continue;
    (void)devices_.prepare_to_wait();
    std::array<std::byte, 264> frame;
    while (const auto got = driver_.channel().try_receive(frame)) {
      const auto said = msg::decode(std::span(frame).first(*got), msg::WireVersion::kV2);
      must(said.ok());
      if (const auto* queue = said->body.as<msg::GetVqueue::Response>()) look_at(*queue);
    }
    while (const auto parcel = driver_.parcels().try_receive()) driver_.parcels().release(parcel->number);
    if (end_.state() == LinkState::kBroken) end_.reset();
  }

 private:
  static constexpr std::uint32_t kFeaturesOk =
      VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK;

  static constexpr std::uint32_t next_status(std::uint8_t choice) {
    return choice % 4 == 0 ? 0 : choice % 4 == 1 ? kFeaturesOk | VIRTIO_STATUS_DRIVER_OK : kFeaturesOk;
  }

  static void look_at(const msg::GetVqueue::Response& queue) {
    if ((queue.flags & msg::VIRTIO_MSG_VQUEUE_ENABLED) == 0) return;
    for (const std::uint64_t at : {queue.descriptors, queue.driver, queue.device})
      must(at >= kArena && at < kMemory);
  }

  void plug(std::size_t n) {
    must(devices_.add(msg::DeviceRef<RegionMemory>(models_[n]), {}, kNumbers[n]).ok());
    there_[n] = true;
  }
  void change_devices() {
    const std::size_t n = tape_.byte() % kNumbers.size();
    if (!there_[n]) return plug(n);
    devices_.remove(kNumbers[n]);
    there_[n] = false;
  }

  void say(std::uint16_t device, const msg::Body& body) {
    std::array<std::byte, 264> frame;
    const auto size = msg::encode(msg::Message{device, 1, body}, msg::WireVersion::kV2, frame);
    must(size.ok());
    const std::span<const std::byte> parts[] = {std::span<const std::byte>(frame).first(*size)};
    if (driver_.channel().try_send(parts).ok()) ++said_;
  }

  void choose_features(std::uint16_t device) {
    Features chosen{VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM};
    const std::uint8_t which = tape_.byte();
    if (which & 1) chosen = chosen | Features{VIRTIO_F_RING_RESET};
    if (which & 2) chosen = chosen | Features{VIRTIO_F_RING_PACKED};
    if (which & 4) chosen = chosen | Features{VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC};
    if (which & 8) chosen = chosen | Features{VIRTIO_F_IN_ORDER, VIRTIO_F_NOTIFICATION_DATA};
    std::array<le32, Features::kBlocks> words{};
    for (std::size_t n = 0; n < words.size(); ++n) words[n] = tape_.near(chosen.block(n));
    msg::SetDriverFeatures run;
    run.bytes = std::as_bytes(std::span(words));
    say(device, run);
  }

  void set_up_queue(std::uint16_t device) {
    const std::uint8_t how = tape_.byte();
    const std::uint32_t index = tape_.near(how % 2);
    say(device, msg::SetVqueue({.index = index,
                                .flags = tape_.near(how % 8 == 7 ? 0 : msg::VIRTIO_MSG_VQUEUE_OP_ENABLE),
                                .size = tape_.near(1u << tape_.byte() % 8),
                                .reserved = 0,
                                .descriptors = tape_.near(how & 16 ? 0 : 0x400, 16),
                                .driver = tape_.near(how & 32 ? 0 : 0x800, 16),
                                .device = tape_.near(how & 64 ? 0 : 0xc00, 16)}));
    say(device, msg::GetVqueue({.index = index}));
  }

  void send_chain(std::uint16_t device) {
    std::vector<std::byte> bytes;
    const auto put = [&](const auto& value) {
      const auto more = wire_bytes(value);
      bytes.insert(bytes.end(), more.begin(), more.end());
    };
    const std::uint32_t length = tape_.byte() + 1u;
    put(courier::wire::ParcelHeader{static_cast<std::uint8_t>(courier::Kind::kRequests), courier::kVersion, 1,
                                    tape_.near(said_)});
    put(courier::wire::Entry{device, static_cast<std::uint16_t>(tape_.byte() % 2), chain_++, 0, length,
                             tape_.byte(), 0, length});
    bytes.resize(bytes.size() + length, std::byte{0x5a});
    const std::span<const std::byte> parts[] = {bytes};
    (void)driver_.parcels().try_send(parts).ok();
  }

  Tape& tape_;
  CopiedWorld world_;
  std::vector<std::byte> memory_ = std::vector<std::byte>(kMemory), ring_ = std::vector<std::byte>(kRing);
  std::array<std::uint64_t, Arena::bitmap_words(kMemory)> bitmap_{};
  CopiedEnd driver_{world_, {}, ring_}, carrier_{world_, {}, std::span(memory_).first(kRing)};
  SmallEnd end_{carrier_, {memory_, std::span(memory_).subspan(kRing), bitmap_}};
  std::array<ToyDevice, kNumbers.size()> models_;
  std::array<bool, kNumbers.size()> there_{};
  msg::DeviceBus<SmallEnd, 64> devices_{end_};
  std::uint32_t said_ = 0;
  std::uint16_t chain_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tape tape(std::span(data, size));
  World world(tape);
  for (unsigned steps = 0; !tape.empty() && steps < 200; ++steps) {
    world.act();
    world.step();
  }
  return 0;
}
