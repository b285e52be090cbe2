// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device's side of a bus: several devices on one link. Answers requests, serves the queues of started devices, and
// tells the driver. Never waits inside; nothing is ever dropped for want of room: while an answer finds no place in
// the channel, no further request is read.
#pragma once

#include <hawser/virtio/msg/device_endpoint.hpp>
#include <hawser/virtio/msg/port.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::virtio::msg {

struct DeviceBusOptions {
  Notification notification = Notification::kMarks;
  WireVersion wire =
      WireVersion::kV2;         ///< v1 for drivers that speak nothing else: they can not be recognized.
  bool strict_config = false;   ///< VIRTIO_MSG_F_STRICT_CONFIG_GENERATION is agreed.
  StageBook* stages = nullptr;  ///< Where requests are timed.
};

enum class AddDeviceError : std::uint8_t {
  kBusIsFull,
  kNumberIsTaken,
  kTooManyQueues,  ///< More than kMaxQueues.
};

template <Link L, std::uint16_t kMaxDevices = 8, std::uint16_t kMaxQueues = 16>
class DeviceBus {
 public:
  using MemoryType = typename L::MemoryType;
  using Ref = DeviceRef<MemoryType>;

  explicit DeviceBus(L& link, const DeviceBusOptions& options = {}) : port_(link), options_(options) {}
  DeviceBus(const DeviceBus&) = delete;
  DeviceBus& operator=(const DeviceBus&) = delete;

  /// Puts a device on the bus; its number. At run time too: the driver is told (EVENT_DEVICE). Without a number, the
  /// free one that has been free longest is likely (numbers are not reused at once). The model must outlive its
  /// time on the bus.
  Result<std::uint16_t, AddDeviceError> add(Ref model, const DeviceOptions& options = {},
                                            std::optional<std::uint16_t> number = std::nullopt) {
    if (model.queue_count() > kMaxQueues) return Err{AddDeviceError::kTooManyQueues};
    if (number && *number >= kMaxDevices) return Err{AddDeviceError::kBusIsFull};
    if (number && devices_[*number]) return Err{AddDeviceError::kNumberIsTaken};
    if (!number) number = free_number();
    if (!number) return Err{AddDeviceError::kBusIsFull};
    devices_[*number].emplace(model, options, maskable());
    numbers_ = std::max<std::uint16_t>(numbers_, *number + 1);
    if (port_.up()) {
      added_.add(*number);
      owes_ = true;
    }
    return *number;
  }

  /// Takes a device off the bus. Its model has been stopped when this returns.
  void remove(std::uint16_t number) {
    if (number >= kMaxDevices || !devices_[number]) return;
    devices_[number]->reset();
    devices_[number].reset();
    added_.remove(number);
    if (port_.up()) {
      removed_.add(number);
      owes_ = true;
    }
  }

  /// A bounded piece of work: messages, then every queue of every started device, once (whether its mark was rung or
  /// not: backends finish on their own). True: there is more, so do not wait.
  bool step() {
    const bool more_messages = talk() == Talk::kMore;
    (void)port_.link().bell().take();
    const bool more = serve_queues();
    (void)notice();
    (void)send_events();
    port_.ring();
    return more || more_messages;
  }

  /// The queues' part of a step(), for whoever spins: asks neither the link nor the clock, so it finds work sooner. A few
  /// times between two steps, no more: peer, messages and events wait meanwhile. True: there is more.
  bool serve_queues() {
    bool more = false;
    busy_ = false;
    for (std::uint16_t number = 0; number < numbers_; ++number) {
      if (devices_[number] && devices_[number]->running()) more |= serve(number, *devices_[number]);
    }
    return more;
  }

  /// The last step() or serve_queues() found something to do in a queue, as far as models say so.
  bool busy() const { return busy_; }

  /// Asks every queue and the link to wake us. True: something came up meanwhile, so step() again instead of waiting.
  bool prepare_to_wait() {
    port_.link().bell().arm();
    bool again = talk() != Talk::kNothing;
    for (auto& device : present()) {
      if (!device || !device->running()) continue;
      for (std::uint16_t queue = 0; queue < device->queue_count(); ++queue) {
        if (device->enabled(queue)) again |= device->prepare_to_wait(queue);
      }
    }
    again |= notice() && pending_ == 0 && send_events();
    port_.ring();
    if (again) port_.link().bell().disarm();
    return again;
  }

  /// Sleeps until there may be work, at most until `until`, and never longer than kPollInterval. Then: step().
  Wake wait(Instant until) {
    if (prepare_to_wait()) return Wake::kRung;
    const Wake wake = port_.link().bell().wait(std::min(until, port_.link().now() + kPollInterval));
    port_.link().bell().disarm();
    return wake;
  }

