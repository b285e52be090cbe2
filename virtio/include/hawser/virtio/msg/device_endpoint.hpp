// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One device on a bus: the state that virtio-msg keeps for it, and what each request does to that state. Knows neither
// channel nor bell. An answer of nothing means silence: the request is not one that has an answer.
#pragma once

#include <hawser/virtio/msg/bits.hpp>
#include <hawser/virtio/msg/device_ref.hpp>
#include <hawser/virtio/msg/message.hpp>
#include <hawser/virtio/queue/layout.hpp>
#include <hawser/virtio/queue/stage_book.hpp>
#include <hawser/virtio/spec.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::msg {

struct DeviceOptions {
  /// Ring features to offer. IN_ORDER is left out: only the model knows whether it completes in order, and offers it
  /// itself then.
  Features ring{VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, VIRTIO_F_RING_PACKED, VIRTIO_F_RING_RESET,
                VIRTIO_F_NOTIFICATION_DATA};
  /// Offers VIRTIO_F_ACCESS_PLATFORM and insists on it (§6.1): addresses are offsets into the link's region, which a
  /// driver that would pass physical addresses can not know.
  bool access_platform = true;
  std::uint32_t vendor_id = 0x52535748;  // "HWSR"
  Uuid uuid{};                           ///< All zero: none.
};

/// What a request is answered with: the bus's limits and memory.
template <Memory M>
struct DeviceContext {
  M memory;
  WireVersion wire = WireVersion::kV2;
  std::size_t max_message = 0;
  bool strict_config = false;
  std::span<std::byte> scratch;  ///< max_message bytes that an answer may point into.
  std::uint16_t number = 0;      ///< The device's.
  StageBook* stages = nullptr;
};

template <Memory M, std::uint16_t kMaxQueues>
class DeviceEndpoint {
  static_assert(kMaxQueues <= 64);

 public:
  using Context = DeviceContext<M>;

  DeviceEndpoint(DeviceRef<M> model, const DeviceOptions& options, Features maskable)
      : model_(model), options_(options), offered_(model.offered() | (options.ring & maskable)) {
    offered_.set(VIRTIO_F_VERSION_1);
    offered_.set(VIRTIO_F_ACCESS_PLATFORM, options.access_platform);
    offered_.set(VIRTIO_F_NOTIF_CONFIG_DATA, false);
    offered_.set(VIRTIO_F_NOTIFICATION_DATA,
                 options.ring.has(VIRTIO_F_NOTIFICATION_DATA) && maskable.has(VIRTIO_F_NOTIFICATION_DATA));
  }

  // ---- requests ----------------------------------------------------------------------------------------------

  std::optional<GetDeviceInfo::Response> answer(const GetDeviceInfo&, const Context& context) const {
    GetDeviceInfo::Response info;
    info.wire = context.wire;
    info.device_id = model_.device_id();
    info.vendor_id = options_.vendor_id;
    info.uuid = options_.uuid;
    info.feature_blocks = Features::kBlocks;
    info.config_size = model_.config_size();
    info.max_virtqueues = model_.queue_count();
    return info;
  }

  std::optional<GetDeviceFeatures::Response> answer(const GetDeviceFeatures& asked,
                                                    const Context& context) const {
    const std::size_t room = context.max_message - sizeof(wire::Header) - sizeof(wire::FeatureBlocks);
    if (asked.num_blocks > room / sizeof(le32)) return std::nullopt;  // no answer could say it
    for (std::uint32_t n = 0; n < asked.num_blocks; ++n) {
      const le32 block = offered_.block(std::size_t{asked.block_index} + n);
      (void)write_wire(context.scratch.subspan(n * sizeof(le32)), block);
    }
    GetDeviceFeatures::Response run;
    run.first = asked.block_index;
    run.bytes = context.scratch.first(asked.num_blocks * sizeof(le32));
    return run;
  }

