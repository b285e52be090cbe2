// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One device on a bus, as its driver sees it: the initialization dance, configuration and queues of virtio-msg behind
// the DriverTransport concept. Every answer is checked against what was asked before anything of it is used.
#pragma once

#include <hawser/virtio/msg/driver_bus.hpp>
#include <hawser/virtio/queue/layout.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>

namespace hawser::virtio::msg {

/// A piece of shared memory that a device offers (GET_SHM).
struct SharedMemory {
  std::uint64_t length = 0;  ///< 0: no such region.
  Offset at;
};

/// The rings lie in `arena`; they go back to it only when the device can not touch them any more: after a completed reset,
/// when the device was removed, or, where the link copies, when the session ended. A peer that shares memory may be merely
/// slow when the link goes down. Call reset() before letting go of it, or its rings stay taken.
template <Link L, std::uint16_t kMaxQueues = 16>
class DriverDevice {
  static_assert(kMaxQueues <= 64);

 public:
  using MemoryType = typename L::MemoryType;

  DriverDevice(DriverBus<L>& bus, std::uint16_t number, Arena& arena) : bus_(bus), arena_(arena) {
    endpoint_.number = number;
    endpoint_.next_offsets = next_offsets_;
    bus_.attach(endpoint_);
  }
  ~DriverDevice() {
    bus_.detach(endpoint_);
    if (out_of_reach()) give_back_rings();
  }
  DriverDevice(const DriverDevice&) = delete;
  DriverDevice& operator=(const DriverDevice&) = delete;

  /// Asks the device what it is. negotiate() does it too.
  Result<void, TransportError> open() {
    opened_ = false;
    const std::uint32_t session = bus_.session();
    HAWSER_TRY(info, bus_.ask(endpoint_.number, GetDeviceInfo{}, WireVersion::kV2));
    if (info.device_id == 0) return Err{TransportError::kNoSuchDevice};
    if (info.max_virtqueues > 65536 ||
        std::uint64_t{info.admin_vq_start} + info.admin_vq_count > info.max_virtqueues ||
        (info.admin_vq_count == 0 && info.admin_vq_start != 0)) {
      return Err{TransportError::kBadAnswer};
    }
    info_ = info;
    session_ = session;
    opened_ = true;
    endpoint_.removed = false;
    return {};
  }

  std::uint16_t number() const { return endpoint_.number; }
  std::uint32_t device_id() const { return info_.device_id; }
  const GetDeviceInfo::Response& info() const { return info_; }

  /// Segments that one request of a queue started from now on may have when it takes one ring slot (an indirect
  /// table, VIRTIO 1.3 §2.7.5.3). 0, the default: none; segments take slots.
  void use_indirect_tables(std::uint16_t entries) { table_entries_ = entries; }

  Result<Features, TransportError> negotiate(Features wanted) {
    HAWSER_CHECK(open());
    HAWSER_CHECK(reset());
    HAWSER_CHECK(raise(VIRTIO_STATUS_ACKNOWLEDGE));
    HAWSER_CHECK(raise(VIRTIO_STATUS_DRIVER));
    HAWSER_TRY(offered, read_features());
    if (!offered.has(VIRTIO_F_VERSION_1)) return give_up(TransportError::kMissingVersion1);

    wanted.set(VIRTIO_F_VERSION_1);
    wanted.set(
        VIRTIO_F_ACCESS_PLATFORM);  // ring addresses are offsets, as the platform (the link) defines them
    wanted.set(VIRTIO_F_NOTIF_CONFIG_DATA, false);
    if (bus_.options().notification == Notification::kMarks) wanted.set(VIRTIO_F_NOTIFICATION_DATA, false);
    const Features chosen = wanted & offered;
    HAWSER_CHECK(write_features(chosen));

    HAWSER_TRY(status, write_status(status_ | VIRTIO_STATUS_FEATURES_OK));
    if ((status & VIRTIO_STATUS_FEATURES_OK) == 0) return give_up(TransportError::kRefusedFeatures);
    status_ |= VIRTIO_STATUS_FEATURES_OK;
    negotiated_ = chosen;
    return chosen;
  }

