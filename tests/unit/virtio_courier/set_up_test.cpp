// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Control messages of a driver side that is no courier: what its addresses say, queues that can not be carried, and
// features that it asks for when that means nothing any more. A device never gets a ring that its courier did not make.
#include "rig.hpp"

#include "../virtio_msg/toy_device.hpp"

#include <hawser/virtio/courier/parcel_builder.hpp>
#include <hawser/virtio/queue/spec.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using namespace hawser::virtio;

namespace {

constexpr std::uint16_t kToyNumber = 3;
constexpr Features kPlain{VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM};
constexpr std::uint32_t kFeaturesOk =
    VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK;
constexpr std::size_t kWorkspace = (courier::ParcelBuilder<ParcelRing::kMaxParts>::kMemory + 63) / 64 * 64;

/// Words put into the driver side's mouth, behind the back of its own courier.
struct RawDriver {
  explicit RawDriver(const CourierRigOptions& options = {}) : rig(options), ring_bytes(options.ring) {
    REQUIRE(rig.devices.add(msg::DeviceRef<RegionMemory>(model), {}, kToyNumber).ok());
    rig.connect();
    rig.device_step();
  }

  void tell(std::uint16_t device, const msg::Body& body) {
    std::array<std::byte, 264> frame;
    const auto size = msg::encode(msg::Message{device, 1, body}, msg::WireVersion::kV2, frame);
    REQUIRE(size.ok());
    send(std::span(frame).first(*size));
  }
  void send(std::span<const std::byte> frame) {
    const std::span<const std::byte> parts[] = {frame};
    REQUIRE(rig.first.channel().try_send(parts).ok());
    rig.device_step();
  }
  /// Whatever else comes is not looked at.
  template <msg::Asks Q>
  typename Q::Response ask(std::uint16_t device, const Q& request) {
    tell(device, request);
    std::optional<typename Q::Response> said;
    while (const auto got = rig.first.channel().try_receive(answer)) {
      const auto message = msg::decode(std::span(answer).first(*got), msg::WireVersion::kV2);
      REQUIRE(message.ok());
      if (const auto* response = message->body.template as<typename Q::Response>()) said = *response;
    }
    REQUIRE(said.has_value());
    return *said;
  }

  static msg::SetDriverFeatures features(const std::array<le32, Features::kBlocks>& words) {
    msg::SetDriverFeatures run;
    run.bytes = std::as_bytes(std::span(words));
    return run;
  }
  static std::array<le32, Features::kBlocks> words(const Features& chosen) {
    std::array<le32, Features::kBlocks> words{};
    for (std::size_t n = 0; n < words.size(); ++n) words[n] = chosen.block(n);
    return words;
  }
  void choose(std::uint16_t device, const Features& chosen) {
    const auto blocks = words(chosen);
    tell(device, features(blocks));
  }
  void look_at_features(std::uint16_t device) {
    (void)ask(device, msg::GetDeviceFeatures({.block_index = 0, .num_blocks = Features::kBlocks}));
  }
  std::uint32_t status(std::uint16_t device, std::uint32_t wanted) {
    return ask(device, msg::SetDeviceStatus({.status = wanted})).status;
  }
  void negotiate(std::uint16_t device, const Features& also = {}) {
    REQUIRE(status(device, 0) == 0);
    look_at_features(device);
    choose(device, kPlain | also);
    REQUIRE(status(device, kFeaturesOk) == kFeaturesOk);
  }
  void start(std::uint16_t device) {
    REQUIRE(status(device, kFeaturesOk | VIRTIO_STATUS_DRIVER_OK) == (kFeaturesOk | VIRTIO_STATUS_DRIVER_OK));
  }