  std::optional<SetDriverFeatures::Response> answer(const SetDriverFeatures& asked, const Context&) {
    for (std::uint32_t n = 0; n < asked.count(); ++n) {  // committed by FEATURES_OK; without effect after it
      const std::uint64_t block = std::uint64_t{asked.first} + n;
      if (block < Features::kBlocks) {
        chosen_.set_block(static_cast<std::size_t>(block), asked.block(n));
      } else if (asked.block(n) != 0) {
        chose_unknown_ = true;
      }
    }
    return SetDriverFeatures::Response{};
  }

  std::optional<GetConfig::Response> answer(const GetConfig& asked, const Context& context) {
    notice_config_change();
    const std::size_t room = context.max_message - sizeof(wire::Header) - sizeof(wire::ConfigData);
    if (asked.length > room) return std::nullopt;  // no answer could say it
    GetConfig::Response said;
    said.generation = generation_;
    said.offset = asked.offset;
    const auto out = context.scratch.first(asked.length);
    if (inside_config(asked.offset, asked.length)) {
      if (!out.empty()) model_.read_config(asked.offset, out);
      said.data = out;
    } else if (context.wire == WireVersion::kV1) {  // v1 drivers know no short answer
      std::memset(out.data(), 0xff, out.size());
      said.data = out;
    }
    return said;
  }

  std::optional<SetConfig::Response> answer(const SetConfig& asked, const Context& context) {
    notice_config_change();
    SetConfig::Response said;
    said.offset = asked.offset;
    const bool current = !context.strict_config || asked.generation == generation_;
    if (current && !asked.data.empty() &&
        inside_config(asked.offset, static_cast<std::uint32_t>(asked.data.size())) &&
        model_.write_config(asked.offset, asked.data)) {
      said.data = asked.data;
    }
    said.generation = generation_;
    return said;
  }

  std::optional<GetDeviceStatus::Response> answer(const GetDeviceStatus&, const Context&) const {
    return GetDeviceStatus::Response({.status = status_});
  }

  std::optional<SetDeviceStatus::Response> answer(const SetDeviceStatus& asked, const Context&) {
    write_status(asked.status);
    return SetDeviceStatus::Response({.status = status_});
  }

  std::optional<GetVqueue::Response> answer(const GetVqueue& asked, const Context& context) const {
    GetVqueue::Response said({.index = asked.index,
                              .max_size = 0,
                              .cur_size = 0,
                              .flags = 0,
                              .descriptors = 0,
                              .driver = 0,
                              .device = 0});
    if (!available(asked.index)) return said;
    const auto index = static_cast<std::uint16_t>(asked.index);
    const Queue& queue = queues_[index];
    said.max_size = model_.queue_max_size(index);
    said.cur_size = queue.layout.size;
    said.flags = queue.enabled && context.wire == WireVersion::kV2 ? VIRTIO_MSG_VQUEUE_ENABLED : 0;
    said.descriptors = queue.layout.descriptors.bytes();
    said.driver = queue.layout.driver.bytes();
    said.device = queue.layout.device.bytes();
    return said;
  }

  std::optional<SetVqueue::Response> answer(const SetVqueue& asked, const Context& context) {
    set_queue(asked, context);
    return SetVqueue::Response{};
  }

  std::optional<ResetVqueue::Response> answer(const ResetVqueue& asked, const Context&) {
    if (negotiated_.has(VIRTIO_F_RING_RESET) && available(asked.index)) {
      Queue& queue = queues_[asked.index];
      if (queue.enabled) model_.detach(static_cast<std::uint16_t>(asked.index));
      queue = {};
    }
    return ResetVqueue::Response{};
  }

  std::optional<GetShm::Response> answer(const GetShm& asked, const Context&) const {
    return GetShm::Response{.shmid = asked.shmid, .length = 0, .address = 0};
  }

  // ---- what happens by itself --------------------------------------------------------------------------------

