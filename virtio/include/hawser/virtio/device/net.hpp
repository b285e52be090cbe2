// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The network device (VIRTIO 1.3 §5.1) over whatever backend carries its frames.
#pragma once

#include <hawser/virtio/device/model.hpp>
#include <hawser/virtio/device/net_backend.hpp>
#include <hawser/virtio/device/net_control.hpp>
#include <hawser/virtio/device/net_filter.hpp>
#include <hawser/virtio/device/net_receive.hpp>
#include <hawser/virtio/device/net_transmit.hpp>
#include <hawser/virtio/net_address.hpp>
#include <hawser/virtio/spec.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

namespace hawser::virtio::device {

struct NetConfig {
  Mac mac{};                ///< All zero: none, the driver chooses one.
  std::uint16_t mtu = 0;    ///< 0: the backend's, if it says one. Below kSmallestMtu none is offered.
  std::uint16_t pairs = 1;  ///< Receive and transmit queues, each; as far as the backend has them.
  NetOffloads offloads = NetOffloads::all();  ///< Of those that the backend can, which to offer.
};

/// What became of the frames. Numbers only grow.
struct NetCounters {
  std::uint64_t sent = 0;  ///< Taken by the backend; "sent" and "received" are the driver's view.
  std::uint64_t sent_bytes = 0;
  std::uint64_t send_dropped = 0;    ///< By the backend: no link, or an error.
  std::uint64_t send_malformed = 0;  ///< By us: see check_header().
  std::uint64_t received = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t receive_filtered = 0;  ///< Not for this driver.
  std::uint64_t receive_too_long = 0;  ///< Longer than its buffers, or than the MTU.
  std::uint64_t commands_refused = 0;  ///< Answered with VIRTIO_NET_ERR, or without room for an answer.
};

/// kMaxPairs bounds NetConfig::pairs, kQueueSize what queue_max_size() says.
template <LendableMemory M, NetBackend Backend, std::uint16_t kMaxPairs = 1, std::uint16_t kQueueSize = 256>
class Net {
  static_assert(kMaxPairs >= 1 && kMaxPairs <= 0x4000);

 public:
  static constexpr std::uint32_t kDeviceId = VIRTIO_ID_NET;

  Net(Backend& backend, const NetConfig& config) : backend_(backend), config_(config) {
    pairs_ = std::clamp<std::uint16_t>(std::min(config.pairs, backend.queues()), 1, kMaxPairs);
    if (config_.mtu == 0) config_.mtu = backend.mtu();
    if (config_.mtu < kSmallestMtu) config_.mtu = 0;  // §5.1.4.1
    filter_.reset(config_.mac);
    status_shown_ = status();
  }
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;
  ~Net() { stop(); }

  // --- DeviceModel ---

  Features offered() const {
    // Every queue's chains are completed in the order in which they were taken.
    Features f{VIRTIO_F_IN_ORDER,          VIRTIO_NET_F_MRG_RXBUF, VIRTIO_NET_F_STATUS,
               VIRTIO_NET_F_CTRL_VQ,       VIRTIO_NET_F_CTRL_RX,   VIRTIO_NET_F_CTRL_MAC_ADDR,
               VIRTIO_NET_F_GUEST_ANNOUNCE};
    f.set(VIRTIO_NET_F_MAC, config_.mac != Mac{});
    f.set(VIRTIO_NET_F_MTU, config_.mtu != 0);
    f.set(VIRTIO_NET_F_MQ, pairs_ > 1);
    const NetOffloads gives = backend_.gives() & config_.offloads;
    f.set(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, gives.checksum);
    // §2.2.2: whatever the backend claims, nothing without what it needs.
    return net_without_unmet(f | host_features(backend_.takes() & config_.offloads) | guest_features(gives));
  }
  bool acceptable(const Features& negotiated) const { return net_without_unmet(negotiated) == negotiated; }

  std::uint16_t queue_count() const { return static_cast<std::uint16_t>(2 * pairs_ + 1); }
  std::uint16_t queue_max_size(std::uint16_t index) const {
    // Without MQ the control queue is queue 2 (§5.1.2), which with MQ is a receive queue: one size for all.
    return index < queue_count() ? kQueueSize : std::uint16_t{0};
  }

  std::uint32_t config_size() const { return sizeof(virtio_net_config); }
  void read_config(std::uint32_t at, std::span<std::byte> out) const {
    const virtio_net_config config{filter_.own(), status(), pairs_, config_.mtu};
    const auto bytes = wire_bytes(config);
    if (out.empty() || at > bytes.size() || out.size() > bytes.size() - at) return;
    std::memcpy(out.data(), bytes.data() + at, out.size());
  }
  /// §5.1.4: nothing in it is the driver's to write.
  bool write_config(std::uint32_t, std::span<const std::byte>) { return false; }
  bool take_config_change() {
    const std::uint16_t now = status();
    return std::exchange(status_shown_, now) != now;
  }

