// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The Link contract over an ivshmem window: two ends find one another through their end blocks, agree on a pair of
// epochs, exchange messages through an AMP message queue, ring through doorbells, and share the area's data bytes.
//
// Handshake (docs/wire/ivshmem-region.md). Each end publishes {own epoch, peer epoch made room for} as one word:
//
//   start        reset own structures, publish {E, 0}
//   sees P       reset own structures, publish {E, P}
//   sees {P, E}  up: the peer has reset its structures for E, and did so before it said so. It must be the party that
//                P was answered for: two that claim one end at the same moment may choose the same epoch
//
// A new epoch of the peer, silence, or its leaving takes the link down. ivshmem tells nobody about a reset or a death,
// so all of this is polled.
#pragma once

#include <hawser/ivshmem/directory.hpp>
#include <hawser/ivshmem/end_block.hpp>
#include <hawser/ivshmem/port.hpp>
#include <hawser/ivshmem/queue_layout.hpp>

#include <hawser/transport/link.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace hawser::ivshmem {

struct LinkOptions {
  Role role = Role::kDriver;
  std::uint32_t number = 0;        ///< Which of the window's links.
  std::uint32_t links_if_new = 1;  ///< Into how many links an unformatted window is divided.
  QueueKind queue_kind = QueueKind::kSelfDescribing;  ///< Device end: which message queue layout to offer.
  Duration silence = seconds(3);  ///< A peer whose heartbeat stands still that long is gone.
  /// How long a claim by somebody else must stand still before we take its place, and unchanged before we believe it.
  Duration takeover = milliseconds(500);
  std::string_view
      name;  ///< Who we are, for people: 32 bytes of UTF-8 reach the other side. Outlives the link.
};

/// One end of a link over Port P. The port must outlive the link.
template <Port P>
class Link {
 public:
  using MemoryType = RegionMemory;

  class BellType {
   public:
    void ring() {
      ++counters_.rings_asked;
      doorbell(0);
    }
    void ring(Mark mark) {
      ++counters_.rings_asked;
      if (!notifications_.set(mark)) return;
      // Vector 0 is the channel's; marks share the others.
      doorbell(peer_vectors_ > 1 ? static_cast<std::uint16_t>(1 + mark.number() % (peer_vectors_ - 1u)) : 0);
    }
    Marks take() { return notifications_.take(); }
    void arm() { notifications_.unmask(); }
    void disarm() { notifications_.mask(); }
    Wake wait(Instant until) {
      const Wake wake = port_.wait(until);
      if (wake == Wake::kRung) ++counters_.wakes;
      notifications_.collect();
      return wake;
    }

   private:
    friend class Link;
    BellType(P& port, LinkCounters& counters) : port_(port), counters_(counters) {}

    void doorbell(std::uint16_t vector) {
      if (!reachable_) return;
      ++counters_.doorbells;
      port_.ring(peer_id_, vector);
    }

    P& port_;
    LinkCounters& counters_;
    Notifications notifications_;
    std::uint16_t peer_id_ = 0;
    std::uint16_t peer_vectors_ = 1;
    bool reachable_ = false;
  };

  class ChannelType {
   public:
    std::size_t mtu() const { return send_.mtu(); }

    Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts) {
      if (!open_) return Err{broken_ ? SendError::kRefused : SendError::kDown};
      auto sent = send_.try_send(parts);
      if (sent.ok()) ++counters_.messages_sent;
      return sent;
    }
    Result<std::size_t, ReceiveError> try_receive(std::span<std::byte> to) {
      if (!open_) return Err{ReceiveError::kDown};
      auto got = receive_.try_receive(to);
      if (!got.ok()) return got;
      // After the slot was read: a peer that has begun anew since our last poll() says so before it touches the queue.
      if (!is_as_met(peer_block_.agreement())) return Err{ReceiveError::kDown};
      ++counters_.messages_received;
      if (receive_.made_room()) bell_.ring();  // whoever found it full waits for this
      return got;
    }

   private:
    friend class Link;
    ChannelType(BellType& bell, LinkCounters& counters) : bell_(bell), counters_(counters) {}
    bool broken() const { return send_.broken() || receive_.broken(); }
    /// Two that claim one end at the same moment may choose the same epoch, so who it is counts as well.
    bool is_as_met(Agreement peer) const { return peer == met_ && peer_block_.peer_id() == met_id_; }

