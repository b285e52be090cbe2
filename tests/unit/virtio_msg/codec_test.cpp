// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The codec against frames captured from other implementations, byte by byte, in both directions; then everything
// that must not decode. Also run on a big-endian machine.
#include "frames.hpp"

#include <hawser/virtio/msg/codec.hpp>

#include <doctest/doctest.h>

#include <array>
#include <optional>

using namespace hawser;
using namespace hawser::virtio::msg;
using hawser::test::frame;
using hawser::test::hex;

namespace {

constexpr WireVersion kV1 = WireVersion::kV1;
constexpr WireVersion kV2 = WireVersion::kV2;
constexpr WireVersion kBoth[] = {kV1, kV2};

/// A decoded frame together with the bytes that it points into.
class Golden {
 public:
  Golden(WireVersion wire, std::string_view text) : bytes_(frame(text)) {
    auto decoded = decode(bytes_, wire);
    REQUIRE(decoded.ok());
    message_.emplace(*decoded);

    std::array<std::byte, 512> again;
    const auto size = encode(*message_, wire, again);
    REQUIRE(size.ok());
    CHECK(hex(std::span(again).first(*size)) == hex(bytes_));
  }

  template <class B>
  const B& body() const {
    const B* body = message_->body.as<B>();
    REQUIRE(body != nullptr);
    return *body;
  }
  std::uint16_t device() const { return message_->device; }
  std::uint16_t token() const { return message_->token; }

 private:
  test::Bytes bytes_;
  std::optional<Message> message_;
};

std::optional<DecodeError> error_of(std::string_view text, WireVersion wire = kV2) {
  const auto bytes = frame(text);
  const auto decoded = decode(bytes, wire);
  return decoded.ok() ? std::nullopt : std::optional(decoded.error());
}

std::uint32_t word(std::span<const std::byte> bytes, std::size_t at) {
  return read_wire<le32>(bytes.subspan(at)).value();
}

}  // namespace

TEST_CASE("golden PING: request and response carry the same word, v1 answers with token 0") {
  for (const auto wire : kBoth) {
    const Golden request(wire, "0203 0000 0101 0c00 efbeadde");
    CHECK(request.token() == 0x0101);
    CHECK(request.body<Ping>().data == 0xdeadbeef);
  }
  const Golden v2(kV2, "0303 0000 0101 0c00 efbeadde");
  CHECK(v2.token() == 0x0101);
  CHECK(v2.body<Ping::Response>().data == 0xdeadbeef);
  const Golden v1(kV1, "0303 0000 0000 0c00 efbeadde");
  CHECK(v1.token() == 0);
  CHECK(v1.body<Ping::Response>().data == 0xdeadbeef);
}

TEST_CASE("golden GET_DEVICES: the first window holds devices 0 and 5") {
  for (const auto wire : kBoth) {
    const Golden request(wire, "0202 0000 0201 0c00 0000 2000");
    CHECK(request.body<GetDevices>().offset == 0);
    CHECK(request.body<GetDevices>().count == 32);
  }
  const Golden v2(kV2, "0302 0000 0201 1200 0000 0000 2000 21000000");
  CHECK(v2.body<GetDevices::Response>().next_offset == 0);
  CHECK(v2.body<GetDevices::Response>().count == 32);
  const Golden v1(kV1, "0302 0000 0000 1200 0000 2000 2000 21000000");
  CHECK(v1.body<GetDevices::Response>().next_offset == 32);
  CHECK(v1.body<GetDevices::Response>().count == 32);
  for (const Golden* each : {&v1, &v2}) {
    const auto& list = each->body<GetDevices::Response>();
    for (std::uint16_t i = 0; i < 40; ++i) CHECK(list.present(i) == (i == 0 || i == 5));
  }
}