  /// Asks whether the driver's side is there; take_pong() says when it has answered.
  Result<void, SendError> ping() {
    const Message message{0, ++pings_, Ping({.data = pings_})};
    std::array<std::byte, VIRTIO_MSG_MIN_MESSAGE> frame;
    const auto size = encode(message, options_.wire, frame);
    HAWSER_CHECK(port_.send(std::span(frame).first(size.ok() ? *size : 0)));
    pong_ = false;
    port_.ring();
    return {};
  }
  bool take_pong() { return std::exchange(pong_, false); }

  bool up() const { return port_.up(); }
  std::uint32_t session() const { return port_.session(); }
  BusFault fault() const { return port_.fault(); }
  L& link() { return port_.link(); }

 private:
  static constexpr unsigned kMessagesPerStep = 32;

  enum class Talk : std::uint8_t {
    kNothing,
    kSomething,
    kMore,  ///< Stopped because of the bound.
  };

  Talk talk() {
    bool something = false;
    if (port_.poll()) {
      forget();
      something = true;
    }
    if (!flush() || !send_events()) return something ? Talk::kSomething : Talk::kNothing;
    for (unsigned n = 0; n < kMessagesPerStep; ++n) {
      const auto frame = port_.receive();
      if (!frame) {
        port_.ring();
        return something ? Talk::kSomething : Talk::kNothing;
      }
      something = true;
      if (const auto message = decode(*frame, options_.wire); message.ok()) dispatch(*message);
      if (!flush()) {
        port_.ring();
        return Talk::kSomething;
      }
    }
    port_.ring();
    return Talk::kMore;
  }

  /// A session ended or began. Whatever the old driver had is gone, and it is owed nothing.
  void forget() {
    pending_ = 0;
    pong_ = false;
    added_.clear();
    removed_.clear();
    owes_ = false;
    for (auto& device : present()) {
      if (device) device->reset();
    }
  }

  // ---- requests ----------------------------------------------------------------------------------------------

  void dispatch(const Message& message) {
    message.body.visit([&]<class Q>(const Q& request) {
      if constexpr (Asks<Q>) {
        if constexpr (from_bus(Q::kType)) {
          if (const auto said = answer(request)) reply(Message{0, message.token, *said});
        } else if (message.device < kMaxDevices && devices_[message.device]) {
          if (const auto said = devices_[message.device]->answer(request, context(message.device))) {
            reply(Message{message.device, message.token, *said});
          }
        }
      }
    });
    if (const auto* pong = message.body.template as<Ping::Response>()) pong_ = pong_ || pong->data == pings_;
    // EVENT_AVAIL needs nothing done: step() looks at every queue. Other responses and events are not for us.
  }

  std::optional<Ping::Response> answer(const Ping& asked) { return Ping::Response({.data = asked.data}); }

  std::optional<GetDevices::Response> answer(const GetDevices& asked) {
    const std::uint32_t room = static_cast<std::uint32_t>(port_.max_message() - kListHeader) * 8;
    std::uint32_t count = asked.offset < kMaxDevices ? kMaxDevices - asked.offset : 0;
    count = std::min({count, room, std::uint32_t{asked.count}});
    // v1: counts in multiples of 8, and never more than was asked.
    if (options_.wire == WireVersion::kV1)
      count = std::min<std::uint32_t>((count + 7) / 8 * 8, asked.count / 8 * 8u);
    const std::uint32_t next = asked.offset + count;
    const auto bitmap = std::span(scratch_).first((count + 7) / 8);
    std::fill(bitmap.begin(), bitmap.end(), std::byte{0});
    for (std::uint32_t i = 0; i < count && asked.offset + i < kMaxDevices; ++i) {
      if (devices_[asked.offset + i]) bitmap[i / 8] |= std::byte{1} << (i % 8);
    }
    GetDevices::Response list;
    list.offset = asked.offset;
    list.count = static_cast<std::uint16_t>(count);
    list.next_offset = static_cast<std::uint16_t>(count != 0 && next < kMaxDevices ? next : 0);
    list.bitmap = bitmap;
    return list;
  }

  DeviceContext<MemoryType> context(std::uint16_t number) {
    return {port_.link().region(),  options_.wire, port_.max_message(),
            options_.strict_config, scratch_,      number,
            options_.stages};
  }

  // ---- sending -----------------------------------------------------------------------------------------------

  /// Puts a message in line; flush() sends it. Call only when nothing is in line.
  void reply(const Message& message) {
    const auto size = encode(message, options_.wire, std::span(out_).first(port_.max_message()));
    pending_ = size.ok() ? *size : 0;
  }