  msg::GetVqueue::Response read_back(std::uint16_t device, std::uint32_t index) {
    return ask(device, msg::GetVqueue({.index = index}));
  }
  /// Sets the queue up with places of the device's parcel ring, and enables it.
  static msg::SetVqueue in_the_ring(std::uint32_t index, std::uint32_t size) {
    return msg::SetVqueue({.index = index,
                           .flags = msg::VIRTIO_MSG_VQUEUE_OP_ENABLE,
                           .size = size,
                           .reserved = 0,
                           .descriptors = kRingDescriptors,
                           .driver = kRingDriver,
                           .device = kRingDevice});
  }
  bool enable(std::uint16_t device, std::uint32_t index, std::uint32_t size = 16) {
    tell(device, in_the_ring(index, size));
    const auto said = read_back(device, index);
    const bool enabled = (said.flags & msg::VIRTIO_MSG_VQUEUE_ENABLED) != 0;
    if (enabled) {
      CHECK(said.cur_size == size);
      for (const std::uint64_t at : {said.descriptors, said.driver, said.device})
        CHECK(at >= ring_bytes + kWorkspace);
    }
    return enabled;
  }

  /// In the parcel ring, what a device would take for a request if it believed the addresses.
  void lay_bait() {
    std::span<std::byte> at = std::span(rig.device_memory).first(ring_bytes);
    std::fill(at.begin(), at.end(), std::byte{0});
    for (const std::uint64_t descriptors : {std::uint64_t{0}, kRingDescriptors})
      (void)write_wire(at.subspan(descriptors), virtq_desc{0x800, 16, VIRTQ_DESC_F_WRITE, 0});
    for (const std::uint64_t driver : {std::uint64_t{0}, kRingDriver})
      (void)write_wire(at.subspan(driver + 2), le16(1));
    bait.assign(at.begin(), at.end());
  }
  bool bait_untouched() {
    rig.device_step();
    return std::equal(bait.begin(), bait.end(), rig.device_memory.begin());
  }

  /// A chain for a queue, by parcel.
  void send_chain(std::uint16_t device, std::uint16_t index, std::uint16_t chain) {
    std::vector<std::byte> bytes;
    const auto put = [&](const auto& value) {
      const auto more = wire_bytes(value);
      bytes.insert(bytes.end(), more.begin(), more.end());
    };
    put(courier::wire::ParcelHeader{static_cast<std::uint8_t>(courier::Kind::kRequests), courier::kVersion, 1,
                                    static_cast<std::uint32_t>(rig.first.counters().messages_sent)});
    put(courier::wire::Entry{device, index, chain, 0, 4, 8, 0, 4});
    bytes.resize(bytes.size() + 4, std::byte{0x5a});
    const std::span<const std::byte> parts[] = {bytes};
    REQUIRE(rig.first.parcels().try_send(parts).ok());
    rig.device_step();
    while (const auto parcel = rig.first.parcels().try_receive()) rig.first.parcels().release(parcel->number);
  }

  static constexpr std::uint64_t kRingDescriptors = 0x100, kRingDriver = 0x400, kRingDevice = 0x600;

  ToyDevice model;
  CourierRig rig;
  const std::size_t ring_bytes;
  std::vector<std::byte> bait;
  std::array<std::byte, 264> answer;
};

}  // namespace

TEST_CASE("queues of devices that are not there take no places") {
  RawDriver driver;
  for (std::uint16_t n = 0; n < 8; ++n)
    driver.tell(static_cast<std::uint16_t>(n < 4 ? 10 + n : 100 + n), RawDriver::in_the_ring(0, 16));
  driver.negotiate(kToyNumber);
  driver.lay_bait();
  CHECK(driver.enable(kToyNumber, 0));
  driver.start(kToyNumber);
  CHECK(driver.bait_untouched());
  driver.send_chain(kToyNumber, 0, 1);
  CHECK(driver.model.served == 1);
}

TEST_CASE("a queue beyond the courier's table does not exist, and is not enabled by who sets it up") {
  std::array<ToyDevice, 4> more;
  RawDriver driver;
  std::uint16_t next = 4;
  for (ToyDevice& device : more)
    REQUIRE(driver.rig.devices.add(msg::DeviceRef<RegionMemory>(device), {}, next++).ok());
  for (std::uint16_t number = kToyNumber; number < 8; ++number) driver.negotiate(number);
  driver.lay_bait();
  for (std::uint16_t number = kToyNumber; number < 7; ++number) {
    CHECK(driver.enable(number, 0));
    CHECK(driver.enable(number, 1));
  }
  CHECK(driver.read_back(6, 1).max_size == 16);
  CHECK(driver.read_back(7, 0).max_size == 0);
  CHECK_FALSE(driver.enable(7, 0));
  driver.start(7);
  CHECK(driver.bait_untouched());
  CHECK(more[3].served == 0);
  REQUIRE(driver.status(4, 0) == 0);
  CHECK(driver.read_back(7, 0).max_size == 16);
  CHECK(driver.enable(7, 0));
}

