// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The Link contract over Argo: two domains that each receive on two rings of their own, one for frames (channel
// messages, marks, credit, heartbeats) and one for parcels, which are used where they arrived.
//
// Handshake (docs/wire/argo-bus.md). An epoch is a pair of freshly registered rings: whoever starts, or goes down,
// unregisters its rings, takes the next epoch, and registers them anew. So nothing old is ever in them but what a peer
// that has not noticed yet still sends, and that names an older epoch.
//
//   start         register, send HELLO {E, to 0} as soon as the peer's ring exists
//   HELLO from P  answer HELLO {E, to P}
//   HELLO to E    up, once our HELLO {E, to P} is sent
//
// While up, a HELLO that is not {P, to E} means that the peer began anew. Xen tells nobody that a ring appeared or
// disappeared, nor that a domain died, so all of this is looked for.
#pragma once

#include <hawser/argo/calls.hpp>
#include <hawser/argo/flow.hpp>
#include <hawser/argo/frame_reader.hpp>
#include <hawser/argo/frames.hpp>
#include <hawser/argo/inbox.hpp>
#include <hawser/argo/link_faces.hpp>
#include <hawser/argo/link_options.hpp>
#include <hawser/argo/own_rings.hpp>
#include <hawser/argo/port.hpp>
#include <hawser/argo/ring.hpp>

#include <hawser/transport/link.hpp>
#include <hawser/transport/random.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

namespace hawser::argo {

/// One end of a link over Port P. The port and the memory must outlive the link.
/// @tparam kMaxHeld  so many parcels may be unreleased at a time; a power of two.
template <Port P, std::size_t kMaxHeld = 256>
class Link {
 public:
  using MemoryType = RegionMemory;
  using Parts = std::span<const std::span<const std::byte>>;

  using BellType = LinkBell<Link>;
  using ChannelType = LinkChannel<Link>;
  using ParcelChannelType = LinkParcels<Link>;