  Result<void, TransportError> read_config(std::uint32_t at, std::span<std::byte> out) {
    if (!in_session()) return Err{TransportError::kLinkDown};
    if (!inside_config(at, out.size())) return Err{TransportError::kOutOfRange};
    for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
      HAWSER_TRY(stable, read_config_once(at, out));
      if (stable) return {};
    }
    return Err{TransportError::kUnstableConfig};
  }

  /// One message's worth is all or nothing; more is written piece by piece.
  Result<void, TransportError> write_config(std::uint32_t at, std::span<const std::byte> in) {
    if (!in_session()) return Err{TransportError::kLinkDown};
    if ((status_ & VIRTIO_STATUS_FEATURES_OK) == 0) return Err{TransportError::kNotPossible};  // §3.1.1
    if (!inside_config(at, in.size())) return Err{TransportError::kOutOfRange};
    while (!in.empty()) {
      const auto piece = in.first(std::min(in.size(), config_chunk()));
      HAWSER_CHECK(write_config_piece(at, piece));
      at += static_cast<std::uint32_t>(piece.size());
      in = in.subspan(piece.size());
    }
    return {};
  }

  Result<std::uint16_t, TransportError> queue_max_size(std::uint16_t index) {
    if (!in_session()) return Err{TransportError::kLinkDown};
    if (index >= info_.max_virtqueues) return std::uint16_t{0};
    HAWSER_TRY(queue, ask(GetVqueue({.index = index})));
    return static_cast<std::uint16_t>(std::min<std::uint32_t>(queue.max_size, kMaxQueueSize));
  }

  /// `slots`: at least `size` of them, for as long as the queue lives.
  Result<AnyDriverQueue<MemoryType>, TransportError> start_queue(std::uint16_t index, std::uint16_t size,
                                                                 std::span<DriverSlot> slots) {
    if (!in_session()) return Err{TransportError::kLinkDown};
    if ((status_ & VIRTIO_STATUS_FEATURES_OK) == 0) return Err{TransportError::kNotPossible};
    if (index >= info_.max_virtqueues || index >= kMaxQueues) return Err{TransportError::kNoSuchQueue};
    if (rings_[index].held()) return Err{TransportError::kQueueRefused};
    HAWSER_TRY(before, ask(GetVqueue({.index = index})));
    if (before.max_size == 0) return Err{TransportError::kNoSuchQueue};
    if (size > before.max_size || enabled(before)) return Err{TransportError::kQueueRefused};

    Ring& ring = rings_[index];
    if (!allocate(ring, size)) return Err{TransportError::kNoMemory};
    auto queue = AnyDriverQueue<MemoryType>::make(memory(), ring.layout, negotiated_, slots, ring.tables);
    if (!queue.ok()) {
      give_back(ring);
      return Err{TransportError::kQueueRefused};
    }
    const auto enabled_as_asked = set_queue(index, ring.layout);
    if (!enabled_as_asked.ok()) return Err{enabled_as_asked.error()};
    if (StageBook* stages = bus_.options().stages) {
      ring.probe = stages->open(
          {StageSide::kDriver, number(), index, device_id(), size, queue->format() == RingFormat::kPacked});
      queue->time_by(ring.probe);
    }
    return std::move(queue).value();
  }

  Result<void, TransportError> start() {
    if (!in_session()) return Err{TransportError::kLinkDown};
    if ((status_ & VIRTIO_STATUS_FEATURES_OK) == 0) return Err{TransportError::kNotPossible};
    return raise(VIRTIO_STATUS_DRIVER_OK);
  }

  void notify(std::uint16_t index, std::uint32_t next_offset) {
    if (!in_session() || (status_ & VIRTIO_STATUS_DRIVER_OK) == 0) return;
    bus_.notify(endpoint_, index, negotiated_.has(VIRTIO_F_NOTIFICATION_DATA) ? next_offset : 0);
    if (index < kMaxQueues && rings_[index].probe != nullptr) rings_[index].probe->rung();
  }