  /// The driver has set DRIVER_OK, and neither side has given up since.
  bool running() const {
    constexpr std::uint32_t kStopped = VIRTIO_STATUS_DEVICE_NEEDS_RESET | VIRTIO_STATUS_FAILED;
    return (status_ & VIRTIO_STATUS_DRIVER_OK) != 0 && (status_ & kStopped) == 0;
  }
  bool enabled(std::uint16_t queue) const { return queue < kMaxQueues && queues_[queue].enabled; }
  std::uint16_t queue_count() const { return model_.queue_count(); }

  Work service(std::uint16_t queue) { return model_.service(queue); }
  /// The driver has been told of what service() completed.
  void rung(std::uint16_t queue) {
    if (queues_[queue].probe != nullptr) queues_[queue].probe->rung();
  }
  bool prepare_to_wait(std::uint16_t queue) { return model_.prepare_to_wait(queue); }

  /// Asks the model whether it changed its configuration or can not go on. True: an event waits to be sent.
  bool notice() {
    notice_config_change();
    if (running() && model_.needs_reset()) {
      status_ |= VIRTIO_STATUS_DEVICE_NEEDS_RESET;
      status_changed_ = true;
      give_up();
    }
    return event_waits();
  }

  bool event_waits() const { return status_changed_ || config_changed_; }

  /// EVENT_CONFIG as it is due now. Call event_sent() when it is on its way.
  EventConfig event(const Context& context) const {
    EventConfig event;
    event.device_status = status_;
    event.generation = generation_;
    if (!config_changed_) return event;
    const std::uint32_t size = model_.config_size();
    const std::size_t room = context.max_message - sizeof(wire::Header) - sizeof(wire::EventConfig);
    if (size <= room) {
      event.length = size;
      if (size != 0) model_.read_config(0, context.scratch.first(size));
      event.data = context.scratch.first(size);
    } else if (context.wire == WireVersion::kV2) {
      event.length = size;  // ... without data: the driver reads it
    }
    return event;
  }
  void event_sent() { status_changed_ = config_changed_ = false; }

  /// Device reset: at the driver's wish, and whenever a session ends.
  void reset() {
    model_.stop();
    status_ = 0;
    chosen_ = negotiated_ = {};
    chose_unknown_ = false;
    queues_ = {};
    given_up_ = false;
    used_.clear();
    event_sent();
  }

  /// Queues whose driver is to be told with EVENT_USED.
  Bits<kMaxQueues>& used() { return used_; }

 private:
  /// Until the reset nothing is served any more, so nothing may wake for it, and no queue comes or goes.
  void give_up() {
    model_.stop();
    queues_ = {};
    given_up_ = true;
  }

  struct Queue {
    QueueLayout layout;
    bool enabled = false;
    StageProbe* probe = nullptr;
  };

  bool available(std::uint32_t index) const {
    return index < kMaxQueues && index < model_.queue_count() &&
           model_.queue_max_size(static_cast<std::uint16_t>(index)) != 0;
  }

  bool inside_config(std::uint32_t at, std::uint32_t bytes) const {
    const std::uint32_t size = model_.config_size();
    return at <= size && bytes <= size - at;
  }

  /// Before anything that reports a generation: what was read under the old one must be told apart.
  void notice_config_change() {
    if (!model_.take_config_change()) return;
    ++generation_;
    if (status_ != 0) config_changed_ = true;
  }

  /// §2.1, §3.1.1. Bits are only ever added, except by reset; bits that nobody knows are not stored.
  void write_status(std::uint32_t wanted) {
    if (wanted == 0) return reset();
    const std::uint32_t added = wanted & ~status_;
    status_ |= added & (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FAILED);
    if ((added & VIRTIO_STATUS_FEATURES_OK) != 0 && features_acceptable()) {
      negotiated_ = chosen_;
      status_ |= VIRTIO_STATUS_FEATURES_OK;
    }
    if ((added & VIRTIO_STATUS_DRIVER_OK) != 0 && (status_ & VIRTIO_STATUS_FEATURES_OK) != 0) {
      status_ |= VIRTIO_STATUS_DRIVER_OK;
      model_.start(negotiated_);
    }
    if ((status_ & VIRTIO_STATUS_DRIVER_OK) != 0 && !running() && !given_up_) give_up();
  }