    BellType& bell_;
    LinkCounters& counters_;
    SendLane send_;
    ReceiveLane receive_;
    EndBlockView peer_block_;
    Agreement met_;  ///< As the peer's block says it while the link is up.
    std::uint32_t met_id_ = 0;
    bool open_ = false;
    bool broken_ = false;
  };

  Link(P& port, const LinkOptions& options)
      : port_(port), options_(options), bell_(port, counters_), channel_(bell_, counters_) {
    attach();
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { leave(); }

  LinkState state() const { return state_; }
  Epoch epoch() const { return {own_.epoch, own_.seen}; }
  Visibility visibility() const { return Visibility::kShared; }
  const char* broken_reason() const { return state_ == LinkState::kBroken ? broken_reason_ : ""; }
  BrokenBy broken_by() const { return state_ == LinkState::kBroken ? broken_by_ : BrokenBy::kNothing; }
  /// False: not yet, or another party does. poll() goes on asking, until it finds that the other lives.
  bool holds_end() const { return claimed_; }
  ChannelType& channel() { return channel_; }
  BellType& bell() { return bell_; }
  RegionMemory region() const { return data_; }
  Instant now() const { return port_.now(); }
  LinkCounters counters() const { return counters_; }

  LinkEvent poll() {
    if (state_ == LinkState::kBroken) return LinkEvent::kNothing;
    if (!claimed_) return wait_for_our_place();
    if (!still_ours()) {
      claimed_ = false;  // not ours to write any more
      return broke("another party has taken this end of the link", BrokenBy::kPeer);
    }
    const Instant now = port_.now();
    beat(now);
    if (channel_.broken()) return broke("the peer's message queue index is out of range", BrokenBy::kPeer);
    return state_ == LinkState::kUp ? watch_peer(now) : meet_peer();
  }

  void reset() {
    state_ = LinkState::kDown;
    channel_.broken_ = false;
    unfit_ = false;
    if (!attached_) {
      attach();
      return;
    }
    take_place();
  }

  /// Says good-bye: the peer sees the link go down at once instead of after a silence. Also done by the destructor.
  void leave() {
    if (claimed_ && still_ours()) {
      own_block_.publish_agreement({0, own_.epoch});
      if (queues_known_) set_queue_status(control_, options_.role, kind_, QueueStatus::kShutdown);
      bell_.ring();
    }
    claimed_ = false;
    close();
    state_ = LinkState::kDown;
  }

 private:
  static constexpr Duration kBeatInterval = milliseconds(20);
  static constexpr unsigned kSignsOfLife = 5;
  static constexpr Duration kLongestLook = milliseconds(100);  ///< Counts as watched, between two looks.

  /// Who seems to hold our end, and since when we see that.
  struct Rival {
    std::uint32_t epoch = 0, peer_id = 0, heartbeat = 0;
    unsigned beats = 0;
    Instant since, looked;
    Duration still;  ///< Watched since it last moved.
  };

  Role other() const { return options_.role == Role::kDevice ? Role::kDriver : Role::kDevice; }

  bool still_ours() const { return own_block_.agreement() == own_ && own_block_.peer_id() == port_.own_id(); }

  void attach() {
    const RegionMemory window(port_.memory());
    auto place = find_area(window, options_.number, options_.links_if_new);
    if (!place) {
      broke(describe(place.error()), BrokenBy::kCarrier);
      return;
    }
    place_ = *place;
    // find_area checked the numbers against the window, so the spans are inside.
    const auto area = port_.memory().subspan(place->offset, place->bytes);
    control_ = RegionMemory(area.first(kDataOffset));
    data_ = RegionMemory(area.subspan(kDataOffset));
    own_block_ = block(options_.role);
    channel_.peer_block_ = peer_block_ = block(other());
    attached_ = true;
    take_place();
  }

  void take_place() {
    claimed_ = false;
    if (own_block_.claimed_by(options_.role) && own_block_.agreement().epoch != 0 &&
        own_block_.peer_id() != port_.own_id()) {
      // Somebody else holds this end, or died holding it. A living one moves its heartbeat.
      rival_ = look_at_rival();
      return;
    }
    claim();
  }

  EndBlockView block(Role role) const {
    const std::uint64_t at = (role == Role::kDevice ? 0 : kSectionBytes) + kEndBlockOffset;
    return EndBlockView(
        *control_.area(Offset(at), sizeof(EndBlock), alignof(EndBlock)));  // inside by construction
  }

  /// Everybody who shares the window can write the block that a rival would write. Scribbling is not a rival: a rival
  /// keeps its claim as it is and goes on beating.
  LinkEvent wait_for_our_place() {
    if (own_.epoch != 0) keep_directory();  // who has been here knows it, and newcomers can't wait
    const Rival seen = look_at_rival();
    if (seen.epoch == 0) {
      claim();
      return LinkEvent::kNothing;
    }
    if (seen.epoch != rival_.epoch || seen.peer_id != rival_.peer_id) {
      rival_ = seen;
    } else if (seen.heartbeat != rival_.heartbeat) {
      rival_.heartbeat = seen.heartbeat;
      rival_.looked = seen.since;
      rival_.still = Duration{};
      if (++rival_.beats >= kSignsOfLife && elapsed(rival_.since, seen.since) >= options_.takeover) {
        return broke(options_.role == Role::kDevice
                         ? "another living party already serves this link's devices"
                         : "another living party already drives this link's devices",
                     BrokenBy::kRival);
      }
    } else if (stands_still(seen.since)) {
      claim();
    }
    return LinkEvent::kNothing;
  }

  /// For long enough, and watched: while we did not run, the rival may not have run either.
  bool stands_still(Instant now) {
    const Duration passed = elapsed(rival_.looked, now);
    rival_.still.ns += passed < kLongestLook ? passed.ns : kLongestLook.ns;
    rival_.looked = now;
    return rival_.still >= options_.takeover;
  }

  Rival look_at_rival() const {
    const Instant now = port_.now();
    return {own_block_.agreement().epoch, own_block_.peer_id(), own_block_.heartbeat(), 0, now, now, {}};
  }

  /// Begins a new own epoch: above all before it, and above the one that the peer has made room for, or it could take
  /// us for who was here before.
  void claim() {
    close();
    const Agreement there = own_block_.agreement();
    const std::uint32_t before = there.epoch != 0 ? there.epoch : there.seen;  // as leave() left it
    const std::uint32_t known = peer_block_.agreement().seen;
    const std::uint32_t higher = before > known ? before : known;
    const std::uint32_t last = higher > own_.epoch ? higher : own_.epoch;
    own_block_.publish_agreement({0, last});
    introduce();
    publish_epoch(last);
    full_fence_before_recheck();  // The claim, then look. Partner: the peer reads the claim, then answers.
    // An answer that stands already may be for somebody who claimed this end at the same moment, and chose the same epoch.
    if (peer_block_.agreement().seen == own_.epoch) publish_epoch(own_.epoch);
    claimed_ = true;
    beat_at_ = Instant{};
    beat(port_.now());
    call_peer();
  }

  void publish_epoch(std::uint32_t last) {
    own_ = {last + 1 == 0 ? 1 : last + 1, 0};
    own_block_.publish_agreement(own_);
  }

  /// Writes who is here, and how to speak with it.
  void introduce() {
    if (options_.role == Role::kDevice) {
      kind_ = options_.queue_kind;
      describe_queues(control_, kind_);
    }
    own_block_.claim(options_.role, port_.own_id(), port_.vectors(), options_.queue_kind, options_.name);
  }

  void beat(Instant now) {
    if (now < beat_at_) return;
    // Somebody may have scribbled over what the next peer needs. While the link is up only the directory is read.
    keep_directory();
    if (state_ == LinkState::kDown) introduce();
    own_block_.beat(++beat_count_);
    beat_at_ = now + kBeatInterval;
  }

  void keep_directory() const { ivshmem::keep_directory(RegionMemory(port_.memory()), place_); }

  LinkEvent meet_peer() {
    const Agreement peer = peer_block_.agreement();
    if (!peer_block_.claimed_by(other()) || peer.epoch == 0) {
      unfit_ = false;  // nobody there, to make sense or not
      return LinkEvent::kNothing;
    }
    // A dead peer's block may be answered, harmlessly: it can not have seen our epoch, so it stays at that.
    if (own_.seen != peer.epoch) {
      if (const char* unfit = open_for(peer)) return wait_for_sense(unfit);
      unfit_ = false;
      call_peer();
    }
    if (!(peer == Agreement{own_.seen, own_.epoch})) return LinkEvent::kNothing;
    channel_.met_ = peer;
    if (!channel_.is_as_met(peer)) {
      claim();
      return LinkEvent::kNothing;
    }
    peer_beat_ = peer_block_.heartbeat();
    peer_seen_alive_ = port_.now();
    channel_.open_ = true;
    state_ = LinkState::kUp;
    set_queue_status(control_, options_.role, kind_, QueueStatus::kRun);
    call_peer();
    return LinkEvent::kWentUp;
  }

  LinkEvent watch_peer(Instant now) {
    const Agreement peer = peer_block_.agreement();
    if (!channel_.is_as_met(peer)) {
      // It left, began a new epoch, forgot ours, or is another party that has the same epoch. In the last two cases the
      // pair of epochs would stay the same, so we begin a new one: no two periods of being up have the same pair.
      const bool new_epoch = peer.epoch != own_.seen;
      close();
      state_ = LinkState::kDown;
      if (!new_epoch) claim();
      return LinkEvent::kWentDown;
    }
    const std::uint32_t beat_now = peer_block_.heartbeat();
    if (beat_now != peer_beat_) {
      peer_beat_ = beat_now;
      peer_seen_alive_ = now;
    } else if (elapsed(peer_seen_alive_, now) >= options_.silence) {
      state_ = LinkState::kDown;
      claim();  // a new epoch, so that a peer that was only slow sees the gap too
      return LinkEvent::kWentDown;
    }
    return LinkEvent::kNothing;
  }

  /// The peer's description of the queues makes no sense. It may be about to write another (it restarts, somebody has
  /// scribbled over it): broken only if it stays so.
  LinkEvent wait_for_sense(const char* unfit) {
    const Instant now = port_.now();
    if (!std::exchange(unfit_, true)) unfit_since_ = now;
    return elapsed(unfit_since_, now) < options_.silence ? LinkEvent::kNothing
                                                         : broke(unfit, BrokenBy::kPeer);
  }

  /// Resets the own structures for that epoch of the peer and says so. A sentence if the peer's description is wrong.
  const char* open_for(Agreement peer) {
    if (options_.role == Role::kDriver) kind_ = peer_block_.queue_kind();
    auto places = find_queues(control_, options_.role, kind_);
    if (!places) return describe(places.error());
    queues_known_ = true;
    channel_.send_ = SendLane(places->send);
    channel_.receive_ = ReceiveLane(places->receive);
    bell_.notifications_ = Notifications(places->own_words, places->peer_words);
    set_queue_status(control_, options_.role, kind_, QueueStatus::kReady);
    channel_.met_id_ = peer_block_.peer_id();
    own_.seen = peer.epoch;
    own_block_.publish_agreement(own_);
    return nullptr;
  }

  /// Learns whom to ring from the peer's block, and rings.
  void call_peer() {
    const std::uint32_t id = peer_block_.peer_id();
    const std::uint16_t vectors = peer_block_.vectors();
    bell_.reachable_ = peer_block_.claimed_by(other()) && id <= 0xffff;
    bell_.peer_id_ = static_cast<std::uint16_t>(id);
    bell_.peer_vectors_ = vectors == 0 ? 1 : vectors;
    bell_.ring();
  }

  void close() {
    channel_.open_ = false;
    channel_.send_ = SendLane();
    channel_.receive_ = ReceiveLane();
    bell_.notifications_ = Notifications();
    own_.seen = 0;
    if (claimed_) own_block_.publish_agreement(own_);
  }

  LinkEvent broke(const char* reason, BrokenBy by) {
    broken_reason_ = reason;
    broken_by_ = by;
    close();
    channel_.broken_ = true;
    state_ = LinkState::kBroken;
    return LinkEvent::kBroke;
  }

  P& port_;
  const LinkOptions options_;
  LinkCounters counters_;
  BellType bell_;
  ChannelType channel_;

  AreaPlace place_;
  RegionMemory control_;
  RegionMemory data_;
  EndBlockView own_block_;
  EndBlockView peer_block_;

  LinkState state_ = LinkState::kDown;
  const char* broken_reason_ = "";
  BrokenBy broken_by_ = BrokenBy::kNothing;
  bool attached_ = false;
  bool claimed_ = false;
  bool queues_known_ = false;
  bool unfit_ = false;
  Instant unfit_since_;
  QueueKind kind_ = QueueKind::kSelfDescribing;

  Agreement own_;
  std::uint32_t beat_count_ = 0;
  Instant beat_at_;
  std::uint32_t peer_beat_ = 0;
  Instant peer_seen_alive_;
  Rival rival_;
};

}  // namespace hawser::ivshmem