  Result<void, TransportError> reset_queue(std::uint16_t index) {
    if (!in_session()) return Err{TransportError::kLinkDown};
    if (!negotiated_.has(VIRTIO_F_RING_RESET)) return Err{TransportError::kNotPossible};
    if (index >= kMaxQueues || !rings_[index].held()) return Err{TransportError::kNoSuchQueue};
    HAWSER_TRY(done, ask(ResetVqueue({.index = index})));
    (void)done;
    HAWSER_TRY(after, ask(GetVqueue({.index = index})));
    if (enabled(after)) return Err{TransportError::kBadAnswer};
    endpoint_.available &= ~(std::uint64_t{1} << index);
    give_back(rings_[index]);
    return {};
  }

  /// Success without a question when the device can not touch anything any more.
  Result<void, TransportError> reset() {
    const bool reachable = !out_of_reach();
    if (reachable && !in_session()) return Err{TransportError::kLinkDown};
    status_ = 0;
    negotiated_ = {};
    endpoint_.available = 0;
    if (reachable) HAWSER_CHECK(await_reset());
    endpoint_.needs_reset = false;
    endpoint_.config_changed = false;
    give_back_rings();
    return {};
  }

  /// Nothing can be done about a device that can not be told.
  void fail() {
    if (in_session()) (void)write_status(status_ | VIRTIO_STATUS_FAILED).ok();
  }

  bool take_config_change() { return std::exchange(endpoint_.config_changed, false); }
  bool needs_reset() const { return endpoint_.needs_reset; }

  /// The bus said that the device is gone (EVENT_DEVICE).
  bool removed() const { return endpoint_.removed; }

  /// The link went down, or up anew, since open(): nothing works until negotiate().
  bool in_session() const { return opened_ && session_ == bus_.session() && bus_.up(); }

  Result<SharedMemory, TransportError> shared_memory(std::uint32_t id) {
    if (!in_session()) return Err{TransportError::kLinkDown};
    HAWSER_TRY(shm, ask(GetShm({.shmid = id})));
    return SharedMemory{shm.length, Offset(shm.address)};
  }

  Arena& arena() { return arena_; }
  MemoryType memory() const { return bus_.link().region(); }
  Instant now() const { return bus_.link().now(); }
  Wake wait(Instant until) { return bus_.wait(until); }

 private:
  static constexpr unsigned kAttempts = 3;
  static constexpr Duration kResetPoll = milliseconds(1);
  static constexpr std::size_t kMaxV1Message =
      48;  ///< What v1 devices are able to send, whatever the bus carries.

  struct Ring {
    QueueLayout layout;  ///< size 0: not held.
    RingShape shape;
    IndirectTables tables;
    StageProbe* probe = nullptr;
    bool held() const { return layout.size != 0; }
  };

  WireVersion wire() const { return info_.wire; }

  /// The device was taken away, or what wrote for it on this side (a courier) has forgotten it with the link's epoch. It
  /// has not when it was the bus that gave up.
  bool out_of_reach() const {
    const bool ended = session_ != bus_.session() && bus_.fault() == BusFault::kNone;
    return endpoint_.removed || (ended && bus_.link().visibility() == Visibility::kCopied);
  }

  template <Asks Q>
  Result<typename Q::Response, TransportError> ask(const Q& request) {
    return bus_.ask(endpoint_.number, request, wire());
  }

  std::size_t room_behind(std::size_t fixed) const {
    const std::size_t most = bus_.max_message();
    return (wire() == WireVersion::kV1 ? std::min(most, kMaxV1Message) : most) - sizeof(wire::Header) - fixed;
  }

  // ---- status ------------------------------------------------------------------------------------------------