TEST_CASE("golden GET_DEVICES: an empty window in the middle, no window, and one past the end") {
  const Golden middle2(kV2, "0302 0000 0301 0f00 0800 1000 0800 00");
  CHECK(middle2.body<GetDevices::Response>().offset == 8);
  CHECK(middle2.body<GetDevices::Response>().next_offset == 16);
  CHECK(middle2.body<GetDevices::Response>().count == 8);
  const Golden middle1(kV1, "0302 0000 0000 0f00 0800 0800 1000 00");
  CHECK(middle1.body<GetDevices::Response>().next_offset == 16);
  CHECK(middle1.body<GetDevices::Response>().count == 8);

  const Golden none2(kV2, "0302 0000 0401 0e00 0000 0000 0000");
  CHECK(none2.body<GetDevices::Response>().count == 0);
  const Golden none1(kV1, "0302 0000 0000 0e00 0000 0000 0000");
  CHECK(none1.body<GetDevices::Response>().count == 0);

  const Golden past2(kV2, "0302 0000 0501 0e00 2800 0000 0000");
  CHECK(past2.body<GetDevices::Response>().offset == 40);
  CHECK(past2.body<GetDevices::Response>().next_offset == 0);
  const Golden past1(kV1, "0302 0000 0000 0e00 2000 0000 2000");
  CHECK(past1.body<GetDevices::Response>().offset == 32);
  CHECK(past1.body<GetDevices::Response>().next_offset == 32);
}

TEST_CASE("golden GET_DEVICE_INFO: the size of the response tells v1 from v2") {
  for (const auto wire : kBoth) {
    const Golden request(wire, "0002 0500 0701 0800");
    CHECK(request.device() == 5);
    (void)request.body<GetDeviceInfo>();
  }
  const Golden v2(kV2,
                  "0102 0500 0701 3400 02000000 51454d55 00*16 02000000 39000000 01000000 00000000 00000000");
  const auto& info2 = v2.body<GetDeviceInfo::Response>();
  CHECK(info2.wire == kV2);
  const Golden v1(kV1, "0102 0500 0701 2000 02000000 51454d55 40000000 39000000 01000000 0000 0000");
  const auto& info1 = v1.body<GetDeviceInfo::Response>();
  CHECK(info1.wire == kV1);
  for (const auto* info : {&info1, &info2}) {
    CHECK(info->device_id == 2);
    CHECK(info->vendor_id == 0x554d4551);
    CHECK(info->uuid == Uuid{});
    CHECK(info->feature_blocks == 2);
    CHECK(info->config_size == 57);
    CHECK(info->max_virtqueues == 1);
    CHECK(info->admin_vq_start == 0);
    CHECK(info->admin_vq_count == 0);
  }
}

TEST_CASE("the form of GET_DEVICE_INFO's response is seen whatever version was expected") {
  const auto v1 = frame("0102 0500 0701 2000 02000000 51454d55 40000000 39000000 01000000 0000 0000");
  CHECK(decode(v1, kV2)->body.as<GetDeviceInfo::Response>()->wire == kV1);
  const auto v2 =
      frame("0102 0500 0701 3400 02000000 51454d55 00*16 02000000 39000000 01000000 00000000 00000000");
  CHECK(decode(v2, kV1)->body.as<GetDeviceInfo::Response>()->wire == kV2);
}

TEST_CASE("golden GET_DEVICE_INFO: v1 answers for a device that does not exist with device id 0") {
  const Golden v1(kV1, "0102 0700 0801 2000 00000000 51454d55 40000000 00000000 00000000 0000 0000");
  CHECK(v1.body<GetDeviceInfo::Response>().device_id == 0);
  CHECK(v1.body<GetDeviceInfo::Response>().feature_blocks == 2);
}

TEST_CASE("golden features: blocks are read, padded with zeros past the end, and written") {
  for (const auto wire : kBoth) {
    const Golden request(wire, "0003 0500 0a01 1000 00000000 02000000");
    CHECK(request.body<GetDeviceFeatures>().block_index == 0);
    CHECK(request.body<GetDeviceFeatures>().num_blocks == 2);
    const Golden response(wire, "0103 0500 0a01 1800 00000000 02000000 546e0030 01010000");
    const auto& blocks = response.body<GetDeviceFeatures::Response>();
    CHECK(blocks.first == 0);
    REQUIRE(blocks.count() == 2);
    CHECK(blocks.block(0) == 0x30006e54);
    CHECK(blocks.block(1) == 0x101);

    const Golden beyond(wire, "0103 0500 0b01 1800 02000000 02000000 00000000 00000000");
    CHECK(beyond.body<GetDeviceFeatures::Response>().first == 2);
    CHECK(beyond.body<GetDeviceFeatures::Response>().block(1) == 0);
    (void)Golden(wire, "0003 0500 0b01 1000 02000000 02000000").body<GetDeviceFeatures>();

    const Golden set(wire, "0004 0000 1b01 1800 00000000 02000000 00000000 01000000");
    CHECK(set.body<SetDriverFeatures>().block(0) == 0);
    CHECK(set.body<SetDriverFeatures>().block(1) == 1);
    (void)Golden(wire, "0104 0000 1b01 0800").body<SetDriverFeatures::Response>();
  }
}