  /// False: the channel has no room, the message stays in line.
  bool flush() {
    if (pending_ == 0) return true;
    const auto sent = port_.send(std::span(out_).first(pending_));
    if (!sent.ok() && sent.error() == SendError::kFull) return false;
    pending_ = 0;  // sent, or never possible on this link
    return true;
  }

  bool post(const Message& message) {
    reply(message);
    return flush();
  }

  /// Everything the driver is owed without having asked. A message that finds no room is in line then: its reason is
  /// forgotten, and false says that nothing else can be sent now.
  bool send_events() {
    if (!owes_ || !port_.up()) return true;
    if (pending_ != 0 && !flush()) return false;
    if (!send_plug_events(removed_, VIRTIO_MSG_DEVICE_REMOVED)) return false;
    if (!send_plug_events(added_, VIRTIO_MSG_DEVICE_ADDED)) return false;
    for (std::uint16_t number = 0; number < numbers_; ++number) {
      if (!devices_[number]) continue;
      auto& device = *devices_[number];
      if (device.event_waits()) {
        const EventConfig event = device.event(context(number));
        device.event_sent();
        if (!post(Message{number, 0, event})) return false;
      }
      while (const auto queue = device.used().first()) {
        device.used().remove(*queue);
        if (!post(Message{number, 0, EventUsed({.vq_index = *queue})})) return false;
      }
    }
    owes_ = false;
    return true;
  }

  bool send_plug_events(Bits<kMaxDevices>& which, std::uint16_t state) {
    while (const auto number = which.first()) {
      which.remove(*number);
      const EventDevice event({.device_number = static_cast<std::uint16_t>(*number), .state = state});
      if (!post(Message{0, 0, event})) return false;
    }
    return true;
  }

  // ---- serving -----------------------------------------------------------------------------------------------

  bool serve(std::uint16_t number, DeviceEndpoint<MemoryType, kMaxQueues>& device) {
    bool more = false;
    for (std::uint16_t queue = 0; queue < device.queue_count(); ++queue) {
      if (!device.enabled(queue)) continue;
      const Work work = device.service(queue);
      more |= work.more;
      busy_ = busy_ || work.more || work.notify || work.busy;
      if (!work.notify) continue;
      if (options_.notification == Notification::kMarks) {
        port_.link().bell().ring(mark_of(number, queue));
        device.rung(queue);
      } else {
        device.used().add(queue);
        owes_ = true;
      }
    }
    return more;
  }

  /// True: some device has an event to send.
  bool notice() {
    bool waits = false;
    for (auto& device : present()) waits |= device && device->notice();
    owes_ |= waits;
    return waits;
  }

  // ---- numbers -----------------------------------------------------------------------------------------------

  /// Up to the highest number that was ever in use: what each turn looks at.
  auto present() { return std::span(devices_).first(numbers_); }

  std::optional<std::uint16_t> free_number() {
    for (std::uint16_t n = 0; n < kMaxDevices; ++n) {
      const auto number = static_cast<std::uint16_t>((next_number_ + n) % kMaxDevices);
      if (devices_[number]) continue;
      next_number_ = static_cast<std::uint16_t>(number + 1);
      return number;
    }
    return std::nullopt;
  }

  /// Ring features that this bus can carry. NOTIFICATION_DATA travels in EVENT_AVAIL only.
  Features maskable() const {
    Features features = kQueueFeatures;
    features.set(VIRTIO_F_NOTIFICATION_DATA, options_.notification == Notification::kMessages);
    return features;
  }

  static constexpr std::size_t kListHeader = sizeof(wire::Header) + sizeof(wire::DeviceList);

  Port<L> port_;
  DeviceBusOptions options_;
  std::array<std::optional<DeviceEndpoint<MemoryType, kMaxQueues>>, kMaxDevices> devices_;
  Bits<kMaxDevices> added_;
  Bits<kMaxDevices> removed_;
  std::array<std::byte, VIRTIO_MSG_MAX_MESSAGE> out_;
  std::array<std::byte, VIRTIO_MSG_MAX_MESSAGE> scratch_;
  std::size_t pending_ = 0;  ///< Bytes of out_ that wait for room.
  std::uint16_t next_number_ = 0;
  std::uint16_t numbers_ = 0;  ///< In use so far are those below.
  bool owes_ = false;          ///< Some event may have to be sent.
  std::uint16_t pings_ = 0;
  bool pong_ = false;
  bool busy_ = false;
};

}  // namespace hawser::virtio::msg