  bool features_acceptable() const {
    return !chose_unknown_ && chosen_.subset_of(offered_) && chosen_.has(VIRTIO_F_VERSION_1) &&
           (!options_.access_platform || chosen_.has(VIRTIO_F_ACCESS_PLATFORM)) && model_.acceptable(chosen_);
  }

  /// All of it or nothing of it. Every return before the last lines is a "no effect but a normal response" (SET_VQUEUE).
  void set_queue(const SetVqueue& asked, const Context& context) {
    if ((status_ & VIRTIO_STATUS_FEATURES_OK) == 0) return;  // the ring's format is not known before
    if (given_up_) return;
    if (!available(asked.index) || asked.reserved != 0) return;
    const std::uint32_t flags =
        context.wire == WireVersion::kV2 ? std::uint32_t{asked.flags} : VIRTIO_MSG_VQUEUE_OP_ENABLE;
    const std::uint32_t op = flags & VIRTIO_MSG_VQUEUE_OP_MASK;
    constexpr std::uint32_t kIgnoreAll = VIRTIO_MSG_VQUEUE_IGNORE_SIZE | VIRTIO_MSG_VQUEUE_IGNORE_DESC |
                                         VIRTIO_MSG_VQUEUE_IGNORE_DRIVER | VIRTIO_MSG_VQUEUE_IGNORE_DEVICE;
    if ((flags & ~VIRTIO_MSG_VQUEUE_FLAGS_MASK) != 0 || op > VIRTIO_MSG_VQUEUE_OP_KEEP) return;

    const auto index = static_cast<std::uint16_t>(asked.index);
    Queue& queue = queues_[index];
    if (queue.enabled && (op == VIRTIO_MSG_VQUEUE_OP_KEEP_DISABLED || (flags & kIgnoreAll) != kIgnoreAll))
      return;

    QueueLayout layout = queue.layout;
    if ((flags & VIRTIO_MSG_VQUEUE_IGNORE_SIZE) == 0) {
      if (asked.size == 0 || asked.size > model_.queue_max_size(index)) return;
      layout.size = static_cast<std::uint16_t>(asked.size);
      if (ring_format(negotiated_) == RingFormat::kSplit && !power_of_two(layout.size)) return;
    }
    if ((flags & VIRTIO_MSG_VQUEUE_IGNORE_DESC) == 0) layout.descriptors = Offset(asked.descriptors);
    if ((flags & VIRTIO_MSG_VQUEUE_IGNORE_DRIVER) == 0) layout.driver = Offset(asked.driver);
    if ((flags & VIRTIO_MSG_VQUEUE_IGNORE_DEVICE) == 0) layout.device = Offset(asked.device);

    if (op == VIRTIO_MSG_VQUEUE_OP_ENABLE && !queue.enabled) {
      auto made = AnyDeviceQueue<M>::make(context.memory, layout, negotiated_);
      if (!made.ok()) return;  // the driver sees it when it reads back
      if (context.stages != nullptr) {
        queue.probe = context.stages->open({StageSide::kDevice, context.number, index, model_.device_id(),
                                            layout.size, made->format() == RingFormat::kPacked});
        made->time_by(queue.probe);
      }
      model_.attach(index, std::move(made).value());
      queue.enabled = true;
    }
    queue.layout = layout;
  }

  DeviceRef<M> model_;
  DeviceOptions options_;
  Features offered_;
  Features chosen_;
  Features negotiated_;
  bool chose_unknown_ = false;  ///< A bit beyond what Features holds.
  bool given_up_ = false;       ///< The model was stopped before the reset.
  bool status_changed_ = false;
  bool config_changed_ = false;
  std::uint32_t status_ = 0;
  std::uint32_t generation_ = 0;
  std::array<Queue, kMaxQueues> queues_{};
  Bits<kMaxQueues> used_;
};

}  // namespace hawser::virtio::msg