  /// @param memory  page-aligned, in the port's memory, at least link_bytes(options); this link's alone.
  Link(P& port, std::span<std::byte> memory, const LinkOptions& options)
      : port_(port),
        options_(options),
        unfit_(unfit(options, memory, port.memory())),
        parts_(unfit_ == nullptr ? divide(memory, options) : LinkMemory{}),
        calls_(port, parts_.scratch),
        inbox_(parts_.inbox),
        rings_(options, parts_),
        frames_(route(RingKind::kControl)),
        data_(route(RingKind::kData)),
        bell_(*this),
        channel_(*this),
        parcels_(*this) {
    if (unfit_ == nullptr) data_mtu_ = own_data_mtu();
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { leave(); }

  LinkState state() const { return state_; }
  Epoch epoch() const { return {own_, seen_}; }
  Visibility visibility() const { return Visibility::kCopied; }
  const char* broken_reason() const { return state_ == LinkState::kBroken ? fault_ : ""; }
  BrokenBy broken_by() const { return state_ == LinkState::kBroken ? fault_by_ : BrokenBy::kNothing; }
  /// Nobody else can hold an end: its rings are this domain's.
  bool holds_end() const { return session_; }
  ChannelType& channel() { return channel_; }
  ParcelChannelType& parcels() { return parcels_; }
  BellType& bell() { return bell_; }
  RegionMemory region() const { return {}; }
  Instant now() const { return port_.now(); }
  LinkCounters counters() const { return counters_; }
  ArgoCounters argo_counters() const { return calls_.counters(); }

  LinkEvent poll() {
    if (state_ == LinkState::kBroken) return LinkEvent::kNothing;
    const Instant now = port_.now();
    rang_ = false;
    if (fault_ == nullptr && !session_) begin(now);
    if (fault_ == nullptr && session_) look();
    LinkEvent event = LinkEvent::kNothing;
    if (fault_ == nullptr && session_) event = state_ == LinkState::kUp ? keep_up(now) : meet(now);
    return fault_ == nullptr ? event : broke();
  }

  void reset() {
    fault_ = nullptr;
    hello_.reset();
    close();
  }

  /// Says good-bye: the peer sees the link go down at once instead of after a silence. Also done by the destructor.
  void leave() {
    withdraw();
    reset();
  }

 private:
  friend BellType;
  friend ChannelType;
  friend ParcelChannelType;

  static constexpr Duration kProbeInterval = milliseconds(10);  // for a ring that may appear
  static constexpr Duration kHelloInterval =
      milliseconds(100);  // HELLO again, to a peer that does not answer
  static constexpr Duration kCheckInterval = milliseconds(250);  // whether our own rings are still registered
  static constexpr Duration kCreditInterval =
      milliseconds(1);  // credit for a caller that polls and never waits
  static constexpr unsigned kBeatsPerSilence = 4;
  static constexpr std::uint32_t kLongestFrame = sizeof(FrameHeader) + kChannelMtu;

  enum class Sent : std::uint8_t {
    kDone,
    kNoRoom,  ///< Now; perhaps later.
    kLost,    ///< The peer's ring is gone.
    kFault,
  };
  struct Hello {
    std::uint32_t from = 0;
    HelloBody body;
  };

  // Who speaks to whom. ----------------------------------------------------------------------------------------------

  Role other() const { return options_.role == Role::kDevice ? Role::kDriver : Role::kDevice; }
  /// From which port of ours to which of the peer's.
  struct Route {
    std::uint32_t from = 0;
    Address to;
  };
  Route route(RingKind kind) const {
    return {rings_.id(kind).port, {port_of(options_.number, other(), kind), options_.peer}};
  }
  std::uint32_t own_data_mtu() const {
    return std::min(options_.max_parcel, rings_.data.length() - ring_cost(XEN_ARGO_MSG_SLOT_SIZE));
  }

  void fault(BrokenBy by, const char* reason) {
    if (fault_ != nullptr) return;
    fault_ = reason;
    fault_by_ = by;
  }
  void peer_fault(const char* reason) { fault(BrokenBy::kPeer, reason); }
  /// For errors that time does not heal.
  void fault(Error error) { fault(BrokenBy::kCarrier, describe(error)); }

  // Sessions. --------------------------------------------------------------------------------------------------------

  /// Begins a new own epoch, with fresh rings. Not before the poll() after the one that reported the end of the last:
  /// until then its parcels can be read.
  void begin(Instant now) {
    if (unfit_ != nullptr) return fault(BrokenBy::kCarrier, unfit_);
    if (now < begin_at_) return;
    begin_at_ = now + kProbeInterval;
    if (const auto gone = rings_.withdraw(calls_); !gone.ok()) return fault(gone.error());
    if (const auto made = rings_.announce(calls_); !made.ok()) {
      if (!passing(made.error())) fault(made.error());
      return;  // if it passes: the peer's domain is not there (yet), or Xen is short of memory
    }
    Random noise(now.ns ^ std::uint64_t{options_.noise} << 32);
    own_ = own_ == 0 ? static_cast<std::uint32_t>(noise.next()) : own_ + 1;
    if (own_ == 0) own_ = 1;
    session_ = true;
    hello_at_ = check_at_ = Instant{};
    if (hello_.has_value()) adopt(*std::exchange(hello_, std::nullopt));
  }

  void close() {
    state_ = LinkState::kDown;
    session_ = agreed_ = greeted_ = answering_ = present_ = gone_ = false;
    rang_ = ring_owed_ = credit_owed_ = again_ = crowded_ = false;
    seen_ = 0;
    begin_at_ = Instant{};
    marks_owed_ = marks_ = 0;
    inbox_.clear();
    first_parcel_.reset();
  }

  /// Between two sessions there are rings as well.
  void withdraw() {
    if (state_ == LinkState::kUp) (void)send(FrameKind::kBye, {});
    if (rings_.exposed()) (void)rings_.withdraw(calls_);
  }

  LinkEvent broke() {
    withdraw();
    close();
    state_ = LinkState::kBroken;
    return LinkEvent::kBroke;
  }

  // Down. ------------------------------------------------------------------------------------------------------------

  LinkEvent meet(Instant now) {
    if (!(agreed_ && greeted_)) greet(now);
    if (fault_ != nullptr || !session_ || !(agreed_ && greeted_)) return LinkEvent::kNothing;
    drop_stale_parcels();
    state_ = LinkState::kUp;
    heard_at_ = said_at_ = now;
    heard_ = said_ = false;
    return LinkEvent::kWentUp;
  }

  /// Says HELLO when it is time. Asks for the peer's ring first: Xen logs a line for each send to a ring that is not there.
  void greet(Instant now) {
    if (now < hello_at_) return;
    hello_at_ = now + kProbeInterval;
    if (!answering_) {
      const auto ring = calls_.query(frames_.to, sizeof(FrameHeader) + sizeof(HelloBody));
      if (!ring.ok()) {
        if (!passing(ring.error())) fault(ring.error());
        return;
      }
      const bool was_present = std::exchange(present_, ring->exists);
      if (!present_) return;
      if ((!was_present || now >= check_at_) && !still_registered(now)) return;
      if (!ring->sufficient) return;
    }
    const HelloBody body{kLinkVersion,         inbox_.capacity(), kChannelMtu,
                         rings_.data.length(), own_data_mtu(),    {}};
    switch (send(FrameKind::kHello, std::array{wire_bytes(body)})) {
      case Sent::kDone:
        greeted_ = seen_ != 0;
        answering_ = false;
        hello_at_ = now + kHelloInterval;
        break;
      case Sent::kLost:
        answering_ = false;
        if (agreed_) close();  // it is not there any more, and what it said is worth nothing
        break;
      case Sent::kNoRoom:
      case Sent::kFault:
        break;
    }
  }

  bool still_registered(Instant now) {
    check_at_ = now + kCheckInterval;
    const auto there = rings_.still_registered(calls_);
    if (!there.ok()) {
      fault(there.error());
      return false;
    }
    if (!*there) close();
    return *there;
  }

  /// A new epoch of the peer, and what it takes.
  void adopt(const Hello& hello) {
    const HelloBody& body = hello.body;
    if (const char* const wrong = wrong_with(body)) return peer_fault(wrong);
    seen_ = hello.from;
    channel_mtu_ = std::min<std::uint32_t>(kChannelMtu, body.channel_mtu);
    data_mtu_ = std::min<std::uint32_t>(own_data_mtu(), body.data_mtu);
    flow_ = Flow::towards(body, data_mtu_, rings_.data.length());
    greeted_ = false;
    answering_ = true;
    hello_at_ = Instant{};
  }

  /// What a peer of an older epoch sent before it knew of ours. All of it came before the HELLO that we go up by.
  void drop_stale_parcels() {
    bool dropped = false;
    for (std::uint32_t left = rings_.data.length() / XEN_ARGO_MSG_SLOT_SIZE; left != 0 && !first_parcel_;
         --left) {
      const auto message = rings_.data.try_receive();
      if (!message.ok()) break;  // if broken, so it stays
      if (message->type == seen_) {
        first_parcel_ = *message;
      } else {
        (void)rings_.data.release(message->number);
        dropped = true;
      }
    }
    flow_.data_before = rings_.data.released();
    if (dropped) (void)calls_.notify();
  }

  // Up. --------------------------------------------------------------------------------------------------------------

  LinkEvent keep_up(Instant now) {
    if (std::exchange(heard_, false)) heard_at_ = now;
    if (gone_ || elapsed(heard_at_, now) >= options_.silence) {
      close();
      return LinkEvent::kWentDown;
    }
    send_marks();
    if (std::exchange(said_, false)) said_at_ = now;
    const bool due = now >= credit_at_;
    if (due) credit_at_ = now + kCreditInterval;
    if (credit_owed_ || (due && data_credit_is_missed())) tell();
    if (elapsed(said_at_, now).ns >= options_.silence.ns / kBeatsPerSilence) {
      said_at_ = now;  // an attempt counts: who takes nothing is not asked faster
      (void)send(FrameKind::kBeat, {});
      // Whoever was refused by Xen against all credit is helped out at the latest now.
      (void)calls_.notify();
    }
    return LinkEvent::kNothing;
  }

  /// Before this end sleeps.
  void settle() {
    rang_ = false;
    if (state_ != LinkState::kUp || fault_ != nullptr) return;
    send_marks();
    if (credit_owed_ || data_credit_is_missed()) tell();
  }

  // Frames in. -------------------------------------------------------------------------------------------------------

  /// Before whatever depends on what the peer said last. Mostly it said nothing.
  void look() {
    if (session_ && !rings_.control.quiet()) take_frames();
  }

  /// Takes in what has arrived on the control ring; stops at whatever ends this session or begins the next.
  [[gnu::noinline]] void take_frames() {
    if (fault_ != nullptr || gone_ || (agreed_ && state_ != LinkState::kUp)) return;
    const std::uint32_t room = rings_.control.length() - rings_.control.occupied();
    bool took = false;
    for (std::uint32_t left = rings_.control.length() / XEN_ARGO_MSG_SLOT_SIZE; left != 0; --left) {
      const auto message = rings_.control.try_receive();
      if (!message.ok()) {
        if (message.error() == RingError::kBroken) peer_fault(rings_.control.broken_reason());
        break;
      }
      const bool more = take_frame(*message);
      (void)rings_.control.release(message->number);
      took = true;
      if (!more) break;
    }
    // Only then can Xen have refused anything.
    if (took && room <= ring_cost(kLongestFrame)) (void)calls_.notify();
  }

  /// False: look no further.
  bool take_frame(const RingMessage& message) {
    if (message.domain != options_.peer)
      peer_fault("another domain's message is in the ring that is the peer's alone");
    FrameReader frame(message.parts);
    const auto header = frame.cut<FrameHeader>();
    if (!header.has_value() || header->from == 0) peer_fault("a frame of the peer has no header");
    if (fault_ != nullptr) return false;
    if (message.type == static_cast<std::uint32_t>(FrameKind::kHello)) return take_hello(*header, frame);
    if (state_ != LinkState::kUp || header->from != seen_ || header->to != own_)
      return true;  // from another epoch
    heard_ = true;
    if (!flow_.update(*header)) peer_fault("the peer freed more room than there was in use");
    switch (static_cast<FrameKind>(message.type)) {
      case FrameKind::kMessage:
        take_message(frame.rest());
        break;
      case FrameKind::kMarks:
        if (const auto body = frame.cut<MarksBody>()) {
          marks_ |= body->marks;
        } else {
          peer_fault("the peer's marks are cut short");
        }
        break;
      case FrameKind::kBye:
        gone_ = true;
        break;
      case FrameKind::kCredit:
      case FrameKind::kBeat:
        break;
      default:
        peer_fault("the peer sent a frame of a kind that does not exist");
    }
    return fault_ == nullptr && !gone_;
  }

  bool take_hello(const FrameHeader& header, FrameReader& frame) {
    const auto body = frame.cut<HelloBody>();
    if (!body.has_value()) {
      peer_fault("the peer's HELLO is cut short");
      return false;
    }
    const Hello hello{header.from, *body};
    if (state_ == LinkState::kUp) {
      if (hello.from == seen_ && header.to == own_) return true;  // said twice
      hello_ = hello;                                             // answered in the next session
      gone_ = true;
      return false;
    }
    if (hello.from != seen_) adopt(hello);
    agreed_ = fault_ == nullptr && header.to == own_;
    return fault_ == nullptr && !agreed_;
  }

  void take_message(const std::array<std::span<const std::byte>, 2>& body) {
    if (body[0].size() + body[1].size() > channel_mtu_)
      return peer_fault("a message of the peer is longer than agreed");
    if (!inbox_.push(body)) peer_fault("the peer sent more messages than it had credit for");
  }

  // Frames out. ------------------------------------------------------------------------------------------------------

  Sent outcome(const Result<void, Error>& result) {
    if (result.ok()) return Sent::kDone;
    switch (result.error()) {
      case Error::kNoRoom:
      case Error::kTooManyWaiters:
      case Error::kNoMemory:
        return Sent::kNoRoom;
      case Error::kNobodyListens:
      case Error::kNoSuchDomain:
        return Sent::kLost;
      case Error::kTooLong:
        peer_fault("the peer's ring is shorter than it said");
        return Sent::kFault;
      default:
        fault(result.error());
        return Sent::kFault;
    }
  }

  /// One frame, gathered where the hypervisor can read it. Every frame carries the credit there is.
  Sent send(FrameKind kind, Parts body) {
    const FrameHeader header{own_, seen_, flow_.channel_room.freed, data_freed()};
    const auto frame = calls_.staging();
    std::memcpy(frame.data(), &header, sizeof header);
    std::size_t size = sizeof header;
    for (const auto part : body) {
      if (!part.empty()) std::memcpy(frame.data() + size, part.data(), part.size());
      size += part.size();
    }
    const std::array parts = {std::span<const std::byte>(frame.first(size))};
    const Sent sent =
        outcome(calls_.sendv(frames_.from, frames_.to, parts, static_cast<std::uint32_t>(kind)));
    if (sent == Sent::kDone) {
      flow_.told(header);
      said_ = true;
    } else if (sent == Sent::kLost && state_ == LinkState::kUp) {
      gone_ = true;
    }
    return sent;
  }

  /// Marks, or a ring without one, that the peer has not been sent yet. Kept if there is no room for them.
  void send_marks() {
    if ((marks_owed_ == 0 && !ring_owed_) || gone_ || fault_ != nullptr) return;
    const MarksBody body{marks_owed_};
    if (send(FrameKind::kMarks, std::array{wire_bytes(body)}) != Sent::kDone) return;
    ++counters_.doorbells;
    marks_owed_ = 0;
    ring_owed_ = false;
  }

  /// Kept if there is no room for it.
  void tell() { credit_owed_ = !gone_ && fault_ == nullptr && send(FrameKind::kCredit, {}) == Sent::kNoRoom; }

  // The channel. -----------------------------------------------------------------------------------------------------

  /// What a call on a channel must not get past. kDown: only what poll() has reported counts.
  std::optional<SendError> closed() {
    if (state_ == LinkState::kUp && !rings_.control.quiet()) take_frames();
    if (fault_ != nullptr) return SendError::kRefused;
    if (state_ != LinkState::kUp) return SendError::kDown;
    return std::nullopt;
  }

  Result<void, SendError> send_message(Parts parts) {
    if (const auto why = closed()) return Err{*why};
    std::size_t bytes = 0;
    for (const auto part : parts) {
      if (part.size() > channel_mtu_ - bytes) return Err{SendError::kTooBig};
      bytes += part.size();
    }
    const std::uint32_t cost = message_cost(static_cast<std::uint32_t>(bytes));
    if (gone_ || cost > flow_.channel.left()) return Err{SendError::kFull};
    switch (send(FrameKind::kMessage, parts)) {
      case Sent::kDone:
        break;
      case Sent::kFault:
        return Err{SendError::kRefused};
      default:
        return Err{SendError::kFull};
    }
    flow_.channel.spend(cost);
    rang_ = true;
    ++counters_.messages_sent;
    return {};
  }

  Result<std::size_t, ReceiveError> receive_message(std::span<std::byte> to) {
    if (closed()) return Err{ReceiveError::kDown};
    const auto length = inbox_.pop(to);
    if (!length.ok()) return Err{length.error()};
    ++counters_.messages_received;
    flow_.channel_room.freed += message_cost(*length);
    if (flow_.channel_is_missed(inbox_, channel_mtu_)) tell();  // whoever found it full waits for this
    return std::size_t{*length};
  }

  // Parcels. ---------------------------------------------------------------------------------------------------------

  Result<void, SendError> send_parcel(Parts parts) {
    if (const auto why = closed()) return Err{*why};
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (const auto part : parts) {
      if (part.size() > data_mtu_ - bytes) return Err{SendError::kTooBig};
      bytes += part.size();
      if (!part.empty() && ++count > ParcelChannelType::kMaxParts) return Err{SendError::kTooBig};
    }
    const std::uint32_t cost = ring_cost(static_cast<std::uint32_t>(bytes));
    if (gone_ || cost >= flow_.data.left()) return Err{SendError::kFull};  // Xen leaves the last slot free
    switch (outcome(calls_.sendv(data_.from, data_.to, parts, own_))) {
      case Sent::kDone:
        break;
      case Sent::kFault:
        return Err{SendError::kRefused};
      case Sent::kLost:
        gone_ = true;
        [[fallthrough]];
      case Sent::kNoRoom:
        return Err{SendError::kFull};
    }
    flow_.data.spend(cost);
    rang_ = true;
    return {};
  }

  Result<Parcel, ReceiveError> receive_parcel() {
    if (closed()) return Err{ReceiveError::kDown};
    if (rings_.data.quiet() && !first_parcel_) return no_parcel(RingError::kEmpty);
    return next_parcel();
  }

  [[gnu::noinline]] Result<Parcel, ReceiveError> next_parcel() {
    if (first_parcel_) [[unlikely]]
      return parcel_in(*std::exchange(first_parcel_, std::nullopt));
    const auto message = rings_.data.try_receive();
    return message.ok() ? parcel_in(*message) : no_parcel(message.error());
  }

  Result<Parcel, ReceiveError> parcel_in(const RingMessage& message) {
    if (message.domain != options_.peer) {
      peer_fault("another domain's parcel is in the ring that is the peer's alone");
    } else if (message.type != seen_) {
      peer_fault("a parcel of the peer names another epoch");
    } else if (message.size() > data_mtu_) {
      peer_fault("a parcel of the peer is longer than agreed");
    }
    if (fault_ != nullptr) return Err{ReceiveError::kDown};
    heard_ = true;
    return Parcel{.parts = message.parts, .number = message.number};
  }

  Result<Parcel, ReceiveError> no_parcel(RingError why) {
    if (why == RingError::kBroken) {
      peer_fault(rings_.data.broken_reason());
      return Err{ReceiveError::kDown};
    }
    if (why == RingError::kTooManyHeld) crowded_ = true;
    if (data_credit_is_missed()) tell();
    return Err{ReceiveError::kEmpty};
  }

  void release_parcel(std::uint32_t number) {
    if (state_ != LinkState::kUp || !rings_.data.release(number)) return;
    if (std::exchange(crowded_, false)) again_ = true;  // what lies behind has been rung for already
    // Not for every one: a peer that gets a parcel's room at a time is woken for every parcel.
    const bool worth_it =
        flow_.data_untold(rings_.data) >= rings_.data.length() / 4 || rings_.data.occupied() == 0;
    if (worth_it && data_credit_is_missed()) tell();
  }

  std::uint32_t data_freed() const { return state_ == LinkState::kUp ? flow_.data_freed(rings_.data) : 0; }
  /// While up.
  bool data_credit_is_missed() const { return flow_.data_is_missed(rings_.data); }

  P& port_;
  const LinkOptions options_;
  const char* const unfit_;  // why the options do not do, or nullptr
  const LinkMemory parts_;
  Calls<P> calls_;
  LinkCounters counters_;
  Inbox inbox_;
  OwnRings<P, kMaxHeld> rings_;
  const Route frames_;
  const Route data_;
  BellType bell_;
  ChannelType channel_;
  ParcelChannelType parcels_;

  LinkState state_ = LinkState::kDown;
  const char* fault_ = nullptr;
  BrokenBy fault_by_ = BrokenBy::kNothing;

  std::uint32_t own_ = 0;
  std::uint32_t seen_ = 0;
  std::optional<Hello> hello_;  // what ended the last session
  bool session_ = false;        // our rings are registered
  bool agreed_ = false;         // the peer knows our epoch
  bool greeted_ = false;        // and has been told so
  bool answering_ = false;      // the peer was there a moment ago
  bool present_ = false;        // the peer's ring exists
  bool gone_ = false;           // up, but the peer is not: poll() will say so
  Instant begin_at_;
  Instant hello_at_;
  Instant check_at_;

  std::uint32_t channel_mtu_ = kChannelMtu;
  std::uint32_t data_mtu_ = 0;
  Flow flow_;
  std::optional<RingMessage> first_parcel_;
  bool crowded_ = false;  // as many parcels are unreleased as may be

  bool heard_ = false;
  bool said_ = false;
  Instant heard_at_;
  Instant said_at_;
  Instant credit_at_;
  Marks marks_ = 0;
  Marks marks_owed_ = 0;
  bool ring_owed_ = false;
  bool credit_owed_ = false;
  bool rang_ = false;   // something was sent since the last ring()
  bool again_ = false;  // the next wait() must not sleep
};

}  // namespace hawser::argo
