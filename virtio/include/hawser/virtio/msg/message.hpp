// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Messages as types: a request names the type of its response, so that asking and answering can not be confused.
// Fixed payloads are the wire structs themselves; payloads with a tail carry a view of it, which lives as long as
// the frame that it was decoded from.
#pragma once

#include <hawser/virtio/msg/one_of.hpp>
#include <hawser/virtio/msg/spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::msg {

/// The two texts in use. Both call themselves revision 1 (docs/spec-coverage-virtio-msg.md lists the differences).
enum class WireVersion : std::uint8_t {
  kV1,
  kV2
};

/// What byte 0 of the header says, after masking. Events have no response bit.
enum class Type : std::uint8_t {
  kRequest = 0,
  kResponse = VIRTIO_MSG_TYPE_RESPONSE,
  kBusRequest = VIRTIO_MSG_TYPE_BUS,
  kBusResponse = VIRTIO_MSG_TYPE_BUS | VIRTIO_MSG_TYPE_RESPONSE,
};

/// A message without payload.
struct Nothing {};

/// A message whose payload is exactly the wire struct W.
template <class W, Type type, std::uint8_t id>
struct Fixed : W {
  Fixed() = default;
  constexpr explicit Fixed(const W& fields) : W(fields) {}

  using WireStruct = W;
  static constexpr Type kType = type;
  static constexpr std::uint8_t kId = id;
};

using Uuid = std::array<std::uint8_t, 16>;

/// A run of 32-bit feature blocks: GET_DEVICE_FEATURES' response and SET_DRIVER_FEATURES.
struct FeatureRun {
  std::uint32_t first = 0;           ///< Index of the first block.
  std::span<const std::byte> bytes;  ///< le32 each.

  std::uint32_t count() const { return static_cast<std::uint32_t>(bytes.size() / 4); }
  std::uint32_t block(std::uint32_t n) const {
    return read_wire<le32>(bytes.subspan(4 * n)).value_or(le32(0));
  }
};

/// A piece of configuration space and the generation that it belongs to.
struct ConfigRun {
  std::uint32_t generation = 0;
  std::uint32_t offset = 0;
  std::span<const std::byte> data;
};

// ---- Transport requests and their responses -----------------------------------------------------------------

struct GetDeviceInfo : Fixed<Nothing, Type::kRequest, VIRTIO_MSG_GET_DEVICE_INFO> {
  struct Response {
    static constexpr Type kType = Type::kResponse;
    static constexpr std::uint8_t kId = VIRTIO_MSG_GET_DEVICE_INFO;
    WireVersion wire = WireVersion::kV2;  ///< Which of the two forms it came in (by its size).
    std::uint32_t device_id = 0;
    std::uint32_t vendor_id = 0;
    Uuid uuid{};  ///< All zero: none. v1 has none.
    std::uint32_t feature_blocks = 0;
    std::uint32_t config_size = 0;
    std::uint32_t max_virtqueues = 0;
    std::uint32_t admin_vq_start = 0;
    std::uint32_t admin_vq_count = 0;
  };
};

struct GetDeviceFeatures : Fixed<wire::FeatureBlocks, Type::kRequest, VIRTIO_MSG_GET_DEVICE_FEATURES> {
  using Fixed::Fixed;
  struct Response : FeatureRun {
    static constexpr Type kType = Type::kResponse;
    static constexpr std::uint8_t kId = VIRTIO_MSG_GET_DEVICE_FEATURES;
  };
};

struct SetDriverFeatures : FeatureRun {
  static constexpr Type kType = Type::kRequest;
  static constexpr std::uint8_t kId = VIRTIO_MSG_SET_DRIVER_FEATURES;
  struct Response : Fixed<Nothing, Type::kResponse, VIRTIO_MSG_SET_DRIVER_FEATURES> {};
};

struct GetConfig : Fixed<wire::ConfigRange, Type::kRequest, VIRTIO_MSG_GET_CONFIG> {
  using Fixed::Fixed;
  struct Response : ConfigRun {  ///< No data: outside the configuration space.
    static constexpr Type kType = Type::kResponse;
    static constexpr std::uint8_t kId = VIRTIO_MSG_GET_CONFIG;
  };
};

struct SetConfig : ConfigRun {
  static constexpr Type kType = Type::kRequest;
  static constexpr std::uint8_t kId = VIRTIO_MSG_SET_CONFIG;
  struct Response : ConfigRun {  ///< As much data as was asked to be written: done. None: not done.
    static constexpr Type kType = Type::kResponse;
    static constexpr std::uint8_t kId = VIRTIO_MSG_SET_CONFIG;
  };
};

struct GetDeviceStatus : Fixed<Nothing, Type::kRequest, VIRTIO_MSG_GET_DEVICE_STATUS> {
  struct Response : Fixed<wire::Status, Type::kResponse, VIRTIO_MSG_GET_DEVICE_STATUS> {
    using Fixed::Fixed;
  };
};

struct SetDeviceStatus : Fixed<wire::Status, Type::kRequest, VIRTIO_MSG_SET_DEVICE_STATUS> {
  using Fixed::Fixed;
  struct Response : Fixed<wire::Status, Type::kResponse, VIRTIO_MSG_SET_DEVICE_STATUS> {
    using Fixed::Fixed;
  };
};

