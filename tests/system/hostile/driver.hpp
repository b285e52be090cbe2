// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A driver side that means ill, over a real window: messages that are malformed, repeated, too many; queues and chains
// that no driver makes; an honest driver whose messages and rings are changed; and words anywhere in the window.
#pragma once

#include "lying_link.hpp"

#include <hawser/virtio/msg/codec.hpp>
#include <hawser/virtio/queue/spec.hpp>
#include <hawser/virtio/spec.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hawser::test {

/// What was reached: attacks that bounce off the first check prove little.
struct Reached {
  unsigned sessions = 0;  ///< The link came up.
  std::uint64_t messages = 0, answers = 0;
  unsigned queues = 0;          ///< Queues that the device side enabled.
  unsigned running = 0;         ///< Times a device took DRIVER_OK.
  std::uint64_t chains = 0;     ///< Times rings with nonsense in them were rung.
  std::uint64_t completed = 0;  ///< Used entries that came back.
};

class HostileDriver {
 public:
  HostileDriver(LyingLink& link, Reached& reached) : link_(link), reached_(reached) {}

  /// Frames of every kind, in any order.
  void talk_nonsense() {
    if (!begin()) return;
    std::vector<std::vector<std::byte>> said;
    for (unsigned n = 0; n < 600 && link_.live(); ++n) {
      std::vector<std::byte> frame(random().below(64));
      random().fill(frame);
      if (random().chance(75) && frame.size() >= 8) {  // what looks like a message
        frame[0] = static_cast<std::byte>(random().below(4));
        frame[1] = static_cast<std::byte>(random().below(16) | (random().chance(20) ? 0x40 : 0));
        frame[2] = static_cast<std::byte>(random().below(6));
        frame[3] = std::byte{0};
        frame[6] = static_cast<std::byte>(random().chance(90) ? frame.size() : random().next());
        frame[7] = std::byte{0};
      }
      if (random().chance(20) && !said.empty()) frame = said[random().below(said.size())];
      said.push_back(frame);
      send(frame);
      if (n % 16 == 0) hear();
    }
  }

  /// As many requests as fit, whose answers nobody takes.
  void flood() {
    if (!begin()) return;
    const Instant until = link_.now() + milliseconds(150);
    while (link_.now() < until && link_.live()) {
      for (unsigned n = 0; n < 200; ++n) send_message(0, virtio::msg::GetDeviceInfo{});
      link_.ring_everything();
    }
    hear();
  }

  /// Queues in places where none can be, on every device.
  void place_queues_anywhere() {
    const std::uint64_t end = link_.region().size();
    const std::uint64_t places[] = {0,       1,       8,          end - 16,   end - 1, end,
                                    end + 4, ~0ull,   ~0ull - 15, 1ull << 63, 0x1000,  (1ull << 32) - 16,
                                    0x10002, end - 64};
    const std::uint32_t sizes[] = {0, 1, 3, 64, 256, 257, 32768, 65535, 0xffffffff};
    const auto place = [&] { return places[random().below(std::size(places))]; };
    for (std::uint16_t device = 0; device < kDevices; ++device) {
      if (!begin() || !negotiate(device, random().chance(50))) continue;
      for (std::uint32_t index = 0; index < 12; ++index) {
        send_message(device, virtio::msg::SetVqueue({.index = random().chance(90) ? index % 6 : 0xffffffff,
                                                     .flags = static_cast<std::uint32_t>(random().below(64)),
                                                     .size = sizes[random().below(std::size(sizes))],
                                                     .descriptors = place(),
                                                     .driver = place(),
                                                     .device = place()}));
      }
      run(device);
      link_.ring_everything();
      hear();
    }
  }

  /// Queues that stand where they may, with chains in them that no driver makes.
  void poison_chains() {
    for (std::uint16_t device = 0; device < kDevices; ++device) {
      const bool packed = random().chance(50);
      if (!begin() || !negotiate(device, packed)) continue;
      unsigned enabled = 0;
      for (std::uint16_t queue = 0; queue < kQueues; ++queue) enabled += set_up(device, queue) ? 1 : 0;
      reached_.queues += enabled;
      if (enabled == 0 || !run(device)) continue;
      for (unsigned round = 0; round < 40 && link_.live(); ++round) {
        for (std::uint16_t queue = 0; queue < kQueues; ++queue) {
          if (packed)
            poison_packed(queue);
          else if (round < 20)
            offer_split(queue);
          else
            poison_split(queue);
          send_message(device, virtio::msg::EventAvail({.vq_index = queue}), false);
        }
        ++reached_.chains;
        link_.ring_everything();
        (void)link_.bell().wait(link_.now() + microseconds(200));
        hear();
      }
    }
  }