  void start(const Features& negotiated) {
    negotiated_ = negotiated;
    rules_ = {host_offloads(negotiated), negotiated.has(VIRTIO_NET_F_MTU) ? config_.mtu : kMaxFrame};
    // §5.1.4.1: with an MTU nothing longer goes either way, except what is still to be cut.
    most_ = negotiated.has(VIRTIO_NET_F_MTU) ? config_.mtu + kEthernetHeader + kVlanTag : kMaxFrame;
    accepted_ = guest_offloads(negotiated);
    active_pairs_ = 1;  // §5.1.6.5.5: until the driver asks for more
    started_ = true;
    backend_.start(accepted_, active_pairs_);
  }

  void attach(std::uint16_t index, AnyDeviceQueue<M>&& queue) {
    if (index >= queue_count()) return;
    detach(index);
    // Frames that came while every receive queue was being reset are dropped (§5.1.6.5.6.2).
    if (started_ && receives(index) && !receiving()) backend_.start(accepted_, active_pairs_);
    queues_[index] = std::move(queue);
    attached_[index] = true;
  }
  void detach(std::uint16_t index) {
    if (index >= queue_count()) return;
    if (index < 2 * pairs_) {  // of a control queue in this place nothing is held
      const auto pair = static_cast<std::size_t>(index / 2);
      index % 2 == 0 ? receivers_[pair].forget() : transmitters_[pair].forget();
      if (index % 2 == 1) unshown_[pair] = 0;
    }
    queues_[index] = {};
    attached_[index] = false;
  }

  Work service(std::uint16_t index) {
    if (!usable(index)) return {};
    AnyDeviceQueue<M>& queue = queues_[index];
    const std::uint64_t before = done_;
    queue.disarm();  // looked at again before anybody waits
    const auto pair = static_cast<std::uint16_t>(index / 2);
    bool more = false;
    if (index == control_index()) {
      more = serve_control(queue);
    } else if (index % 2 == 0) {
      more = serve_receive(pair, queue);
    } else {
      more = serve_transmit(pair, queue);
      // A few sent frames are shown by the next call: nobody waits for that as for an answer, which goes first this way.
      unshown_[pair] += done_ - before;
      if (done_ != before && unshown_[pair] < kShowAtOnce && queue.fault() == QueueFault::kNone)
        return {.more = true, .notify = false, .busy = true};
      unshown_[pair] = 0;
    }
    const bool notify = queue.publish();
    if (queue.fault() != QueueFault::kNone) broken_ = true;
    if (broken_) {
      more = false;
      backend_.stop();  // nobody takes its frames any more, so it must not wake anybody for them
    }
    return {.more = more, .notify = notify, .busy = done_ != before};
  }

  bool prepare_to_wait(std::uint16_t index) {
    if (!usable(index)) return false;
    if (index == control_index()) return queues_[index].arm();
    const auto pair = static_cast<std::uint16_t>(index / 2);
    if (index % 2 == 0) {
      // New buffers matter only to a frame that waits for them; buffers that are here already show in no ring.
      if (pair < active_pairs_ && !backend_.front(pair).bytes.empty())
        return !receivers_[pair].starved() || queues_[index].arm();
      queues_[index].disarm();
      return false;
    }
    if (unshown_[pair] != 0) return true;
    // What holds a waiting frame up is the backend, not the driver.
    return transmitters_[pair].waiting() ? backend_.can_send(backend_queue(pair)) : queues_[index].arm();
  }

  bool needs_reset() const { return broken_; }

  void stop() {
    for (std::uint16_t index = 0; index < queue_count(); ++index) detach(index);
    if (std::exchange(started_, false)) backend_.stop();
    broken_ = false;
    announcing_ = false;
    negotiated_ = {};
    filter_.reset(config_.mac);
    active_pairs_ = 0;
  }

  // --- for whoever runs it ---

  /// Asks the driver to tell the network where it is now (§5.1.6.5.4): after a migration, or a new backend.
  void announce() { announcing_ = started_ && negotiated_.has(VIRTIO_NET_F_GUEST_ANNOUNCE); }

  const NetCounters& counters() const { return counters_; }
  /// Pairs in use.
  std::uint16_t pairs() const { return active_pairs_; }

  // --- NetControlled ---

  MacFilter& filter() { return filter_; }
  bool set_mac(const Mac& mac) {
    if (!one_station(mac)) return false;
    filter_.set_own(mac);
    return true;
  }
  bool acknowledge_announcement() {
    announcing_ = false;
    return true;
  }
  bool set_pairs(std::uint16_t pairs) {
    if (pairs < 1 || pairs > pairs_) return false;  // §5.1.6.5.5
    active_pairs_ = pairs;
    backend_.adjust(accepted_, pairs);
    return true;
  }
  bool set_guest_offloads(const Features& wanted) {
    if (!wanted.subset_of(negotiated_) || net_without_unmet(wanted) != wanted) return false;
    if (wanted != guest_features(guest_offloads(wanted))) return false;  // something that is no guest offload
    accepted_ = guest_offloads(wanted);
    backend_.adjust(accepted_, active_pairs_);
    return true;
  }

