// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The network driver (VIRTIO 1.3 §5.1). Frames go out and come in by copy, so neither caller nor driver ever looks
// at memory that the device can still change.
#pragma once

#include <hawser/virtio/driver/net_receive.hpp>
#include <hawser/virtio/driver/net_transmit.hpp>
#include <hawser/virtio/driver/transport.hpp>
#include <hawser/virtio/net_address.hpp>
#include <hawser/virtio/net_offload.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace hawser::virtio::driver {

struct NetDriverOptions {
  Features queue_features = kQueueFeatures;  ///< Queue features to ask for.
  NetOffloads send =
      NetOffloads::all();  ///< What frames to send may leave undone, if the device takes them so.
  NetOffloads receive = NetOffloads::all();  ///< What the caller can cope with in received frames.
  bool mergeable = true;                     ///< Spread a long frame over several buffers.
  std::uint16_t pairs = 1;                   ///< Queue pairs to use, if the device has as many.
  std::uint16_t queue_size = 64;             ///< Entries; at most the template's kQueueSize. A power of two.
  std::uint16_t receive_buffers = 64;        ///< For each pair; at most queue_size.
  std::uint32_t receive_buffer_bytes = 0;    ///< 0: what the negotiated features need.
  Mac mac{};  ///< For a device that has none. All zero: one is made from the clock, locally administered.
  Duration command_timeout = milliseconds(500);
};

struct NetDriverCounters {
  NetReceiveCounters received;
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t lost = 0;  ///< In flight when the link or the device went away.
};

enum class NetCommandError : std::uint8_t {
  kNotNegotiated,
  kRefused,  ///< The device answered with an error.
  kTimeout,  ///< No answer in time; no further command until resume().
  kTooLong,  ///< More than kCommandBytes.
  kBroken,   ///< The device broke the queue; only resume() helps.
  kNotStarted,
};

/// One thread. The transport, and through it the arena, outlive the driver. Memory that the device has been given goes
/// back to the arena only after a confirmed reset, in stop(), start() or resume(): a device that seems gone may be slow. A
/// driver that is destroyed before leaves it taken.
template <DriverTransport T, std::uint16_t kMaxPairs = 1, std::uint16_t kQueueSize = 64>
class Net {
  using M = typename T::MemoryType;
  static_assert(kMaxPairs >= 1 && std::has_single_bit(kQueueSize));

 public:
  static constexpr std::size_t kCommandBytes = 512;

  explicit Net(const NetDriverOptions& options = {}) : options_(options) {}
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;

  /// From reset to DRIVER_OK. The transport must stay where it is until stop() or another resume(). May be repeated
  /// after a failure.
  Result<void, TransportError> start(T& transport) {
    transport_ = &transport;
    const auto done = bring_up();
    if (!done.ok()) {
      stop();  // memory comes back by a reset only, so the device is told after it
      transport.fail();
    }
    return done;
  }

  /// The device or the link is gone: nothing that it did from now on is believed. Frames in flight are dropped and
  /// counted, as on any wire.
  void suspend() {
    if (transport_ == nullptr) return;
    for (std::uint16_t pair = 0; pair < kMaxPairs; ++pair) {
      counters_.lost += transmitters_[pair].drop(transmit_queues_[pair]);
      receive_queues_[pair] = {};
      transmit_queues_[pair] = {};
    }
    control_ = {};
    command_outstanding_ = false;
    started_ = false;
    link_up_ = false;
    announcement_wanted_ = false;
  }

  /// The device is back, perhaps behind another transport (with the same arena: buffers lie there). On an error call it
  /// again.
  Result<void, TransportError> resume(T& transport) {
    suspend();
    return start(transport);
  }

  /// Resets the device and gives all memory back; if the reset is not confirmed, the next start() has it again.
  void stop() {
    if (transport_ == nullptr) return;
    suspend();
    if (transport_->reset().ok()) release();
    transport_ = nullptr;
  }

  bool started() const { return started_; }
  Features negotiated() const { return negotiated_; }
  NetOffloads send_offloads() const { return send_offloads_; }
  NetOffloads receive_offloads() const { return receive_rules_.offloads; }
  const Mac& mac() const { return mac_; }
  std::uint16_t mtu() const { return mtu_; }  ///< 1500 unless the device says otherwise.
  bool link_up() const { return link_up_; }
  std::uint16_t pairs() const { return pairs_; }
  const NetDriverCounters& counters() const { return counters_; }