TEST_CASE("a queue that finds no memory is not enabled, and holds none of it back") {
  RawDriver driver({.device_ring = {}, .memory = 16384 + kWorkspace + 1024});
  driver.model.max_size = 64;
  driver.negotiate(kToyNumber);
  driver.lay_bait();
  for (unsigned n = 0; n < 3; ++n) CHECK_FALSE(driver.enable(kToyNumber, 0, 64));
  driver.start(kToyNumber);
  CHECK(driver.bait_untouched());
  CHECK(driver.enable(kToyNumber, 0, 16));
  CHECK(driver.bait_untouched());
  driver.send_chain(kToyNumber, 0, 1);
  CHECK(driver.model.served == 1);
}

TEST_CASE("a queue larger than the courier's limit is not enabled, and may be set up smaller") {
  RawDriver driver;
  driver.model.max_size = 256;
  driver.negotiate(kToyNumber);
  driver.lay_bait();
  CHECK(driver.read_back(kToyNumber, 0).max_size == 64);
  CHECK_FALSE(driver.enable(kToyNumber, 0, 128));
  driver.start(kToyNumber);
  CHECK(driver.bait_untouched());
  CHECK(driver.enable(kToyNumber, 0, 64));
  CHECK(driver.bait_untouched());
}

TEST_CASE("a queue that is set up before it is enabled lies nowhere meanwhile") {
  RawDriver driver;
  driver.negotiate(kToyNumber);
  driver.lay_bait();
  auto setup = RawDriver::in_the_ring(0, 8);
  setup.flags = msg::VIRTIO_MSG_VQUEUE_OP_KEEP_DISABLED;
  driver.tell(kToyNumber, setup);
  CHECK(driver.read_back(kToyNumber, 0).cur_size == 8);
  CHECK(driver.read_back(kToyNumber, 0).flags == 0);
  setup.flags = msg::VIRTIO_MSG_VQUEUE_OP_ENABLE | msg::VIRTIO_MSG_VQUEUE_IGNORE_SIZE |
                msg::VIRTIO_MSG_VQUEUE_IGNORE_DESC | msg::VIRTIO_MSG_VQUEUE_IGNORE_DRIVER |
                msg::VIRTIO_MSG_VQUEUE_IGNORE_DEVICE;
  driver.tell(kToyNumber, setup);
  CHECK(driver.read_back(kToyNumber, 0).flags == msg::VIRTIO_MSG_VQUEUE_ENABLED);
  CHECK(driver.read_back(kToyNumber, 0).descriptors >= driver.ring_bytes + kWorkspace);
  driver.start(kToyNumber);
  CHECK(driver.bait_untouched());
}

TEST_CASE("devices that come and go leave no queues behind") {
  RawDriver driver;
  for (unsigned round = 0; round < 12; ++round) {
    ToyDevice model;
    const auto number = driver.rig.devices.add(msg::DeviceRef<RegionMemory>(model), {});
    REQUIRE(number.ok());
    driver.negotiate(*number);
    CHECK(driver.enable(*number, 0));
    CHECK(driver.enable(*number, 1));
    driver.rig.devices.remove(*number);
  }
}

