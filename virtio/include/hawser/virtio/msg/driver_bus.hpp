// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver's side of a bus: asks, waits for the answer for a stated time, and meanwhile latches whatever else comes.
// Nothing here calls back: a flood of events, in whatever order, ends in a few bits.
#pragma once

#include <hawser/virtio/driver/transport.hpp>
#include <hawser/virtio/msg/answers.hpp>
#include <hawser/virtio/msg/bits.hpp>
#include <hawser/virtio/msg/port.hpp>
#include <hawser/virtio/queue/stage_book.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace hawser::virtio::msg {

struct DriverBusOptions {
  Duration timeout = seconds(1);  ///< For each request, sending included. It is sent once, never again.
  Notification notification = Notification::kMarks;
  bool strict_config = false;   ///< VIRTIO_MSG_F_STRICT_CONFIG_GENERATION is agreed.
  StageBook* stages = nullptr;  ///< Where requests are timed.
};

/// Devices that a driver's side can see: numbers below this.
inline constexpr unsigned kDriverDevices = 64;
using DeviceSet = Bits<kDriverDevices>;

struct PlugEvent {
  std::uint16_t device = 0;
  bool added = false;  ///< Otherwise removed.
  constexpr bool operator==(const PlugEvent&) const = default;
};

/// What the bus latches for one device, and what it still has to send for it. Part of a DriverDevice.
struct DriverEndpoint {
  std::uint16_t number = 0;
  bool config_changed = false;
  bool needs_reset = false;
  bool removed = false;
  std::uint32_t generation = 0;           ///< The latest seen.
  std::uint64_t available = 0;            ///< Bit q: an EVENT_AVAIL for queue q waits for room.
  std::span<std::uint32_t> next_offsets;  ///< What those carry.
  DriverEndpoint* next = nullptr;
};

/// One thread. The link, and every endpoint while it is attached, outlive the bus's use of them.
template <Link L>
class DriverBus {
 public:
  using LinkType = L;

  explicit DriverBus(L& link, const DriverBusOptions& options = {}) : port_(link), options_(options) {}
  DriverBus(const DriverBus&) = delete;
  DriverBus& operator=(const DriverBus&) = delete;

  /// Handles what has arrived, at most a bounded number of messages. True: something did, or the link came or went.
  bool pump() { return look() != Seen::kNothing; }

  bool up() const { return port_.up(); }
  std::uint32_t session() const { return port_.session(); }
  BusFault fault() const { return port_.fault(); }
  std::size_t max_message() const { return port_.max_message(); }
  const DriverBusOptions& options() const { return options_; }
  L& link() { return port_.link(); }
  const L& link() const { return port_.link(); }

  /// Waits until the link is up.
  Result<void, TransportError> wait_up(Instant until) {
    for (;;) {
      pump();
      if (up()) return {};
      if (link().now() >= until) return Err{TransportError::kTimeout};
      if (wait(until) == Wake::kCancelled) return Err{TransportError::kCancelled};
    }
  }

  /// The devices that are there now (GET_DEVICES).
  Result<DeviceSet, TransportError> devices() {
    if (!up()) return Err{TransportError::kLinkDown};
    DeviceSet found;
    std::uint32_t offset = 0;
    while (offset < kDriverDevices) {  // ends: next_offset grows or ends it
      const std::size_t room = (max_message() - kListHeader) * 8;
      const auto count = static_cast<std::uint16_t>(std::min<std::size_t>(kDriverDevices - offset, room));
      HAWSER_TRY(list, ask(0, GetDevices({.offset = static_cast<std::uint16_t>(offset), .count = count}),
                           WireVersion::kV2));
      for (std::uint16_t i = 0; i < list.count; ++i) {
        if (list.present(i)) found.add(offset + i);
      }
      if (list.next_offset <= offset) break;  // 0: the end. v1 has no end, and repeats itself
      offset = list.next_offset;
    }
    return found;
  }

  /// Whether the other side is still there.
  Result<void, TransportError> ping() {
    HAWSER_TRY(pong, ask(0, Ping({.data = ++pings_}), WireVersion::kV2));
    (void)pong;
    return {};
  }

  /// The next device that came or went, as EVENT_DEVICE told. One that went and came back is reported as both; one that
  /// came and went before anybody asked, as gone. A new session forgets them: enumerate again.
  std::optional<PlugEvent> take_plug_event() {
    if (const auto gone = removed_.first()) {
      removed_.remove(*gone);
      return PlugEvent{static_cast<std::uint16_t>(*gone), false};
    }
    if (const auto came = added_.first()) {
      added_.remove(*came);
      return PlugEvent{static_cast<std::uint16_t>(*came), true};
    }
    return std::nullopt;
  }