TEST_CASE("golden GET_CONFIG: eight bytes, nothing outside, and what v1 says instead") {
  for (const auto wire : kBoth) {
    const Golden request(wire, "0005 0500 0c01 1000 00000000 08000000");
    CHECK(request.body<GetConfig>().offset == 0);
    CHECK(request.body<GetConfig>().length == 8);
    const Golden response(wire, "0105 0500 0c01 1c00 00000000 00000000 08000000 0020000000000000");
    const auto& config = response.body<GetConfig::Response>();
    CHECK(config.generation == 0);
    REQUIRE(config.data.size() == 8);
    CHECK(word(config.data, 0) == 0x2000);
    (void)Golden(wire, "0005 0500 0f01 1000 00100000 08000000").body<GetConfig>();
    (void)Golden(wire, "0005 0500 0e01 1000 00000000 2c000000").body<GetConfig>();
  }
  const Golden outside2(kV2, "0105 0500 0f01 1400 00000000 00100000 00000000");
  CHECK(outside2.body<GetConfig::Response>().offset == 4096);
  CHECK(outside2.body<GetConfig::Response>().data.empty());
  const Golden outside1(kV1, "0105 0500 0f01 1c00 00000000 00100000 08000000 ffffffffffffffff");
  CHECK(outside1.body<GetConfig::Response>().data.size() == 8);
}

TEST_CASE("golden SET_CONFIG: generation, offset, one byte") {
  for (const auto wire : kBoth) {
    const Golden request(wire, "0006 0500 1001 1500 63000000 20000000 01000000 01");
    CHECK(request.body<SetConfig>().generation == 99);
    CHECK(request.body<SetConfig>().offset == 32);
    CHECK(hex(request.body<SetConfig>().data) == "01");
    const Golden response(wire, "0106 0500 1001 1500 00000000 20000000 01000000 01");
    CHECK(response.body<SetConfig::Response>().generation == 0);
    CHECK(hex(response.body<SetConfig::Response>().data) == "01");
  }
}

TEST_CASE("golden GET_SHM: v2 answers 24 zero bytes") {
  const Golden request(kV2, "000c 0500 1101 0c00 00000000");
  CHECK(request.body<GetShm>().shmid == 0);
  const Golden response(kV2, "010c 0500 1101 2000 00*24");
  CHECK(response.body<GetShm::Response>().length == 0);
}

TEST_CASE("GET_SHM carries 64 bits in v2 and 32 bits in v1") {
  const Golden v2(kV2, "010c 0500 1101 2000 03000000 00000000 0000001000000000 0000000001000000");
  CHECK(v2.body<GetShm::Response>().shmid == 3);
  CHECK(v2.body<GetShm::Response>().length == 0x10000000);
  CHECK(v2.body<GetShm::Response>().address == 0x100000000);
  const Golden v1(kV1, "010c 0500 1101 1400 03000000 00000010 00100000");
  CHECK(v1.body<GetShm::Response>().length == 0x10000000);
  CHECK(v1.body<GetShm::Response>().address == 0x1000);

  std::array<std::byte, 64> out;
  const Message wide{5, 1, GetShm::Response{.shmid = 0, .length = 1, .address = 0x100000000}};
  CHECK(encode(wide, kV1, out).error() == EncodeError::kNotRepresentable);
  CHECK(encode(wide, kV2, out).ok());
}

TEST_CASE("golden status: reset and FEATURES_OK") {
  for (const auto wire : kBoth) {
    CHECK(Golden(wire, "0008 0000 1801 0c00 00000000").body<SetDeviceStatus>().status == 0);
    CHECK(Golden(wire, "0108 0000 1801 0c00 00000000").body<SetDeviceStatus::Response>().status == 0);
    CHECK(Golden(wire, "0008 0000 1c01 0c00 0b000000").body<SetDeviceStatus>().status == 11);
    CHECK(Golden(wire, "0108 0000 1c01 0c00 0b000000").body<SetDeviceStatus::Response>().status == 11);
    (void)Golden(wire, "0007 0000 1c01 0800").body<GetDeviceStatus>();
    CHECK(Golden(wire, "0107 0000 1c01 0c00 40000000").body<GetDeviceStatus::Response>().status == 64);
  }
}