  Result<std::uint32_t, TransportError> write_status(std::uint32_t status) {
    HAWSER_TRY(said, ask(SetDeviceStatus({.status = status})));
    if ((said.status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0 && status != 0) endpoint_.needs_reset = true;
    return std::uint32_t{said.status};
  }

  Result<void, TransportError> await_reset() {
    HAWSER_TRY(status, write_status(0));
    const Instant deadline = now() + bus_.options().timeout;
    while (status != 0) {
      if (now() >= deadline) return Err{TransportError::kTimeout};
      if (bus_.pause(kResetPoll) == Wake::kCancelled) return Err{TransportError::kCancelled};
      HAWSER_TRY(polled, ask(GetDeviceStatus{}));
      status = polled.status;
    }
    return {};
  }

  Result<void, TransportError> raise(std::uint32_t bit) {
    HAWSER_TRY(said, write_status(status_ | bit));
    if ((said & bit) == 0) return Err{TransportError::kBadAnswer};
    status_ |= bit;
    return {};
  }

  /// §3.1.1: when a step of the initialization fails, the driver says so.
  Err<TransportError> give_up(TransportError error) {
    fail();
    return Err{error};
  }

  // ---- features ----------------------------------------------------------------------------------------------

  std::uint32_t blocks() const { return std::min<std::uint32_t>(info_.feature_blocks, Features::kBlocks); }
  std::uint32_t blocks_per_message() const {
    return static_cast<std::uint32_t>(room_behind(sizeof(wire::FeatureBlocks)) / sizeof(le32));
  }

  Result<Features, TransportError> read_features() {
    Features offered;
    for (std::uint32_t first = 0; first < blocks();) {
      const std::uint32_t count = std::min(blocks() - first, blocks_per_message());
      HAWSER_TRY(run, ask(GetDeviceFeatures({.block_index = first, .num_blocks = count})));
      for (std::uint32_t n = 0; n < count; ++n) offered.set_block(first + n, run.block(n));
      first += count;
    }
    return offered;
  }

  Result<void, TransportError> write_features(const Features& chosen) {
    for (std::uint32_t first = 0; first < blocks();) {
      const std::uint32_t count = std::min(blocks() - first, blocks_per_message());
      std::array<le32, Features::kBlocks> words{};
      for (std::uint32_t n = 0; n < count; ++n) words[n] = chosen.block(first + n);
      SetDriverFeatures run;
      run.first = first;
      run.bytes = std::as_bytes(std::span(words).first(count));
      HAWSER_TRY(done, ask(run));
      (void)done;
      first += count;
    }
    return {};
  }

  // ---- configuration -----------------------------------------------------------------------------------------

  bool inside_config(std::uint32_t at, std::size_t bytes) const {
    return at <= info_.config_size && bytes <= info_.config_size - at;
  }
  std::size_t config_chunk() const { return room_behind(sizeof(wire::ConfigData)); }

  /// False: the pieces belong to different generations.
  Result<bool, TransportError> read_config_once(std::uint32_t at, std::span<std::byte> out) {
    std::optional<std::uint32_t> generation;
    while (!out.empty()) {
      const auto length = static_cast<std::uint32_t>(std::min(out.size(), config_chunk()));
      HAWSER_TRY(piece, ask(GetConfig({.offset = at, .length = length})));
      if (piece.data.size() != length) return Err{TransportError::kBadAnswer};
      endpoint_.generation = piece.generation;
      if (generation.value_or(piece.generation) != piece.generation) return false;
      generation = piece.generation;
      std::memcpy(out.data(), piece.data.data(), length);
      at += length;
      out = out.subspan(length);
    }
    return true;
  }

  Result<void, TransportError> write_config_piece(std::uint32_t at, std::span<const std::byte> piece) {
    // Baseline: generation 0, and the device does not look at it. Strict, and v1: the latest, or it refuses.
    const bool strict = bus_.options().strict_config || wire() == WireVersion::kV1;
    if (strict) {
      HAWSER_TRY(current, ask(GetConfig({.offset = at, .length = 1})));
      endpoint_.generation = current.generation;
    }
    for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
      SetConfig request;
      request.generation = strict ? endpoint_.generation : 0;
      request.offset = at;
      request.data = piece;
      HAWSER_TRY(said, ask(request));
      if (!said.data.empty()) return {};
      if (!strict || said.generation == request.generation) return Err{TransportError::kOutOfRange};
      endpoint_.generation = said.generation;
    }
    return Err{TransportError::kUnstableConfig};
  }