  /// Lets time pass until a mark was rung, a message came, or the link changed. May end for no reason.
  Wake wait(Instant until) {
    for (;;) {
      pump();
      if (look_again()) return Wake::kRung;
      const Instant now = link().now();
      if (now >= until) return Wake::kTimeout;
      link().bell().arm();
      pump();  // the look between arming and sleeping
      const bool rung = look_again();
      const Wake wake = rung ? Wake::kRung : link().bell().wait(std::min(until, now + kPollInterval));
      link().bell().disarm();
      if (wake == Wake::kTimeout) continue;
      pump();
      (void)look_again();
      return wake;
    }
  }

  /// Sends one request and waits for its answer. What the answer points to lives until the bus is used again.
  template <Asks Q>
  Result<typename Q::Response, TransportError> ask(std::uint16_t device, const Q& request, WireVersion wire) {
    const std::uint32_t session = port_.session();
    if (!up()) return Err{TransportError::kLinkDown};
    std::array<std::byte, VIRTIO_MSG_MAX_MESSAGE> frame;
    if (++token_ == 0) ++token_;
    const auto size = encode(Message{device, token_, request}, wire, std::span(frame).first(max_message()));
    if (!size.ok()) return Err{TransportError::kNotPossible};

    const Instant deadline = link().now() + options_.timeout;
    const Asked asked{Q::Response::kType, Q::kId, from_bus(Q::kType) ? std::uint16_t{0} : device, token_};
    bool sent = false;
    bool armed = false;
    for (;;) {
      if (!up() || port_.session() != session) return finish(armed, TransportError::kLinkDown);
      if (!sent) {
        const auto result = port_.send(std::span(frame).first(*size));
        sent = result.ok();
        if (sent) port_.ring();
        if (!sent && result.error() != SendError::kFull) {
          return finish(armed, result.error() == SendError::kTooBig ? TransportError::kNotPossible
                                                                    : TransportError::kLinkDown);
        }
      }
      Seen seen = look(sent ? &asked : nullptr);
      if (seen == Seen::kAnswer) {
        if (const auto answer = answer_in(answer_, request, wire)) {
          disarm(armed);
          return *answer;
        }
        // With our token it was meant for us. Without it (v1 bus messages) it may be a late one: not ours.
        if (peek(answer_)->token == asked.token) return finish(armed, TransportError::kBadAnswer);
        seen = Seen::kSomething;
      }
      const Instant now = link().now();
      if (now >= deadline) return finish(armed, TransportError::kTimeout);
      if (seen == Seen::kSomething) continue;
      if (!armed) {
        link().bell().arm();
        armed = true;
        continue;  // the look between arming and sleeping
      }
      const Wake wake = link().bell().wait(std::min(deadline, now + kPollInterval));
      disarm(armed);
      if (wake == Wake::kCancelled) return Err{TransportError::kCancelled};
    }
  }

  /// Sleeps for a short while in which nothing in particular is expected.
  Wake pause(Duration span) {
    link().bell().arm();
    pump();
    const Wake wake = link().bell().wait(link().now() + std::min(span, kPollInterval));
    link().bell().disarm();
    return wake;
  }

  /// Tells the device to look at a queue. Never waits: what finds no room is kept and sent later.
  void notify(DriverEndpoint& endpoint, std::uint16_t queue, std::uint32_t next_offset) {
    if (options_.notification == Notification::kMarks) {
      link().bell().ring(mark_of(endpoint.number, queue));
      return;
    }
    if (queue >= endpoint.next_offsets.size()) return;
    endpoint.next_offsets[queue] = next_offset;  // a newer one says all that an older one said
    endpoint.available |= std::uint64_t{1} << queue;
    flush(endpoint);
    port_.ring();
  }

  void attach(DriverEndpoint& endpoint) {
    endpoint.next = endpoints_;
    endpoints_ = &endpoint;
  }
  void detach(DriverEndpoint& endpoint) {
    DriverEndpoint** at = &endpoints_;
    while (*at != nullptr && *at != &endpoint) at = &(*at)->next;
    if (*at != nullptr) *at = endpoint.next;
  }

 private:
  static constexpr std::size_t kListHeader = sizeof(wire::Header) + sizeof(wire::DeviceList);
  static constexpr unsigned kMessagesPerLook = 64;
  static constexpr unsigned kPongs = 8;

  enum class Seen : std::uint8_t {
    kNothing,
    kSomething,
    kAnswer
  };

  /// What a response must look like to be the one that is waited for.
  struct Asked {
    Type type;
    std::uint8_t id;
    std::uint16_t device;
    std::uint16_t token;

    /// v1 devices answer bus requests with token 0; at most one bus request is ever waited for.
    bool answered_by(const Header& header) const {
      return header.type == type && header.id == id && header.device == device &&
             (header.token == token || (from_bus(type) && header.token == 0));
    }
  };

