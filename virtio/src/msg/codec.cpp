// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The codec: one parse and one write per shape of payload, and one table, which is the list of types in Body.
#include <hawser/virtio/msg/codec.hpp>

#include <limits>
#include <type_traits>

namespace hawser::virtio::msg {

namespace {

using Bytes = std::span<const std::byte>;

// ---- parse: payload to body. nullopt is success --------------------------------------------------------------

using Complaint = std::optional<DecodeError>;

template <class B>
concept HasWireStruct = requires {
  typename B::WireStruct;
};

template <class B>
concept Empty = HasWireStruct<B> && std::is_same_v<typename B::WireStruct, Nothing>;

template <HasWireStruct B>
Complaint parse(Bytes payload, WireVersion, B& body) {
  if constexpr (!Empty<B>) {
    const auto fields = read_wire<typename B::WireStruct>(payload);
    if (!fields) return DecodeError::kPayloadTooShort;
    static_cast<typename B::WireStruct&>(body) = *fields;
  }
  return std::nullopt;
}

/// The first `count` bytes behind a W.
template <class W>
bool tail(Bytes payload, std::uint64_t count, Bytes& out) {
  if (count > payload.size() - sizeof(W)) return false;
  out = payload.subspan(sizeof(W), static_cast<std::size_t>(count));
  return true;
}

template <class B>
requires std::is_base_of_v<FeatureRun, B> Complaint parse(Bytes payload, WireVersion, B& body) {
  const auto fields = read_wire<wire::FeatureBlocks>(payload);
  if (!fields) return DecodeError::kPayloadTooShort;
  body.first = fields->block_index;
  if (!tail<wire::FeatureBlocks>(payload, std::uint64_t{fields->num_blocks} * 4, body.bytes)) {
    return DecodeError::kTailShorterThanItsCount;
  }
  return std::nullopt;
}

template <class B>
requires std::is_base_of_v<ConfigRun, B> Complaint parse(Bytes payload, WireVersion, B& body) {
  const auto fields = read_wire<wire::ConfigData>(payload);
  if (!fields) return DecodeError::kPayloadTooShort;
  body.generation = fields->generation;
  body.offset = fields->offset;
  if (!tail<wire::ConfigData>(payload, fields->length, body.data))
    return DecodeError::kTailShorterThanItsCount;
  return std::nullopt;
}

Complaint parse(Bytes payload, WireVersion, GetDeviceInfo::Response& body) {
  if (const auto v2 = read_wire<wire::DeviceInfo>(payload)) {
    body.wire = WireVersion::kV2;
    body.device_id = v2->device_id;
    body.vendor_id = v2->vendor_id;
    for (std::size_t i = 0; i < body.uuid.size(); ++i) body.uuid[i] = v2->uuid[i];
    body.feature_blocks = v2->num_feature_blocks;
    body.config_size = v2->config_size;
    body.max_virtqueues = v2->max_virtqueues;
    body.admin_vq_start = v2->admin_vq_start;
    body.admin_vq_count = v2->admin_vq_count;
    return std::nullopt;
  }
  const auto v1 = read_wire<wire::DeviceInfoV1>(payload);
  if (!v1) return DecodeError::kPayloadTooShort;
  if (v1->num_feature_bits % 32 != 0) return DecodeError::kFeatureBitsNotInBlocks;
  body.wire = WireVersion::kV1;
  body.device_id = v1->device_id;
  body.vendor_id = v1->vendor_id;
  body.feature_blocks = v1->num_feature_bits / 32;
  body.config_size = v1->config_size;
  body.max_virtqueues = v1->max_virtqueues;
  body.admin_vq_start = v1->admin_vq_start;
  body.admin_vq_count = v1->admin_vq_count;
  return std::nullopt;
}

Complaint parse(Bytes payload, WireVersion version, GetShm::Response& body) {
  if (version == WireVersion::kV1) {
    const auto v1 = read_wire<wire::ShmV1>(payload);
    if (!v1) return DecodeError::kPayloadTooShort;
    body = {v1->index, v1->length, v1->address};
    return std::nullopt;
  }
  const auto v2 = read_wire<wire::Shm>(payload);
  if (!v2) return DecodeError::kPayloadTooShort;
  body = {v2->shmid, v2->length, v2->address};
  return std::nullopt;
}

Complaint parse(Bytes payload, WireVersion version, EventConfig& body) {
  const auto fields = read_wire<wire::EventConfig>(payload);
  if (!fields) return DecodeError::kPayloadTooShort;
  body.device_status = fields->device_status;
  body.generation = fields->generation;
  body.offset = fields->offset;
  body.length = fields->length;
  const bool omitted = version == WireVersion::kV2 && payload.size() == sizeof(wire::EventConfig);
  if (!omitted && !tail<wire::EventConfig>(payload, body.length, body.data)) {
    return DecodeError::kTailShorterThanItsCount;
  }
  return std::nullopt;
}

Complaint parse(Bytes payload, WireVersion version, GetDevices::Response& body) {
  const auto v2 = read_wire<wire::DeviceList>(payload);
  const auto v1 = read_wire<wire::DeviceListV1>(payload);
  if (!v2 || !v1) return DecodeError::kPayloadTooShort;
  body.offset = v2->offset;
  body.next_offset = version == WireVersion::kV2 ? v2->next_offset : v1->next_offset;
  body.count = version == WireVersion::kV2 ? v2->count : v1->count;
  if (!tail<wire::DeviceList>(payload, (body.count + 7u) / 8, body.bitmap)) {
    return DecodeError::kTailShorterThanItsCount;
  }
  return std::nullopt;
}

template <class B>
Result<Message, DecodeError> parse_one(const Header& header, Bytes payload, WireVersion version) {
  B body{};
  if (const Complaint complaint = parse(payload, version, body)) return Err{*complaint};
  return Message{header.device, header.token, body};
}

template <class... Bs>
Result<Message, DecodeError> parse_any(std::type_identity<OneOf<Bs...>>, const Header& header, Bytes payload,
                                       WireVersion version) {
  Result<Message, DecodeError> result = Err{DecodeError::kUnknownMessage};
  (void)((header.type == Bs::kType && header.id == Bs::kId &&
          (result = parse_one<Bs>(header, payload, version), true)) ||
         ...);
  return result;
}

// ---- write: body to payload; its length -----------------------------------------------------------------------

using Written = Result<std::size_t, EncodeError>;

template <class W>
Written put(std::span<std::byte> out, const W& fields, Bytes tail_bytes = {}) {
  if (out.size() < sizeof(W) || out.size() - sizeof(W) < tail_bytes.size()) return Err{EncodeError::kTooLong};
  (void)write_wire(out, fields);
  if (!tail_bytes.empty()) std::memcpy(out.data() + sizeof(W), tail_bytes.data(), tail_bytes.size());
  return sizeof(W) + tail_bytes.size();
}

template <HasWireStruct B>
Written write(std::span<std::byte> out, WireVersion, const B& body) {
  if constexpr (Empty<B>) {
    return std::size_t{0};
  } else {
    return put<typename B::WireStruct>(out, body);
  }
}

Written write(std::span<std::byte> out, WireVersion, const FeatureRun& body) {
  if (body.bytes.size() % 4 != 0) return Err{EncodeError::kNotRepresentable};
  return put(out, wire::FeatureBlocks{body.first, body.count()}, body.bytes);
}

Written write(std::span<std::byte> out, WireVersion, const ConfigRun& body) {
  if (body.data.size() > out.size()) return Err{EncodeError::kTooLong};
  const auto length = static_cast<std::uint32_t>(body.data.size());
  return put(out, wire::ConfigData{body.generation, body.offset, length}, body.data);
}

template <class Narrow, class Wide>
bool fits(Wide value) {
  return value <= std::numeric_limits<Narrow>::max();
}

Written write(std::span<std::byte> out, WireVersion version, const GetDeviceInfo::Response& body) {
  if (version == WireVersion::kV1) {
    if (body.feature_blocks > std::numeric_limits<std::uint32_t>::max() / 32 ||
        !fits<std::uint16_t>(body.admin_vq_start) || !fits<std::uint16_t>(body.admin_vq_count)) {
      return Err{EncodeError::kNotRepresentable};
    }
    return put(out, wire::DeviceInfoV1{.device_id = body.device_id,
                                       .vendor_id = body.vendor_id,
                                       .num_feature_bits = body.feature_blocks * 32,
                                       .config_size = body.config_size,
                                       .max_virtqueues = body.max_virtqueues,
                                       .admin_vq_start = static_cast<std::uint16_t>(body.admin_vq_start),
                                       .admin_vq_count = static_cast<std::uint16_t>(body.admin_vq_count)});
  }
  wire::DeviceInfo fields{.device_id = body.device_id,
                          .vendor_id = body.vendor_id,
                          .uuid = {},
                          .num_feature_blocks = body.feature_blocks,
                          .config_size = body.config_size,
                          .max_virtqueues = body.max_virtqueues,
                          .admin_vq_start = body.admin_vq_start,
                          .admin_vq_count = body.admin_vq_count};
  for (std::size_t i = 0; i < body.uuid.size(); ++i) fields.uuid[i] = body.uuid[i];
  return put(out, fields);
}

Written write(std::span<std::byte> out, WireVersion version, const GetShm::Response& body) {
  if (version == WireVersion::kV1) {
    if (!fits<std::uint32_t>(body.length) || !fits<std::uint32_t>(body.address)) {
      return Err{EncodeError::kNotRepresentable};
    }
    return put(out, wire::ShmV1{body.shmid, static_cast<std::uint32_t>(body.length),
                                static_cast<std::uint32_t>(body.address)});
  }
  return put(out, wire::Shm{body.shmid, 0, body.length, body.address});
}

Written write(std::span<std::byte> out, WireVersion version, const EventConfig& body) {
  const bool omitted = version == WireVersion::kV2 && body.data.empty();
  if (!omitted && body.data.size() != body.length) return Err{EncodeError::kNotRepresentable};
  return put(out, wire::EventConfig{body.device_status, body.generation, body.offset, body.length},
             body.data);
}

Written write(std::span<std::byte> out, WireVersion version, const GetDevices::Response& body) {
  if (body.bitmap.size() != (body.count + 7u) / 8) return Err{EncodeError::kNotRepresentable};
  if (version == WireVersion::kV1) {
    return put(out, wire::DeviceListV1{body.offset, body.count, body.next_offset}, body.bitmap);
  }
  return put(out, wire::DeviceList{body.offset, body.next_offset, body.count}, body.bitmap);
}

}  // namespace

std::optional<Header> peek(std::span<const std::byte> frame) {
  const auto fields = read_wire<wire::Header>(frame);
  if (!fields) return std::nullopt;
  return Header{static_cast<Type>(fields->type & VIRTIO_MSG_TYPE_MASK), fields->msg_id, fields->dev_num,
                fields->token, fields->msg_size};
}

Result<Message, DecodeError> decode(std::span<const std::byte> frame, WireVersion wire) {
  const auto header = peek(frame);
  if (!header) return Err{DecodeError::kShorterThanAHeader};
  if (header->size < sizeof(wire::Header) || header->size > frame.size())
    return Err{DecodeError::kSizeDisagrees};
  if (from_bus(header->type) && header->device != 0) return Err{DecodeError::kBusMessageNamesADevice};
  const Bytes payload = frame.subspan(sizeof(wire::Header), header->size - sizeof(wire::Header));
  return parse_any(std::type_identity<Body>{}, *header, payload, wire);
}

Result<std::size_t, EncodeError> encode(const Message& message, WireVersion wire, std::span<std::byte> out) {
  Result<std::size_t, EncodeError> result = Err{EncodeError::kTooLong};
  message.body.visit([&]<class B>(const B& body) {
    if (out.size() < sizeof(wire::Header)) return;
    const Written payload = write(out.subspan(sizeof(wire::Header)), wire, body);
    if (!payload) {
      result = Err{payload.error()};
      return;
    }
    const std::size_t size = sizeof(wire::Header) + *payload;
    if (size > std::numeric_limits<std::uint16_t>::max()) return;
    (void)write_wire(out, wire::Header{.type = static_cast<std::uint8_t>(B::kType),
                                       .msg_id = B::kId,
                                       .dev_num = from_bus(B::kType) ? std::uint16_t{0} : message.device,
                                       .token = message.token,
                                       .msg_size = static_cast<std::uint16_t>(size)});
    result = size;
  });
  return result;
}

const char* describe(DecodeError error) {
  switch (error) {
    case DecodeError::kShorterThanAHeader:
      return "the frame is shorter than a header";
    case DecodeError::kSizeDisagrees:
      return "msg_size is less than a header or more than the bytes that came";
    case DecodeError::kBusMessageNamesADevice:
      return "a bus message names a device";
    case DecodeError::kUnknownMessage:
      return "no such message";
    case DecodeError::kPayloadTooShort:
      return "the payload is too short";
    case DecodeError::kTailShorterThanItsCount:
      return "fewer blocks or bytes follow than are announced";
    case DecodeError::kFeatureBitsNotInBlocks:
      return "the number of feature bits is not a multiple of 32";
  }
  return "unknown";
}

}  // namespace hawser::virtio::msg