  // ---- queues ------------------------------------------------------------------------------------------------

  /// v1 has no flag for it; the three areas can not all lie at offset 0.
  bool enabled(const GetVqueue::Response& queue) const {
    if (wire() == WireVersion::kV2) return (queue.flags & VIRTIO_MSG_VQUEUE_ENABLED) != 0;
    return (queue.descriptors | queue.driver | queue.device) != 0;
  }

  /// Sets and enables, then reads back: the only way to know, since a refusal has no answer of its own.
  Result<void, TransportError> set_queue(std::uint16_t index, const QueueLayout& layout) {
    HAWSER_TRY(done, ask(SetVqueue({.index = index,
                                    .flags = wire() == WireVersion::kV2 ? VIRTIO_MSG_VQUEUE_OP_ENABLE : 0,
                                    .size = layout.size,
                                    .reserved = 0,
                                    .descriptors = layout.descriptors.bytes(),
                                    .driver = layout.driver.bytes(),
                                    .device = layout.device.bytes()})));
    (void)done;
    HAWSER_TRY(after, ask(GetVqueue({.index = index})));
    if (!enabled(after)) {
      give_back(rings_[index]);
      return Err{TransportError::kQueueRefused};
    }
    // A queue that runs, but elsewhere: its ring stays allocated until the device has been reset.
    const bool same = after.cur_size == layout.size && after.descriptors == layout.descriptors.bytes() &&
                      after.driver == layout.driver.bytes() && after.device == layout.device.bytes();
    if (!same) return Err{TransportError::kBadAnswer};
    return {};
  }

  bool allocate(Ring& ring, std::uint16_t size) {
    const RingShape shape = ring_bytes(ring_format(negotiated_), size);
    const auto take = [&](const AreaShape& area) {
      return arena_.allocate(area.bytes, std::max(area.align, Arena::kUnit));
    };
    const auto descriptors = take(shape.descriptors);
    const auto driver = take(shape.driver);
    const auto device = take(shape.device);
    if (!descriptors || !driver || !device) {
      if (descriptors) arena_.release(*descriptors, shape.descriptors.bytes);
      if (driver) arena_.release(*driver, shape.driver.bytes);
      if (device) arena_.release(*device, shape.device.bytes);
      return false;
    }
    ring = {{size, *descriptors, *driver, *device}, shape, {}};
    if (table_entries_ != 0 && negotiated_.has(VIRTIO_F_INDIRECT_DESC)) {
      // Without room for tables the queue works as well, only with more slots a request.
      if (const auto at = arena_.allocate(IndirectTables::bytes(size, table_entries_))) {
        ring.tables = {*at, table_entries_};
      }
    }
    return true;
  }

  void give_back(Ring& ring) {
    if (!ring.held()) return;
    arena_.release(ring.layout.descriptors, ring.shape.descriptors.bytes);
    arena_.release(ring.layout.driver, ring.shape.driver.bytes);
    arena_.release(ring.layout.device, ring.shape.device.bytes);
    if (ring.tables.entries != 0) {
      arena_.release(ring.tables.at, IndirectTables::bytes(ring.layout.size, ring.tables.entries));
    }
    ring = {};
  }
  void give_back_rings() {
    for (Ring& ring : rings_) give_back(ring);
  }

  DriverBus<L>& bus_;
  Arena& arena_;
  DriverEndpoint endpoint_;
  std::array<std::uint32_t, kMaxQueues> next_offsets_{};
  std::array<Ring, kMaxQueues> rings_{};
  GetDeviceInfo::Response info_;
  Features negotiated_;
  std::uint32_t session_ = 0;
  std::uint32_t status_ = 0;
  std::uint16_t table_entries_ = 0;
  bool opened_ = false;
};

}  // namespace hawser::virtio::msg
