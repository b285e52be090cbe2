// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/queue_layout.hpp>

#include <optional>

namespace hawser::ivshmem {
namespace {

constexpr std::uint64_t section(Role role) {
  return role == Role::kDevice ? 0 : kSectionBytes;
}

// Layout A (QEMU's virtio-msg-amp-pci): per direction a page with the producer index at 0, the consumer index at
// 0x40 and slots from 0x80.
constexpr std::uint64_t kPlainConsumed = HAWSER_PLAIN_CONSUMED;
constexpr std::uint64_t kPlainSlots = HAWSER_PLAIN_SLOTS;
constexpr std::uint32_t kPlainCapacity = HAWSER_PLAIN_CAPACITY;
static_assert(kPlainCapacity == (kElementsBytes - kPlainSlots) / kElementBytes);

constexpr std::uint16_t kOwnElements = kElementsBytes / kElementBytes;
constexpr std::uint16_t kMaskedNotifications = HAWSER_LAYOUT_MASKED;

std::optional<LanePlace> plain_lane(const RegionMemory& control, Role producer) {
  const Offset page(section(producer) + kElementsOffset);
  auto produced = control.area(page, 4, 4);
  auto consumed = control.area(page + kPlainConsumed, 4, 4);
  auto slots = control.area(page + kPlainSlots, std::uint64_t{kPlainCapacity} * kElementBytes, 64);
  if (!produced || !consumed || !slots) return std::nullopt;
  return LanePlace{IndexWord(*produced, true), IndexWord(*consumed, true), *slots, kPlainCapacity,
                   kElementBytes};
}

std::optional<NotificationPlace> plain_words(const RegionMemory& control, Role owner) {
  auto words = control.area(Offset(section(owner) + kNotificationOffset), sizeof(NotificationWords), 8);
  if (!words) return std::nullopt;
  return NotificationPlace{.words = *words};
}

Result<QueuePlaces, LayoutError> plain_queues(const RegionMemory& control, Role own) {
  const Role other = own == Role::kDevice ? Role::kDriver : Role::kDevice;
  auto send = plain_lane(control, own);
  auto receive = plain_lane(control, other);
  auto own_words = plain_words(control, own);
  auto peer_words = plain_words(control, other);
  if (!send || !receive || !own_words || !peer_words) return Err{LayoutError::kOutsideTheArea};
  return QueuePlaces{*send, *receive, *own_words, *peer_words};
}

/// Layout B's header, each field read once.
struct Described {
  std::uint16_t magic, version, features, elements, element_bytes;
  std::uint8_t words;
  struct End {
    std::uint64_t notification, head, elements;
  } device, driver;
};

std::optional<Described> read_header(const RegionMemory& control) {
  auto area = control.area(Offset(0), sizeof(LayoutHeader), 8);
  if (!area) return std::nullopt;
  // Partner: the publish of the magic in describe_queues().
  const std::uint16_t magic = area->observe<std::uint16_t>(offsetof(LayoutHeader, magic));
  LayoutHeader header;
  area->read(0, std::as_writable_bytes(std::span(&header, 1)));
  return Described{
      magic,
      header.version,
      header.features,
      header.queue_elements,
      header.element_bytes,
      header.notification_words,
      {header.device_notification_offset, header.device_queue_head_offset, header.device_elements_offset},
      {header.driver_notification_offset, header.driver_queue_head_offset, header.driver_elements_offset}};
}

/// What the device end itself wrote. It never reads it back: the driver could have changed it.
Described own_header() {
  const auto end = [](Role role) {
    return Described::End{section(role) + kNotificationOffset, section(role) + kQueueHeadOffset,
                          section(role) + kElementsOffset};
  };
  return {kLayoutMagic,       HAWSER_LAYOUT_VERSION, kMaskedNotifications, kOwnElements, kElementBytes, 1,
          end(Role::kDevice), end(Role::kDriver)};
}

std::optional<Described> header_for(const RegionMemory& control, Role own) {
  return own == Role::kDevice ? own_header() : read_header(control);
}

std::optional<NotificationPlace> described_words(const RegionMemory& control, const Described& d,
                                                 std::uint64_t at) {
  const std::uint64_t n = d.words;
  const bool masked = (d.features & kMaskedNotifications) != 0;
  auto words = control.area(Offset(at), 8 * n * (masked ? 3 : 2), 8);
  if (!words) return std::nullopt;
  return NotificationPlace{.words = *words, .tx = 0, .rx = 8 * n, .mask = 16 * n, .masked = masked};
}

Result<QueuePlaces, LayoutError> described_queues(const RegionMemory& control, Role own) {
  auto read = header_for(control, own);
  if (!read || read->magic != kLayoutMagic || read->version != HAWSER_LAYOUT_VERSION)
    return Err{LayoutError::kNoHeader};
  const Described& d = *read;
  if (d.elements < HAWSER_FEWEST_ELEMENTS || d.elements > HAWSER_MOST_ELEMENTS ||
      d.element_bytes < HAWSER_SHORTEST_ELEMENT || d.element_bytes > HAWSER_LONGEST_ELEMENT ||
      d.element_bytes % 4 != 0 || d.words == 0 || d.words > 64) {
    return Err{LayoutError::kElementsImpossible};
  }
  const Described::End& mine = own == Role::kDevice ? d.device : d.driver;
  const Described::End& theirs = own == Role::kDevice ? d.driver : d.device;
  const std::uint64_t bytes = std::uint64_t{d.elements} * d.element_bytes;
  auto my_head = control.area(Offset(mine.head), sizeof(QueueHead), 8);
  auto their_head = control.area(Offset(theirs.head), sizeof(QueueHead), 8);
  auto my_slots = control.area(Offset(mine.elements), bytes, 8);
  auto their_slots = control.area(Offset(theirs.elements), bytes, 8);
  auto my_words = described_words(control, d, mine.notification);
  auto their_words = described_words(control, d, theirs.notification);
  if (!my_head || !their_head || !my_slots || !their_slots || !my_words || !their_words) {
    return Err{LayoutError::kOutsideTheArea};
  }
  // Offsets were checked above, and the fields lie inside the heads: these doors always open.
  const auto word = [&](std::uint64_t head, std::size_t field) {
    return IndexWord(*control.area(Offset(head + field), 2, 2), false);
  };
  return QueuePlaces{
      .send = {word(mine.head, offsetof(QueueHead, tail)), word(theirs.head, offsetof(QueueHead, head)),
               *my_slots, d.elements, d.element_bytes},
      .receive = {word(theirs.head, offsetof(QueueHead, tail)), word(mine.head, offsetof(QueueHead, head)),
                  *their_slots, d.elements, d.element_bytes},
      .own_words = *my_words,
      .peer_words = *their_words};
}

}  // namespace

void describe_queues(const RegionMemory& control, QueueKind kind) {
  auto area = control.area(Offset(0), sizeof(LayoutHeader), 8);
  if (!area) return;
  area->publish<std::uint16_t>(offsetof(LayoutHeader, magic), 0);
  if (kind != QueueKind::kSelfDescribing) return;
  const Described own = own_header();
  const LayoutHeader header{
      .magic = 0,
      .length = sizeof(LayoutHeader),
      .version = own.version,
      .features = own.features,
      .notification_words = own.words,
      .marks_per_device = kMarksPerDevice,
      .queue_elements = own.elements,
      .element_bytes = own.element_bytes,
      .reserved = 0,
      .device_notification_offset = own.device.notification,
      .device_queue_head_offset = own.device.head,
      .device_elements_offset = own.device.elements,
      .driver_notification_offset = own.driver.notification,
      .driver_queue_head_offset = own.driver.head,
      .driver_elements_offset = own.driver.elements,
  };
  area->write(0, wire_bytes(header));
  // Partner: the observe in read_header().
  area->publish<std::uint16_t>(offsetof(LayoutHeader, magic), kLayoutMagic);
}

Result<QueuePlaces, LayoutError> find_queues(const RegionMemory& control, Role own, QueueKind kind) {
  switch (kind) {
    case QueueKind::kPlain:
      return plain_queues(control, own);
    case QueueKind::kSelfDescribing:
      return described_queues(control, own);
  }
  return Err{LayoutError::kUnknownKind};
}

void set_queue_status(const RegionMemory& control, Role own, QueueKind kind, QueueStatus status) {
  if (kind != QueueKind::kSelfDescribing) return;
  auto read = header_for(control, own);
  if (!read) return;
  auto head = control.area(Offset(own == Role::kDevice ? read->device.head : read->driver.head),
                           sizeof(QueueHead), 8);
  if (!head) return;
  head->store<std::uint16_t>(offsetof(QueueHead, status), static_cast<std::uint16_t>(status));
  head->publish<std::uint16_t>(offsetof(QueueHead, magic), kQueueHeadMagic);
}

const char* describe(LayoutError error) {
  switch (error) {
    case LayoutError::kUnknownKind:
      return "the device end names a message queue layout other than 1 (plain) and 2 (self-describing)";
    case LayoutError::kNoHeader:
      return "the device end has not written a message queue header of version 1";
    case LayoutError::kElementsImpossible:
      return "the message queue header has an impossible element count, element size or number of words";
    case LayoutError::kOutsideTheArea:
      return "the message queue header places a structure outside the control bytes of the area";
  }
  return "unknown layout error";
}

}  // namespace hawser::ivshmem