TEST_CASE("golden GET_VQUEUE: before configuration, for an index that does not exist, and after") {
  for (const auto wire : kBoth) {
    CHECK(Golden(wire, "0009 0000 1601 0c00 00000000").body<GetVqueue>().index == 0);
    const Golden missing(wire, "0109 0000 1701 3000 09000000 00*36");
    CHECK(missing.body<GetVqueue::Response>().index == 9);
    CHECK(missing.body<GetVqueue::Response>().max_size == 0);
  }
  const Golden before2(kV2, "0109 0000 1601 3000 00000000 08000000 00000000 00*28");
  CHECK(before2.body<GetVqueue::Response>().max_size == 8);
  CHECK(before2.body<GetVqueue::Response>().cur_size == 0);
  const Golden before1(kV1, "0109 0000 1601 3000 00000000 08000000 08000000 00*28");
  CHECK(before1.body<GetVqueue::Response>().cur_size == 8);

  const Golden after(kV2,
                     "0109 0000 1e01 3000 00000000 08000000 08000000 01000000 "
                     "0000100000000000 0010100000000000 0020100000000000");
  const auto& queue = after.body<GetVqueue::Response>();
  CHECK(queue.cur_size == 8);
  CHECK(queue.flags == VIRTIO_MSG_VQUEUE_ENABLED);
  CHECK(queue.descriptors == 0x100000);
  CHECK(queue.driver == 0x101000);
  CHECK(queue.device == 0x102000);
  const Golden after1(kV1,
                      "0109 0000 1e01 3000 00000000 08000000 08000000 00000000 "
                      "0000100000000000 0010100000000000 0020100000000000");
  CHECK(after1.body<GetVqueue::Response>().flags == 0);
}

TEST_CASE("golden SET_VQUEUE and RESET_VQUEUE") {
  const Golden v2(kV2,
                  "000a 0000 1d01 3000 00000000 01000000 08000000 00000000 "
                  "0000100000000000 0010100000000000 0020100000000000");
  const auto& queue = v2.body<SetVqueue>();
  CHECK(queue.index == 0);
  CHECK(queue.flags == VIRTIO_MSG_VQUEUE_OP_ENABLE);
  CHECK(queue.size == 8);
  CHECK(queue.reserved == 0);
  CHECK(queue.descriptors == 0x100000);
  CHECK(queue.driver == 0x101000);
  CHECK(queue.device == 0x102000);
  const Golden v1(kV1,
                  "000a 0000 1d01 3000 00000000 00000000 08000000 00000000 "
                  "0000100000000000 0010100000000000 0020100000000000");
  CHECK(v1.body<SetVqueue>().flags == 0);
  for (const auto wire : kBoth) {
    (void)Golden(wire, "010a 0000 1d01 0800").body<SetVqueue::Response>();
    CHECK(Golden(wire, "000b 0500 2b01 0c00 00000000").body<ResetVqueue>().index == 0);
    (void)Golden(wire, "010b 0500 2b01 0800").body<ResetVqueue::Response>();
  }
}

TEST_CASE("golden events: available and used") {
  for (const auto wire : kBoth) {
    const Golden available(wire, "0041 0000 0000 1000 00000000 00000000");
    CHECK(available.token() == 0);
    CHECK(available.body<EventAvail>().vq_index == 0);
    CHECK(available.body<EventAvail>().next_offset == 0);
    const Golden used(wire, "0042 0500 0000 0c00 00000000");
    CHECK(used.device() == 5);
    CHECK(used.body<EventUsed>().vq_index == 0);
  }
}