  /// Words anywhere in the window.
  void scribble(Duration time) {
    const Instant until = link_.now() + time;
    const auto window = link_.port().memory();
    while (link_.now() < until) {
      (void)link_.live();
      link_.scribble(window.first(std::min<std::size_t>(window.size(), 64 << 10)), 200);
      link_.scribble(window, 200);
      link_.ring_everything();
      (void)link_.bell().wait(link_.now() + microseconds(500));
    }
  }

  /// Starts the first device without a single queue, and asks nothing more of it. True: the device took DRIVER_OK.
  bool start_without_queues() { return begin() && negotiate(0, false) && run(0); }

  /// Waits for the link, as new.
  bool begin() {
    if (link_.state() == LinkState::kUp && random().chance(50)) return true;
    link_.reset();
    if (!link_.meet(seconds(3))) return false;
    ++reached_.sessions;
    return true;
  }

 private:
  static constexpr std::uint16_t kDevices = 5, kQueues = 6, kSize = 16;
  static constexpr std::uint64_t kStride = 0x4000;  ///< From queue to queue.

  Random& random() { return link_.random(); }

  void send(std::span<const std::byte> frame) {
    if (link_.channel().try_send(std::span(&frame, 1)).ok()) ++reached_.messages;
    link_.bell().ring();
  }
  void send_message(std::uint16_t device, const virtio::msg::Body& body, bool listen = true) {
    std::array<std::byte, 64> frame;
    const auto size = virtio::msg::encode({device, token_++, body}, virtio::msg::WireVersion::kV2, frame);
    if (size.ok()) send(std::span(frame).first(*size));
    if (listen) hear();
  }

  void hear() {
    std::array<std::byte, 264> frame;
    while (link_.channel().try_receive(frame).ok()) ++reached_.answers;
  }

  /// The answer to a request, for a quarter of a second.
  template <class Request>
  std::optional<typename Request::Response> ask(std::uint16_t device, const Request& request) {
    const std::uint16_t token = token_;
    send_message(device, request, false);
    const Instant until = link_.now() + milliseconds(250);
    while (link_.live() && link_.now() < until) {
      auto got = link_.channel().try_receive(answer_);
      if (!got.ok()) {
        (void)link_.bell().wait(link_.now() + milliseconds(1));
        continue;
      }
      ++reached_.answers;
      const auto message = virtio::msg::decode(std::span(answer_).first(*got), virtio::msg::WireVersion::kV2);
      if (!message.ok() || message->token != token) continue;
      if (const auto* response = message->body.template as<typename Request::Response>()) return *response;
    }
    return std::nullopt;
  }