  /// The device latched itself or one of its queues broken. Only resume() helps.
  bool broken() const {
    if (!started_) return false;
    if (transport_->needs_reset()) return true;
    const auto bad = [](const auto& queue) { return queue.fault() != QueueFault::kNone; };
    const auto used = [&](const auto& queues) { return std::span(queues).first(pairs_); };
    return std::ranges::any_of(used(receive_queues_), bad) ||
           std::ranges::any_of(used(transmit_queues_), bad);
  }

  /// Sends one frame, gathered from `parts` and starting with the Ethernet header. `more`: another follows at once,
  /// whose send() tells the device of both.
  Result<void, NetSendError> send(std::uint16_t pair, const NetHeader& header,
                                  std::span<const std::span<const std::byte>> parts, bool more = false) {
    if (!started_ || pair >= pairs_) return Err{NetSendError::kNotStarted};
    std::size_t bytes = 0;
    for (const auto part : parts) bytes += part.size();
    // Nothing may wait for a frame that does not follow.
    const auto refused = [&](NetSendError why) {
      publish(transmit_queues_[pair], static_cast<std::uint16_t>(2 * pair + 1));
      return Err{why};
    };
    if (bytes > kMaxFrame) return refused(NetSendError::kTooLong);
    if (bytes < kEthernetHeader ||
        (!plain(header) && !check_header(to_wire(header, 0), bytes, send_offloads()).ok()))
      return refused(NetSendError::kMalformed);
    if (header.segmentation == Segmentation::kNone &&
        bytes > std::size_t{mtu_} + kEthernetHeader + kVlanTag) {
      return refused(NetSendError::kTooLong);
    }
    if (const auto added = add(pair, header, parts, bytes); !added.ok()) return refused(added.error());
    ++counters_.sent;
    counters_.sent_bytes += bytes;
    if (!more) publish(transmit_queues_[pair], static_cast<std::uint16_t>(2 * pair + 1));
    return {};
  }
  Result<void, NetSendError> send(std::span<const std::byte> frame) {
    return send(0, {}, std::span(&frame, 1));
  }

  /// The next frame, copied to `out` (kMaxFrame bytes are always enough).
  Result<NetReceived, NetReceiveError> receive(std::uint16_t pair, std::span<std::byte> out) {
    if (!started_ || pair >= pairs_) return Err{NetReceiveError::kNotStarted};
    NetReceiver<M, kQueueSize>& receiver = receivers_[pair];
    const auto got = receiver.take(receive_queues_[pair], receive_rules_, out, counters_.received);
    // Buffers go back in batches, but before anybody could run dry; of fewer the device is told when there is time.
    if (got.ok()) {
      receive_queues_[pair].disarm();  // found by looking; prepare_to_wait() asks to be told again
      looks_in_vain_[pair] = 0;
      if (receiver.given() >= std::max(1, receiver.buffers() / 4)) give(pair);
    } else if (got.error() != NetReceiveError::kNothing || ++looks_in_vain_[pair] > 1) {
      give(pair);
    }
    return got;
  }

  /// Asks the device to tell of received frames. True: look again instead of waiting.
  bool prepare_to_wait() {
    bool again = false;
    for (std::uint16_t pair = 0; started_ && pair < pairs_; ++pair) {
      give(pair);
      again = receive_queues_[pair].arm() || receivers_[pair].waiting() || again;
    }
    return again;
  }

  /// Asks the device also to tell when it has sent something: after a send() that was kFull. True: try again at once.
  bool prepare_to_wait_for_room(std::uint16_t pair) {
    return started_ && pair < pairs_ && transmit_queues_[pair].arm();
  }

  /// Reads the device's status if it announced a change. True: link_up() or announcement_wanted() may have changed.
  bool poll() {
    if (!started_ || !transport_->take_config_change()) return false;
    return read_status().ok();
  }