TEST_CASE("EVENT_CONFIG: with data, without, and only a status") {
  for (const auto wire : kBoth) {
    const Golden data(wire, "0040 0500 0000 1a00 0f000000 07000000 04000000 02000000 abcd");
    CHECK(data.body<EventConfig>().device_status == 15);
    CHECK(data.body<EventConfig>().generation == 7);
    CHECK(data.body<EventConfig>().offset == 4);
    CHECK(hex(data.body<EventConfig>().data) == "abcd");
    const Golden status(wire, "0040 0500 0000 1800 4f000000 07000000 00000000 00000000");
    CHECK(status.body<EventConfig>().device_status == 79);
  }
  const Golden omitted(kV2, "0040 0500 0000 1800 0f000000 07000000 00000000 39000000");
  CHECK(omitted.body<EventConfig>().length == 57);
  CHECK(omitted.body<EventConfig>().data.empty());
  CHECK(error_of("0040 0500 0000 1800 0f000000 07000000 00000000 39000000", kV1) ==
        DecodeError::kTailShorterThanItsCount);
}

TEST_CASE("EVENT_DEVICE: number and state") {
  const Golden added(kV2, "0240 0000 0000 0c00 0300 0100");
  CHECK(added.body<EventDevice>().device_number == 3);
  CHECK(added.body<EventDevice>().state == VIRTIO_MSG_DEVICE_ADDED);
}

TEST_CASE("reserved type bits are ignored on receive and zero when sent") {
  const auto bytes = frame("fc02 0500 1501 0800");
  const auto decoded = decode(bytes, kV2);
  REQUIRE(decoded.ok());
  REQUIRE(decoded->body.as<GetDeviceInfo>() != nullptr);
  std::array<std::byte, 8> out;
  REQUIRE(encode(*decoded, kV2, out).ok());
  CHECK(hex(out) == "0002050015010800");
}

TEST_CASE("unknown and implementation-defined messages have a name: unknown") {
  CHECK(error_of("003f 0500 1201 0800") == DecodeError::kUnknownMessage);
  CHECK(error_of("0080 0500 1301 0800") == DecodeError::kUnknownMessage);
  CHECK(error_of("00c0 0500 1301 0800") == DecodeError::kUnknownMessage);
  CHECK(error_of("0000 0500 1301 0800") == DecodeError::kUnknownMessage);
  CHECK(error_of("0001 0500 1301 0800") == DecodeError::kUnknownMessage);
  CHECK(error_of("0204 0000 1301 0800") == DecodeError::kUnknownMessage);
  CHECK(error_of("0141 0500 1301 1000 00*8") ==
        DecodeError::kUnknownMessage);  // an event is never a response
}

TEST_CASE("every type and id decodes to that type and id, or to nothing") {
  for (unsigned type = 0; type < 4; ++type) {
    for (unsigned id = 0; id < 256; ++id) {
      std::array<std::byte, 264> bytes{};
      REQUIRE(write_wire(bytes, wire::Header{static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(id),
                                             0, 0x1234, 264}));
      const auto decoded = decode(bytes, kV2);
      if (!decoded.ok()) {
        CHECK(decoded.error() == DecodeError::kUnknownMessage);
        continue;
      }
      decoded->body.visit([&]<class B>(const B&) {
        CHECK(static_cast<unsigned>(B::kType) == type);
        CHECK(B::kId == id);
      });
    }
  }
}

TEST_CASE("every payload one byte too short is refused, and one byte too long accepted") {
  struct Shape {
    std::uint8_t type, id;
    std::uint16_t payload;
  };
  // The table of sizes: header included, request and response, for the shortest form of each.
  constexpr Shape kShapes[] = {
      {0, 0x03, 8}, {0, 0x04, 8},  {0, 0x05, 8},  {0, 0x06, 12}, {0, 0x08, 4},  {0, 0x09, 4},  {0, 0x0a, 40},
      {0, 0x0b, 4}, {0, 0x0c, 4},  {1, 0x02, 24}, {1, 0x03, 8},  {1, 0x05, 12}, {1, 0x06, 12}, {1, 0x07, 4},
      {1, 0x08, 4}, {1, 0x09, 40}, {1, 0x0c, 24}, {0, 0x40, 16}, {0, 0x41, 8},  {0, 0x42, 4},  {2, 0x02, 4},
      {2, 0x03, 4}, {3, 0x02, 6},  {3, 0x03, 4},  {2, 0x40, 4},
  };
  for (const Shape& shape : kShapes) {
    CAPTURE(unsigned{shape.type});
    CAPTURE(unsigned{shape.id});
    for (int delta = -1; delta <= 1; ++delta) {
      const auto size = static_cast<std::uint16_t>(8 + shape.payload + delta);
      test::Bytes bytes(size);
      REQUIRE(write_wire(std::span(bytes), wire::Header{shape.type, shape.id, 0, 0, size}));
      const auto decoded = decode(bytes, kV2);
      if (delta < 0) {
        REQUIRE_FALSE(decoded.ok());
        CHECK(decoded.error() == DecodeError::kPayloadTooShort);
      } else {
        CHECK(decoded.ok());
      }
    }
  }
}