TEST_CASE("a device that takes another's number has agreed to nothing yet") {
  ToyDevice next;
  RawDriver driver({.device_ring = {VIRTIO_F_RING_PACKED}});
  driver.negotiate(kToyNumber);
  REQUIRE(driver.enable(kToyNumber, 0));
  REQUIRE(driver.model.queues[0].format() == RingFormat::kPacked);
  driver.rig.devices.remove(kToyNumber);
  REQUIRE(driver.rig.devices.add(msg::DeviceRef<RegionMemory>(next), {.ring = {}}, kToyNumber).ok());
  driver.rig.device_step();
  driver.look_at_features(kToyNumber);
  driver.choose(kToyNumber, kPlain);
  REQUIRE(driver.status(kToyNumber, kFeaturesOk) == kFeaturesOk);
  CHECK(driver.enable(kToyNumber, 0));
  CHECK(driver.enable(kToyNumber, 1));
  CHECK(driver.read_back(kToyNumber, 0).device + 134 <= driver.read_back(kToyNumber, 1).descriptors);
  driver.start(kToyNumber);
  driver.send_chain(kToyNumber, 0, 1);
  CHECK(next.served == 1);
}

TEST_CASE("what a driver chooses after FEATURES_OK changes nothing, whatever number it gives") {
  for (const std::uint16_t number : {kToyNumber, static_cast<std::uint16_t>(kToyNumber + 64)}) {
    CAPTURE(number);
    RawDriver driver;
    driver.negotiate(kToyNumber);
    REQUIRE(driver.enable(kToyNumber, 0));
    driver.start(kToyNumber);
    driver.choose(number, kPlain | Features{VIRTIO_F_RING_RESET});
    driver.tell(kToyNumber, msg::ResetVqueue({.index = 0}));
    CHECK(driver.read_back(kToyNumber, 0).flags == msg::VIRTIO_MSG_VQUEUE_ENABLED);
    driver.send_chain(kToyNumber, 0, 1);
    CHECK(driver.model.served == 1);
  }
}

TEST_CASE("a queue that was reset as negotiated can be set up again") {
  RawDriver driver;
  driver.negotiate(kToyNumber, {VIRTIO_F_RING_RESET});
  REQUIRE(driver.enable(kToyNumber, 0));
  driver.start(kToyNumber);
  driver.tell(kToyNumber, msg::ResetVqueue({.index = 0}));
  CHECK(driver.read_back(kToyNumber, 0).flags == 0);
  driver.send_chain(kToyNumber, 0, 1);
  CHECK(driver.model.served == 0);
  CHECK(driver.enable(kToyNumber, 0));
  driver.send_chain(kToyNumber, 0, 1);
  CHECK(driver.model.served == 1);
}

TEST_CASE("a ring has the format that its device agreed to, not one that it offers") {
  for (const bool half_a_message : {false, true}) {
    CAPTURE(half_a_message);
    RawDriver driver({.device_ring = {VIRTIO_F_RING_PACKED}});
    REQUIRE(driver.status(kToyNumber, 0) == 0);
    driver.choose(kToyNumber, kPlain);  // before the courier has seen what the device offers
    if (half_a_message) {
      driver.look_at_features(kToyNumber);
      auto words = RawDriver::words(kPlain);
      std::array<std::byte, 264> frame;
      const auto size =
          msg::encode(msg::Message{kToyNumber, 1, RawDriver::features(words)}, msg::WireVersion::kV2, frame);
      REQUIRE(size.ok());
      const std::size_t short_by = sizeof(le32);
      (void)write_wire(std::span(frame).subspan(6), le16(static_cast<std::uint16_t>(*size - short_by)));
      driver.send(std::span(frame).first(*size - short_by));
    }
    REQUIRE(driver.status(kToyNumber, kFeaturesOk) == kFeaturesOk);
    driver.look_at_features(kToyNumber);
    CHECK(driver.enable(kToyNumber, 0));
    CHECK(driver.enable(kToyNumber, 1));
    driver.start(kToyNumber);
    REQUIRE_FALSE(driver.model.negotiated.has(VIRTIO_F_RING_PACKED));
    const auto first = driver.read_back(kToyNumber, 0);
    const auto second = driver.read_back(kToyNumber, 1);
    CHECK(first.device + 134 <= second.descriptors);  // VIRTIO 1.3 §2.7: 6 + 8 n
    for (std::uint16_t n = 0; n < 40; ++n) driver.send_chain(kToyNumber, 0, n);
    CHECK(driver.model.served == 40);
  }
}