  /// The device wants the network to be told where this driver is (§5.1.6.5.4): send a gratuitous ARP or the like on
  /// each address, then acknowledge.
  bool announcement_wanted() const { return announcement_wanted_; }
  Result<void, NetCommandError> acknowledge_announcement() {
    if (!negotiated_.has(VIRTIO_NET_F_GUEST_ANNOUNCE)) return Err{NetCommandError::kNotNegotiated};
    HAWSER_CHECK(command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, {}));
    announcement_wanted_ = false;
    return {};
  }

  Result<void, NetCommandError> set_promiscuous(bool on) {
    return receive_mode(VIRTIO_NET_CTRL_RX_PROMISC, on);
  }
  Result<void, NetCommandError> set_all_multicast(bool on) {
    return receive_mode(VIRTIO_NET_CTRL_RX_ALLMULTI, on);
  }
  /// The addresses to receive beside the own one.
  Result<void, NetCommandError> set_mac_table(std::span<const Mac> unicast, std::span<const Mac> multicast) {
    if (!negotiated_.has(VIRTIO_NET_F_CTRL_RX)) return Err{NetCommandError::kNotNegotiated};
    std::array<std::byte, kCommandBytes> data;
    std::size_t at = 0;
    for (const auto table : {unicast, multicast}) {
      if (table.size_bytes() > data.size() - at || data.size() - at - table.size_bytes() < sizeof(le32)) {
        return Err{NetCommandError::kTooLong};
      }
      (void)write_wire(std::span(data).subspan(at), le32(static_cast<std::uint32_t>(table.size())));
      at += sizeof(le32);
      if (!table.empty()) std::memcpy(data.data() + at, table.data(), table.size_bytes());
      at += table.size_bytes();
    }
    return command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, std::span(data).first(at));
  }
  Result<void, NetCommandError> set_mac(const Mac& mac) {
    if (!negotiated_.has(VIRTIO_NET_F_CTRL_MAC_ADDR)) return Err{NetCommandError::kNotNegotiated};
    HAWSER_CHECK(command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, wire_bytes(mac)));
    mac_ = mac;
    return {};
  }
  /// What received frames may leave undone from now on; at most what was negotiated.
  Result<void, NetCommandError> set_receive_offloads(const NetOffloads& offloads) {
    if (!negotiated_.has(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS)) return Err{NetCommandError::kNotNegotiated};
    const Features f = guest_features(offloads & guest_offloads(negotiated_));
    const le64 bits(std::uint64_t{f.block(1)} << 32 | f.block(0));
    HAWSER_CHECK(
        command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, wire_bytes(bits)));
    return {};  // frames on their way may still be as before, so the check stays as wide as what was negotiated
  }

  /// Any command of the control queue: waits for the answer, at most options.command_timeout.
  Result<void, NetCommandError> command(std::uint8_t command_class, std::uint8_t number,
                                        std::span<const std::byte> data) {
    if (!started_) return Err{NetCommandError::kNotStarted};
    if (!negotiated_.has(VIRTIO_NET_F_CTRL_VQ)) return Err{NetCommandError::kNotNegotiated};
    if (command_outstanding_) return Err{NetCommandError::kTimeout};
    if (data.size() > kCommandBytes - sizeof(virtio_net_ctrl) - 1) return Err{NetCommandError::kTooLong};
    auto area = transport_->memory().area(command_at_, kCommandBytes, 1);
    if (!area.ok()) return Err{NetCommandError::kBroken};
    const virtio_net_ctrl what{command_class, number};
    area->write(0, wire_bytes(what));
    if (!data.empty()) area->write(sizeof(what), data);
    const std::size_t answer_at = sizeof(what) + data.size();
    const std::byte unanswered{VIRTIO_NET_ERR};
    area->write(answer_at, std::span(&unanswered, 1));

    const Segment request{command_at_, static_cast<std::uint32_t>(answer_at)};
    const Segment answer{command_at_ + answer_at, 1};
    if (!control_.try_add(std::span(&request, 1), std::span(&answer, 1), Token{}).ok()) {
      return Err{NetCommandError::kBroken};
    }
    command_outstanding_ = true;
    publish(control_, control_index_);
    HAWSER_CHECK(await_answer());
    std::byte verdict{};
    area->read(answer_at, std::span(&verdict, 1));
    if (verdict != std::byte{VIRTIO_NET_OK}) return Err{NetCommandError::kRefused};
    return {};
  }

 private:
  static constexpr std::uint16_t kControlSize = 4;
  static constexpr std::uint32_t kMergeableBytes = 2048;

  Features wanted() const {
    Features f = options_.queue_features | host_features(options_.send) | guest_features(options_.receive) |
                 Features{VIRTIO_NET_F_MAC,
                          VIRTIO_NET_F_MTU,
                          VIRTIO_NET_F_STATUS,
                          VIRTIO_NET_F_CTRL_VQ,
                          VIRTIO_NET_F_CTRL_RX,
                          VIRTIO_NET_F_CTRL_MAC_ADDR,
                          VIRTIO_NET_F_GUEST_ANNOUNCE,
                          VIRTIO_NET_F_CTRL_GUEST_OFFLOADS};
    f.set(VIRTIO_NET_F_MRG_RXBUF, options_.mergeable);
    f.set(VIRTIO_NET_F_MQ, options_.pairs > 1 && kMaxPairs > 1);
    return f;
  }

  Result<void, TransportError> bring_up() {
    if (transport_->device_id() != VIRTIO_ID_NET) return Err{TransportError::kNoSuchDevice};
    started_ = false;
    HAWSER_TRY(first, transport_->negotiate(wanted()));
    release();
    negotiated_ = first;
    // A device may offer a feature without what it needs; then we do without (§2.2.1).
    if (const Features usable = net_without_unmet(negotiated_); usable != negotiated_) {
      HAWSER_CHECK(settle_for(usable));
    }
    HAWSER_TRY(pairs, read_config());
    std::uint16_t most_pairs = pairs;
    if (most_pairs ==
        VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX) {  // no queue number is left for the control queue (§5.1.2)
      Features one_pair = negotiated_;
      one_pair.set(VIRTIO_NET_F_MQ, false);
      HAWSER_CHECK(settle_for(one_pair));
      HAWSER_TRY(one, read_config());
      most_pairs = one;
    }
    pairs_ = std::min({options_.pairs, kMaxPairs, most_pairs});
    control_index_ = static_cast<std::uint16_t>(2 * (negotiated_.has(VIRTIO_NET_F_MQ) ? most_pairs : 1));
    send_offloads_ = host_offloads(negotiated_);
    receive_rules_ = {negotiated_.has(VIRTIO_NET_F_MRG_RXBUF), guest_offloads(negotiated_)};
    for (std::uint16_t pair = 0; pair < pairs_; ++pair) HAWSER_CHECK(start_pair(pair));
    if (negotiated_.has(VIRTIO_NET_F_CTRL_VQ)) HAWSER_CHECK(start_control());
    HAWSER_CHECK(transport_->start());
    started_ = true;
    for (std::uint16_t pair = 0; pair < pairs_; ++pair) {
      receivers_[pair].take_given();
      publish(receive_queues_[pair], static_cast<std::uint16_t>(2 * pair));
    }
    if (pairs_ > 1) {
      const le16 pairs(pairs_);
      if (!command(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, wire_bytes(pairs)).ok()) {
        return Err{TransportError::kBadAnswer};
      }
    }
    // An address of our own: a device that filters has to know it.
    if (!negotiated_.has(VIRTIO_NET_F_MAC) && negotiated_.has(VIRTIO_NET_F_CTRL_MAC_ADDR)) {
      const Mac own = mac_;
      if (!set_mac(own).ok()) return Err{TransportError::kBadAnswer};
    }
    return {};
  }

  /// The device has been reset, so it has nothing any more.
  void release() {
    Arena& arena = transport_->arena();
    for (auto& receiver : receivers_) receiver.release(arena);
    for (auto& transmitter : transmitters_) transmitter.release(arena);
    if (std::exchange(command_allocated_, false)) arena.release(command_at_, kCommandBytes);
  }

  Result<void, TransportError> settle_for(const Features& less) {
    HAWSER_TRY(negotiated, transport_->negotiate(less));
    negotiated_ = negotiated;
    return {};
  }

  /// Takes over what the configuration says; the result is the number of queue pairs that the device has.
  Result<std::uint16_t, TransportError> read_config() {
    mtu_ = 1500;
    std::uint16_t most_pairs = 1;
    if (negotiated_.has(VIRTIO_NET_F_MAC)) {
      HAWSER_CHECK(
          transport_->read_config(offsetof(virtio_net_config, mac), std::as_writable_bytes(std::span(mac_))));
      if (!one_station(mac_)) return Err{TransportError::kBadAnswer};
    } else {
      if (options_.mac == Mac{}) options_.mac = local_mac(transport_->now().ns);
      mac_ = options_.mac;
    }
    HAWSER_CHECK(read_status());
    if (negotiated_.has(VIRTIO_NET_F_MQ)) {
      HAWSER_TRY(pairs, read_field(offsetof(virtio_net_config, max_virtqueue_pairs)));
      if (pairs < 1 || pairs > VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX) return Err{TransportError::kBadAnswer};
      most_pairs = pairs;
    }
    if (negotiated_.has(VIRTIO_NET_F_MTU)) {
      HAWSER_TRY(mtu, read_field(offsetof(virtio_net_config, mtu)));
      if (mtu < kSmallestMtu) return Err{TransportError::kBadAnswer};  // §5.1.4.1
      mtu_ = mtu;
    }
    return most_pairs;
  }
  Result<std::uint16_t, TransportError> read_field(std::uint32_t at) {
    le16 value(0);
    HAWSER_CHECK(transport_->read_config(at, std::as_writable_bytes(std::span(&value, 1))));
    return std::uint16_t{value};
  }
  Result<void, TransportError> read_status() {
    link_up_ = true;  // §5.1.4.2: without STATUS it is taken to be
    if (!negotiated_.has(VIRTIO_NET_F_STATUS)) return {};
    HAWSER_TRY(status, read_field(offsetof(virtio_net_config, status)));
    link_up_ = (status & VIRTIO_NET_S_LINK_UP) != 0;
    announcement_wanted_ =
        negotiated_.has(VIRTIO_NET_F_GUEST_ANNOUNCE) && (status & VIRTIO_NET_S_ANNOUNCE) != 0;
    return {};
  }

  /// §5.1.6.3.1: what a buffer must hold. Segmented frames come whole, so without merging each needs room for the
  /// longest.
  std::uint32_t buffer_bytes() const {
    if (options_.receive_buffer_bytes != 0) return std::max<std::uint32_t>(options_.receive_buffer_bytes, 64);
    if (receive_rules_.mergeable) return kMergeableBytes;
    const std::size_t frame =
        receive_rules_.offloads.segmentation() ? kMaxFrame : mtu_ + kEthernetHeader + kVlanTag;
    return static_cast<std::uint32_t>(sizeof(virtio_net_hdr) + frame);
  }

  Result<void, TransportError> start_pair(std::uint16_t pair) {
    const auto receive = static_cast<std::uint16_t>(2 * pair);
    const auto transmit = static_cast<std::uint16_t>(2 * pair + 1);
    HAWSER_TRY(receive_size, queue_size(receive, options_.queue_size));
    HAWSER_TRY(transmit_size, queue_size(transmit, options_.queue_size));
    HAWSER_TRY(receive_queue, transport_->start_queue(receive, receive_size, receive_slots_[pair]));
    receive_queues_[pair] = std::move(receive_queue);
    HAWSER_TRY(transmit_queue, transport_->start_queue(transmit, transmit_size, transmit_slots_[pair]));
    transmit_queues_[pair] = std::move(transmit_queue);
    const std::uint16_t buffers = std::min(options_.receive_buffers, receive_size);
    if (!receivers_[pair].allocate(transport_->arena(), buffers, buffer_bytes())) {
      return Err{TransportError::kNoMemory};
    }
    receivers_[pair].fill(receive_queues_[pair]);
    transmit_queues_[pair].disarm();  // sent frames are reclaimed when room is needed
    return {};
  }

  Result<void, TransportError> start_control() {
    HAWSER_TRY(size, queue_size(control_index_, kControlSize));
    if (size < 2) return Err{TransportError::kBadAnswer};  // a command has two parts
    HAWSER_TRY(queue, transport_->start_queue(control_index_, size, control_slots_));
    control_ = std::move(queue);
    command_outstanding_ = false;
    const auto at = transport_->arena().allocate(kCommandBytes);
    if (!at) return Err{TransportError::kNoMemory};
    command_at_ = *at;
    command_allocated_ = true;
    return {};
  }

  Result<std::uint16_t, TransportError> queue_size(std::uint16_t index, std::uint16_t wanted) {
    HAWSER_TRY(most, transport_->queue_max_size(index));
    if (most == 0) return Err{TransportError::kNoSuchQueue};
    return std::bit_floor(std::min({most, wanted, kQueueSize}));
  }

  Result<void, NetCommandError> await_answer() {
    const Instant deadline = transport_->now() + options_.command_timeout;
    for (;;) {
      const auto reaped = control_.try_reap();
      if (reaped.ok()) break;
      if (reaped.error() == TakeError::kBroken) return Err{NetCommandError::kBroken};
      if (transport_->now() >= deadline) return Err{NetCommandError::kTimeout};
      if (control_.arm()) continue;
      if (transport_->wait(deadline) == Wake::kCancelled) return Err{NetCommandError::kTimeout};
    }
    command_outstanding_ = false;
    return {};
  }

  Result<void, NetCommandError> receive_mode(std::uint8_t number, bool on) {
    if (!negotiated_.has(VIRTIO_NET_F_CTRL_RX)) return Err{NetCommandError::kNotNegotiated};
    const std::uint8_t value = on ? 1 : 0;
    return command(VIRTIO_NET_CTRL_RX, number, wire_bytes(value));
  }

  /// Shows the device the buffers that it may fill again.
  void give(std::uint16_t pair) {
    if (receivers_[pair].take_given() != 0)
      publish(receive_queues_[pair], static_cast<std::uint16_t>(2 * pair));
  }

  Result<void, NetSendError> add(std::uint16_t pair, const NetHeader& header,
                                 std::span<const std::span<const std::byte>> parts, std::size_t bytes) {
    AnyDriverQueue<M>& queue = transmit_queues_[pair];
    const auto added = transmitters_[pair].add(queue, transport_->arena(), header, parts, bytes);
    if (added.ok() || added.error() != NetSendError::kFull || transmitters_[pair].in_flight()) return added;
    // Nothing of this pair's is under way, so nothing will make room by itself: others' places have the memory.
    for (std::uint16_t other = 0; other < pairs_; ++other)
      transmitters_[other].release_sent(transmit_queues_[other], transport_->arena());
    return transmitters_[pair].add(queue, transport_->arena(), header, parts, bytes);
  }

  void publish(AnyDriverQueue<M>& queue, std::uint16_t index) {
    if (queue.publish()) transport_->notify(index, queue.next_offset());
  }

  T* transport_ = nullptr;
  NetDriverOptions options_;
  Features negotiated_;
  NetDriverCounters counters_;
  NetOffloads send_offloads_;
  typename NetReceiver<M, kQueueSize>::Rules receive_rules_;
  Mac mac_{};
  std::uint16_t mtu_ = 1500;
  std::uint16_t pairs_ = 0;
  std::uint16_t control_index_ = 2;
  bool started_ = false;
  bool link_up_ = false;
  bool announcement_wanted_ = false;
  std::array<unsigned, kMaxPairs> looks_in_vain_{};  ///< For a frame, since there was one.
  bool command_outstanding_ = false;
  bool command_allocated_ = false;
  Offset command_at_;
  std::array<AnyDriverQueue<M>, kMaxPairs> receive_queues_;
  std::array<AnyDriverQueue<M>, kMaxPairs> transmit_queues_;
  AnyDriverQueue<M> control_;
  std::array<NetReceiver<M, kQueueSize>, kMaxPairs> receivers_;
  std::array<NetTransmitter<M, kQueueSize>, kMaxPairs> transmitters_;
  std::array<std::array<DriverSlot, kQueueSize>, kMaxPairs> receive_slots_{};
  std::array<std::array<DriverSlot, kQueueSize>, kMaxPairs> transmit_slots_{};
  std::array<DriverSlot, kControlSize> control_slots_{};
};

}  // namespace hawser::virtio::driver