TEST_CASE("a frame shorter than a header, or than it says, is refused") {
  CHECK(error_of("") == DecodeError::kShorterThanAHeader);
  CHECK(error_of("0002 0500 0701 08") == DecodeError::kShorterThanAHeader);
  CHECK(error_of("0002 0500 0701 0700") == DecodeError::kSizeDisagrees);
  CHECK(error_of("0002 0500 0701 0900") == DecodeError::kSizeDisagrees);
  CHECK(error_of("0002 0500 0701 ffff") == DecodeError::kSizeDisagrees);
}

TEST_CASE("bytes after msg_size belong to the carrier") {
  const auto bytes = frame("0005 0500 0c01 1000 00000000 08000000 ffffffffffff");
  REQUIRE(decode(bytes, kV2).ok());
  // ... and are not taken for the tail.
  CHECK(error_of("0105 0500 0c01 1400 00000000 00000000 08000000 0020000000000000") ==
        DecodeError::kTailShorterThanItsCount);
}

TEST_CASE("counts that the payload does not hold are refused, the largest ones too") {
  CHECK(error_of("0004 0000 1b01 1800 00000000 03000000 00000000 01000000") ==
        DecodeError::kTailShorterThanItsCount);
  CHECK(error_of("0004 0000 1b01 1800 00000000 00000040 00000000 01000000") ==
        DecodeError::kTailShorterThanItsCount);
  CHECK(error_of("0006 0500 1001 1500 00000000 20000000 02000000 01") ==
        DecodeError::kTailShorterThanItsCount);
  CHECK(error_of("0006 0500 1001 1500 00000000 20000000 ffffffff 01") ==
        DecodeError::kTailShorterThanItsCount);
  CHECK(error_of("0302 0000 0201 0e00 0000 0000 ffff") == DecodeError::kTailShorterThanItsCount);
  CHECK(error_of("0302 0000 0201 0f00 0000 0000 0900 ff") == DecodeError::kTailShorterThanItsCount);
}

TEST_CASE("a bus message that names a device is refused") {
  CHECK(error_of("0203 0500 0101 0c00 efbeadde") == DecodeError::kBusMessageNamesADevice);
}

TEST_CASE("v1: a number of feature bits that is not a multiple of 32 is refused") {
  CHECK(error_of("0102 0500 0701 2000 02000000 51454d55 3f000000 39000000 01000000 0000 0000") ==
        DecodeError::kFeatureBitsNotInBlocks);
}

TEST_CASE("v1 has no room for large admin queue numbers or for uuids") {
  GetDeviceInfo::Response info;
  info.admin_vq_start = 0x10000;
  std::array<std::byte, 64> out;
  CHECK(encode(Message{1, 1, info}, kV1, out).error() == EncodeError::kNotRepresentable);
  CHECK(encode(Message{1, 1, info}, kV2, out).ok());
}

TEST_CASE("a message that does not fit is not written") {
  for (std::size_t room = 0; room < 28; ++room) {
    std::array<std::byte, 64> out;
    out.fill(std::byte{0x5a});
    const std::array<std::byte, 8> data{};
    GetConfig::Response body;
    body.data = data;
    const auto size = encode(Message{5, 1, body}, kV2, std::span(out).first(room));
    REQUIRE_FALSE(size.ok());
    CHECK(size.error() == EncodeError::kTooLong);
    for (std::size_t i = room; i < out.size(); ++i) CHECK(out[i] == std::byte{0x5a});
  }
}

TEST_CASE("bus messages are sent with device number 0 whatever the message says") {
  std::array<std::byte, 16> out;
  REQUIRE(encode(Message{7, 0x101, Ping({.data = 0xdeadbeef})}, kV2, out).ok());
  CHECK(hex(std::span(out).first(12)) == "0203000001010c00efbeadde");
}