  bool negotiate(std::uint16_t device, bool packed) {
    using namespace virtio;
    for (const std::uint32_t status :
         {0u, VIRTIO_STATUS_ACKNOWLEDGE, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER}) {
      if (!ask(device, msg::SetDeviceStatus({.status = status}))) return false;
    }
    const std::array<std::byte, 8> features = {
        std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0x10},  // indirect
        std::byte(packed ? 7 : 3)};                                 // VERSION_1, ACCESS_PLATFORM, RING_PACKED
    msg::SetDriverFeatures chosen;
    chosen.bytes = features;
    if (!ask(device, chosen)) return false;
    status_ = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK;
    const auto answer = ask(device, msg::SetDeviceStatus({.status = status_}));
    return answer && (answer->status & VIRTIO_STATUS_FEATURES_OK) != 0;
  }

  bool run(std::uint16_t device) {
    const auto answer =
        ask(device, virtio::msg::SetDeviceStatus({.status = status_ | virtio::VIRTIO_STATUS_DRIVER_OK}));
    const bool good = answer && (answer->status & virtio::VIRTIO_STATUS_DRIVER_OK) != 0;
    reached_.running += good ? 1 : 0;
    return good;
  }

  std::uint64_t at(std::uint16_t queue) const { return 0x10000 + queue * kStride; }

  bool set_up(std::uint16_t device, std::uint16_t queue) {
    auto bytes = link_.region().area(Offset(at(queue)), kStride, 16);
    if (!bytes.ok()) return false;
    std::memset(bytes->bytes().data(), 0, kStride);
    completed_[queue] = 0;
    send_message(device, virtio::msg::SetVqueue({.index = queue,
                                                 .flags = virtio::msg::VIRTIO_MSG_VQUEUE_OP_ENABLE,
                                                 .size = kSize,
                                                 .descriptors = at(queue),
                                                 .driver = at(queue) + 0x1000,
                                                 .device = at(queue) + 0x2000}));
    const auto state = ask(device, virtio::msg::GetVqueue({.index = queue}));
    return state && (state->flags & virtio::msg::VIRTIO_MSG_VQUEUE_ENABLED) != 0;
  }

  std::uint64_t any_address() {
    const std::uint64_t end = link_.region().size();
    switch (random().below(8)) {
      case 0:
        return end - random().below(32);
      case 1:
        return ~0ull - random().below(64);
      case 2:
        return at(static_cast<std::uint16_t>(random().below(kQueues))) +
               random().below(0x3000);  // a ring itself
      default:
        return 0x100000 + random().below(end / 2);
    }
  }
  std::uint32_t any_length() {
    switch (random().below(8)) {
      case 0:
        return 0xffffffff;
      case 1:
        return 0;
      case 2:
        return static_cast<std::uint32_t>(random().next());
      default:
        return static_cast<std::uint32_t>(random().below(70'000));
    }
  }

  /// Every descriptor a chain of its own, all of them available: what is wrong is only what is asked for.
  void offer_split(std::uint16_t queue) {
    auto ring = *link_.region().area(Offset(at(queue)), kStride, 16);
    for (std::uint16_t n = 0; n < kSize; ++n) {
      ring.store<std::uint64_t>(n * 16u, 0x100000 + random().below(1 << 20));
      ring.store<std::uint32_t>(n * 16u + 8, static_cast<std::uint32_t>(random().below(4096)));
      ring.store<std::uint16_t>(n * 16u + 12,
                                random().chance(50) ? virtio::VIRTQ_DESC_F_WRITE : std::uint16_t{0});
      ring.store<std::uint16_t>(0x1000 + 4 + n * 2u, n);
    }
    const auto used = ring.observe<std::uint16_t>(0x2000 + 2);
    reached_.completed += static_cast<std::uint16_t>(used - completed_[queue]);
    completed_[queue] = used;
    ring.publish<std::uint16_t>(0x1000 + 2, static_cast<std::uint16_t>(used + kSize));
  }

  void poison_split(std::uint16_t queue) {
    auto ring = *link_.region().area(Offset(at(queue)), kStride, 16);
    const auto next = [&] {
      return static_cast<std::uint16_t>(random().chance(90) ? random().below(kSize) : random().next());
    };
    for (std::uint16_t n = 0; n < kSize; ++n) {
      std::uint16_t flags = 0;
      if (random().chance(60)) flags |= virtio::VIRTQ_DESC_F_NEXT;  // most chains loop
      if (random().chance(50)) flags |= virtio::VIRTQ_DESC_F_WRITE;
      if (random().chance(10)) flags |= virtio::VIRTQ_DESC_F_INDIRECT;
      if (random().chance(5)) flags = static_cast<std::uint16_t>(random().next());
      ring.store<std::uint64_t>(n * 16u, any_address());
      ring.store<std::uint32_t>(n * 16u + 8, any_length());
      ring.store<std::uint16_t>(n * 16u + 12, flags);
      ring.store<std::uint16_t>(n * 16u + 14, next());
      ring.store<std::uint16_t>(0x1000 + 4 + n * 2u, next());
    }
    const auto ahead = random().chance(70) ? ring.observe<std::uint16_t>(0x2000 + 2) + random().below(kSize)
                                           : random().next();
    ring.publish<std::uint16_t>(0x1000 + 2, static_cast<std::uint16_t>(ahead));
  }

  void poison_packed(std::uint16_t queue) {
    auto ring = *link_.region().area(Offset(at(queue)), kStride, 16);
    for (std::uint16_t n = 0; n < kSize; ++n) {
      ring.store<std::uint64_t>(n * 16u, any_address());
      ring.store<std::uint32_t>(n * 16u + 8, any_length());
      ring.store<std::uint16_t>(n * 16u + 12, static_cast<std::uint16_t>(random().below(kSize * 2u)));
      std::uint16_t flags = random().chance(80) ? virtio::VIRTQ_DESC_F_AVAIL : virtio::VIRTQ_DESC_F_USED;
      if (random().chance(50)) flags |= virtio::VIRTQ_DESC_F_NEXT;
      if (random().chance(50)) flags |= virtio::VIRTQ_DESC_F_WRITE;
      if (random().chance(10)) flags |= virtio::VIRTQ_DESC_F_INDIRECT;
      ring.publish<std::uint16_t>(n * 16u + 14, flags);
    }
    ring.store<std::uint32_t>(0x1000, static_cast<std::uint32_t>(random().next()));
  }

  LyingLink& link_;
  Reached& reached_;
  std::array<std::byte, 264> answer_{};
  std::uint16_t token_ = 1;
  std::array<std::uint16_t, kQueues> completed_{};
  std::uint32_t status_ = 0;
};

}  // namespace hawser::test