struct GetVqueue : Fixed<wire::VqueueIndex, Type::kRequest, VIRTIO_MSG_GET_VQUEUE> {
  using Fixed::Fixed;
  struct Response : Fixed<wire::VqueueState, Type::kResponse, VIRTIO_MSG_GET_VQUEUE> {
    using Fixed::Fixed;
  };
};

struct SetVqueue : Fixed<wire::VqueueSetup, Type::kRequest, VIRTIO_MSG_SET_VQUEUE> {
  using Fixed::Fixed;
  struct Response : Fixed<Nothing, Type::kResponse, VIRTIO_MSG_SET_VQUEUE> {};
};

struct ResetVqueue : Fixed<wire::VqueueIndex, Type::kRequest, VIRTIO_MSG_RESET_VQUEUE> {
  using Fixed::Fixed;
  struct Response : Fixed<Nothing, Type::kResponse, VIRTIO_MSG_RESET_VQUEUE> {};
};

struct GetShm : Fixed<wire::ShmId, Type::kRequest, VIRTIO_MSG_GET_SHM> {
  using Fixed::Fixed;
  struct Response {
    static constexpr Type kType = Type::kResponse;
    static constexpr std::uint8_t kId = VIRTIO_MSG_GET_SHM;
    std::uint32_t shmid = 0;
    std::uint64_t length = 0;  ///< 0: no such region. v1 carries 32 bits.
    std::uint64_t address = 0;
  };
};

// ---- Transport events ---------------------------------------------------------------------------------------

struct EventConfig {
  static constexpr Type kType = Type::kRequest;
  static constexpr std::uint8_t kId = VIRTIO_MSG_EVENT_CONFIG;
  std::uint32_t device_status = 0;
  std::uint32_t generation = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;         ///< Both zero: only the status changed, or nobody says what did.
  std::span<const std::byte> data;  ///< `length` bytes, or (v2) none at all.
};

struct EventAvail : Fixed<wire::EventAvail, Type::kRequest, VIRTIO_MSG_EVENT_AVAIL> {
  using Fixed::Fixed;
};
struct EventUsed : Fixed<wire::EventUsed, Type::kRequest, VIRTIO_MSG_EVENT_USED> {
  using Fixed::Fixed;
};

// ---- Bus messages -------------------------------------------------------------------------------------------

struct GetDevices : Fixed<wire::DeviceRange, Type::kBusRequest, VIRTIO_MSG_BUS_GET_DEVICES> {
  using Fixed::Fixed;
  struct Response {
    static constexpr Type kType = Type::kBusResponse;
    static constexpr std::uint8_t kId = VIRTIO_MSG_BUS_GET_DEVICES;
    std::uint16_t offset = 0;
    std::uint16_t next_offset = 0;  ///< 0: the end. Otherwise greater than what was asked.
    std::uint16_t count = 0;
    std::span<const std::byte> bitmap;  ///< (count + 7) / 8 bytes; bit i: device offset + i.

    bool present(std::uint16_t i) const {
      return i < count && (std::to_integer<unsigned>(bitmap[i / 8]) >> (i % 8) & 1) != 0;
    }
  };
};

struct Ping : Fixed<wire::Ping, Type::kBusRequest, VIRTIO_MSG_BUS_PING> {
  using Fixed::Fixed;
  struct Response : Fixed<wire::Ping, Type::kBusResponse, VIRTIO_MSG_BUS_PING> {
    using Fixed::Fixed;
  };
};

struct EventDevice : Fixed<wire::EventDevice, Type::kBusRequest, VIRTIO_MSG_BUS_EVENT_DEVICE> {
  using Fixed::Fixed;
};

/// Any message's content.
using Body =
    OneOf<GetDeviceInfo, GetDeviceFeatures, SetDriverFeatures, GetConfig, SetConfig, GetDeviceStatus,
          SetDeviceStatus, GetVqueue, SetVqueue, ResetVqueue, GetShm, GetDeviceInfo::Response,
          GetDeviceFeatures::Response, SetDriverFeatures::Response, GetConfig::Response, SetConfig::Response,
          GetDeviceStatus::Response, SetDeviceStatus::Response, GetVqueue::Response, SetVqueue::Response,
          ResetVqueue::Response, GetShm::Response, EventConfig, EventAvail, EventUsed, GetDevices,
          GetDevices::Response, Ping, Ping::Response, EventDevice>;

struct Message {
  std::uint16_t device = 0;  ///< Device number; 0 in bus messages, and also a valid device.
  std::uint16_t token = 0;   ///< Correlates a response with its request. The bus's own; 0 in events.
  Body body;
};

constexpr bool from_bus(Type type) {
  return (static_cast<std::uint8_t>(type) & VIRTIO_MSG_TYPE_BUS) != 0;
}
constexpr bool answers(Type type) {
  return (static_cast<std::uint8_t>(type) & VIRTIO_MSG_TYPE_RESPONSE) != 0;
}

/// A message that has a response.
template <class B>
concept Asks = !answers(B::kType) && requires {
  typename B::Response;
};

}  // namespace hawser::virtio::msg