  /// Reads messages until one answers `asked` (it is in answer_ then), none is left, or it has been enough.
  Seen look(const Asked* asked = nullptr) {
    Seen seen = Seen::kNothing;
    if (port_.poll()) {
      forget();
      seen = Seen::kSomething;
    }
    for (unsigned n = 0; n < kMessagesPerLook; ++n) {
      const auto frame = port_.receive();
      if (!frame) break;
      seen = Seen::kSomething;
      const auto header = peek(*frame);
      if (asked != nullptr && header && asked->answered_by(*header)) {
        answer_ = *frame;
        return Seen::kAnswer;
      }
      latch(*frame);
    }
    send_what_waits();
    return seen;
  }

  /// Everything that is no awaited answer. Late answers, unknown and malformed messages end here, in silence.
  void latch(std::span<const std::byte> frame) {
    const auto message = decode(frame, WireVersion::kV2);
    if (!message.ok()) return;
    if (const auto* event = message->body.template as<EventConfig>()) return latch(message->device, *event);
    if (const auto* event = message->body.template as<EventDevice>()) return latch(*event);
    if (message->body.template as<EventUsed>() != nullptr) {
      news_ = true;
      return;
    }
    if (const auto* ping = message->body.template as<Ping>()) {
      if (pong_count_ < kPongs) pongs_[pong_count_++] = Pong{message->token, ping->data};
    }
  }

  void latch(std::uint16_t device, const EventConfig& event) {
    DriverEndpoint* endpoint = find(device);
    if (endpoint == nullptr) return;
    const bool needs_reset = (event.device_status & VIRTIO_STATUS_DEVICE_NEEDS_RESET) != 0;
    const bool only_status = needs_reset && event.length == 0 && event.generation == endpoint->generation;
    if (!only_status) endpoint->config_changed = true;
    if (needs_reset) endpoint->needs_reset = true;
    endpoint->generation = event.generation;
    news_ = true;
  }

  void latch(const EventDevice& event) {
    const std::uint16_t device = event.device_number;
    if (event.state == VIRTIO_MSG_DEVICE_ADDED) {
      added_.add(device);
    } else if (event.state == VIRTIO_MSG_DEVICE_REMOVED) {
      added_.remove(device);
      removed_.add(device);
      if (DriverEndpoint* endpoint = find(device)) endpoint->removed = true;
    } else {
      return;
    }
    news_ = true;
  }

  DriverEndpoint* find(std::uint16_t device) {
    for (DriverEndpoint* at = endpoints_; at != nullptr; at = at->next) {
      if (at->number == device) return at;
    }
    return nullptr;
  }

  /// A new session: nothing that was latched or waits to be sent means anything any more.
  void forget() {
    added_.clear();
    removed_.clear();
    pong_count_ = 0;
    news_ = true;
    for (DriverEndpoint* at = endpoints_; at != nullptr; at = at->next) at->available = 0;
  }

  void send_what_waits() {
    while (pong_count_ > 0) {
      const Pong& pong = pongs_[0];
      if (!send(Message{0, pong.token, Ping::Response({.data = pong.data})})) break;
      std::copy(pongs_.begin() + 1, pongs_.begin() + pong_count_, pongs_.begin());
      --pong_count_;
    }
    for (DriverEndpoint* at = endpoints_; at != nullptr; at = at->next) flush(*at);
    port_.ring();
  }

  void flush(DriverEndpoint& endpoint) {
    for (std::uint16_t queue = 0; endpoint.available != 0 && queue < endpoint.next_offsets.size(); ++queue) {
      const std::uint64_t bit = std::uint64_t{1} << queue;
      if ((endpoint.available & bit) == 0) continue;
      if (!send(Message{endpoint.number, 0,
                        EventAvail({.vq_index = queue, .next_offset = endpoint.next_offsets[queue]})})) {
        return;
      }
      endpoint.available &= ~bit;
    }
  }

  bool send(const Message& message) {
    std::array<std::byte, VIRTIO_MSG_MIN_MESSAGE> frame;
    const auto size = encode(message, WireVersion::kV2, frame);
    return size.ok() && port_.send(std::span(frame).first(*size)).ok();
  }

  /// Anything since the last time? The marks' meaning is not kept: every queue is looked at after a wake.
  bool look_again() {
    const bool rung = link().bell().take() != 0;
    return std::exchange(news_, false) || rung;
  }

  void disarm(bool& armed) {
    if (armed) link().bell().disarm();
    armed = false;
  }
  Err<TransportError> finish(bool armed, TransportError error) {
    disarm(armed);
    return Err{error};
  }

  struct Pong {
    std::uint16_t token = 0;
    std::uint32_t data = 0;
  };

  Port<L> port_;
  DriverBusOptions options_;
  std::span<const std::byte> answer_;
  std::uint16_t token_ = 0;
  std::uint32_t pings_ = 0;
  bool news_ = false;
  Bits<kDriverDevices> added_;
  Bits<kDriverDevices> removed_;
  std::array<Pong, kPongs> pongs_{};
  unsigned pong_count_ = 0;
  DriverEndpoint* endpoints_ = nullptr;
};

}  // namespace hawser::virtio::msg