 private:
  using Transmitter = NetTransmitter<M, kQueueSize>;

  static constexpr int kBudget = 64;  ///< Frames per service(), so that no queue starves another.

  static constexpr std::uint64_t kShowAtOnce = 16;  ///< Sent frames that the driver is shown without delay.

  bool usable(std::uint16_t index) const {
    return started_ && !broken_ && index < queue_count() && attached_[index];
  }
  /// §5.1.2: behind all pairs, but behind the first when the driver knows of no others.
  std::uint16_t control_index() const {
    return negotiated_.has(VIRTIO_NET_F_MQ) ? static_cast<std::uint16_t>(2 * pairs_) : std::uint16_t{2};
  }
  bool receives(std::uint16_t index) const { return index % 2 == 0 && index < 2 * active_pairs_; }
  bool receiving() const {
    for (std::uint16_t index = 0; index < 2 * active_pairs_; index += 2) {
      if (attached_[index]) return true;
    }
    return false;
  }
  std::uint16_t backend_queue(std::uint16_t pair) const {
    return static_cast<std::uint16_t>(pair % backend_.queues());
  }
  std::uint16_t status() const {
    return static_cast<std::uint16_t>((backend_.link_up() ? VIRTIO_NET_S_LINK_UP : 0) |
                                      (announcing_ ? VIRTIO_NET_S_ANNOUNCE : 0));
  }

  bool serve_receive(std::uint16_t pair, AnyDeviceQueue<M>& queue) {
    if (pair >= active_pairs_) return false;  // §5.1.6.5.5: not used until asked for
    for (int n = 0; n < kBudget; ++n) {
      const NetFrame frame = backend_.front(pair);
      if (frame.bytes.empty()) return false;
      if (!filter_.wants(frame.bytes)) {
        ++counters_.receive_filtered;
        backend_.pop(pair);
        continue;
      }
      if (frame.header.segmentation == Segmentation::kNone && frame.bytes.size() > most_) {
        ++counters_.receive_too_long;
        backend_.pop(pair);
        continue;
      }
      switch (receivers_[pair].deliver(queue, frame, negotiated_.has(VIRTIO_NET_F_MRG_RXBUF))) {
        case Delivery::kDelivered:
          ++done_;
          ++counters_.received;
          counters_.received_bytes += frame.bytes.size();
          break;
        case Delivery::kTooLong:
          ++counters_.receive_too_long;
          break;
        case Delivery::kNoBuffers:
          return false;
        case Delivery::kBroken:
          broken_ = true;
          return false;
      }
      backend_.pop(pair);
    }
    return true;
  }

  bool serve_transmit(std::uint16_t pair, AnyDeviceQueue<M>& queue) {
    Transmitted done;
    int bursts = kBudget / int{Transmitter::kBurst};
    while (bursts > 0 && transmitters_[pair].send_burst(queue, backend_, backend_queue(pair), rules_, done))
      --bursts;
    done_ += done.sent + done.dropped + done.malformed;
    counters_.sent += done.sent;
    counters_.sent_bytes += done.sent_bytes;
    counters_.send_dropped += done.dropped;
    counters_.send_malformed += done.malformed;
    return bursts == 0;
  }

  bool serve_control(AnyDeviceQueue<M>& queue) {
    for (int n = 0; n < kBudget; ++n) {
      auto chain = queue.try_take(command_segments_);
      if (!chain.ok()) return false;  // a broken queue is noticed by service()
      ChainReader<M> command(queue.memory(), *chain);
      const bool done = run_net_command(command, negotiated_, *this);
      ChainWriter<M> answer(queue.memory(), *chain);
      const bool answered = answer.write_wire(done ? VIRTIO_NET_OK : VIRTIO_NET_ERR).ok();
      if (!done || !answered) ++counters_.commands_refused;
      queue.complete(std::move(*chain), answered ? 1 : 0);
    }
    return true;
  }

  Backend& backend_;
  NetConfig config_;
  NetCounters counters_;
  std::uint64_t done_ = 0;                          ///< Whatever it was.
  std::array<std::uint64_t, kMaxPairs> unshown_{};  ///< Frames sent and not shown to the driver yet.
  MacFilter filter_;
  Features negotiated_;
  TransmitRules rules_;
  std::size_t most_ = kMaxFrame;  ///< Longest received frame that is whole.
  NetOffloads accepted_;
  std::uint16_t pairs_ = 1;         ///< Offered.
  std::uint16_t active_pairs_ = 0;  ///< In use: what the driver asked for.
  std::uint16_t status_shown_ = 0;
  bool started_ = false;
  bool broken_ = false;
  bool announcing_ = false;
  std::array<AnyDeviceQueue<M>, 2 * kMaxPairs + 1> queues_;
  std::array<bool, 2 * kMaxPairs + 1> attached_{};
  std::array<NetReceiver<M, kQueueSize>, kMaxPairs> receivers_;
  std::array<Transmitter, kMaxPairs> transmitters_;
  std::array<Segment, kQueueSize> command_segments_;
};

}  // namespace hawser::virtio::device
