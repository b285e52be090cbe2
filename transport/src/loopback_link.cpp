// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Life and death of one end.
//
// Each end publishes an agreement (epoch, seen): its own number, and the peer's number that it has prepared for,
// both in one word. An end is up when the peer's `seen` is its own epoch and the peer's epoch is the one that it has itself published as
// seen. Whoever leaves that state takes a new epoch of its own first, so no pair of epochs is ever agreed on
// twice, and a peer that was only slow finds out that it was given up.
#include "loopback_carrier.hpp"

namespace hawser::loopback {

namespace {

std::uint64_t salted(std::uint64_t seed, Which which, std::uint64_t salt) {
  return Random(seed * 8 + static_cast<std::uint64_t>(which) * 4 + salt).next();
}

constexpr const char* kSentTooMuch = "the peer says that it sent more messages than the channel holds";
constexpr const char* kTookTooMuch = "the peer says that it took messages that were never sent";

}  // namespace

const char* describe(Violation violation) {
  switch (violation) {
    case Violation::kSentWhileDown:
      return "a message was sent while the link was not up";
    case Violation::kWaitedUnarmed:
      return "wait() was called without arm(): a ring will not end it";
    case Violation::kWaitedWithoutRecheck:
      return "wait() was called without looking once more after arm(), and a message was waiting";
    case Violation::kWaitedWithoutPoll:
      return "wait() was called twice without a poll() between";
    case Violation::kPolledTooRarely:
      return "poll() was not called for more than twice kPollInterval";
    case Violation::kWaitedForever:
      return "wait() was called without a deadline, and nobody will ever ring";
    case Violation::kUsedWhileDead:
      return "an end was used after it was killed";
  }
  return "an unknown violation";
}

Link::Link(Pair& pair, Which which, std::uint32_t last_epoch)
    : pair_(pair),
      which_(which),
      mine_(pair.words(which)),
      theirs_(pair.words(other(which))),
      channel_(*this),
      bell_(*this),
      own_epoch_(0),
      last_epoch_(last_epoch),
      bell_random_(salted(pair.options_.seed, which, 0)),
      link_random_(salted(pair.options_.seed, which, 1)),
      send_random_(salted(pair.options_.seed, which, 2)),
      sleep_random_(salted(pair.options_.seed, which, 3)) {}

bool Link::alive() const {
  if (load_once(&dead_) == 0) return true;
  violation(Violation::kUsedWhileDead);
  return false;
}

void Link::violation(Violation what) const {
  store_once(&violations_, violations_ + 1);
  if (pair_.options_.violation != nullptr) {
    pair_.options_.violation(pair_.options_.violation_context, which_, what);
  }
}

void Link::trace(TraceKind kind, std::uint32_t length, std::uint64_t sum) {
  if (trace_ != nullptr) trace_->record({kind, epoch_, length, sum});
}

Instant Link::now() const {
  return Carrier::now(pair_) + Duration{pair_.clock_starts_[static_cast<unsigned>(which_)]};
}

Visibility Link::visibility() const {
  return pair_.options_.visibility;
}

RegionMemory Link::region() const {
  if (visibility() != Visibility::kShared) return RegionMemory();
  return RegionMemory(pair_.regions_[static_cast<unsigned>(which_)]);
}

/// Stored from private copies at each poll: whatever was scribbled over them does not last.
void Link::publish_words() {
  mine_.publish(kSentAt, sent_);
  mine_.publish(kTakenAt, taken_);
  // After the counts, which adopt() has reset. Partner: the observe of the agreement in poll().
  mine_.publish(kAgreementAt, agreement(own_epoch_, adopted_));
  mine_.publish(kBeatAt, beat_);
}

void Link::begin_epoch() {
  if (++last_epoch_ == 0) last_epoch_ = 1;
  own_epoch_ = last_epoch_;
  adopted_ = 0;
  started_ = true;
  mine_.publish(kAgreementAt, agreement(own_epoch_, 0));  // before any count changes: see peer_moved_on()
  publish_words();
}

/// Prepares for messages from `peer_epoch`, then says so.
void Link::adopt(std::uint32_t peer_epoch) {
  adopted_ = peer_epoch;
  sent_ = taken_ = kFirstCount;
  send_slot_ = take_slot_ = 0;
  heard_ = now();
  publish_words();
  ring_peer(0, link_random_);
}

LinkEvent Link::leave_up() {
  trace(TraceKind::kWentDown);
  state_ = LinkState::kDown;
  begin_epoch();
  ring_peer(0, link_random_);
  return LinkEvent::kWentDown;
}

void Link::breaks(const char* reason) {
  reason_ = reason;
  state_ = LinkState::kBroken;
  owed_ = LinkEvent::kBroke;
  own_epoch_ = 0;  // the peer sees us gone until reset()
  adopted_ = 0;
  publish_words();
  ring_peer(0, link_random_);
  trace(TraceKind::kBroke);
}

/// Tells nonsense from a peer that began anew: that one resets its counts too, but only after it has published its
/// new epoch, so whoever saw such counts sees the epoch here.
bool Link::peer_moved_on() const {
  return theirs_.observe<std::uint64_t>(kAgreementAt) != agreement(epoch_.peer, epoch_.own);
}

bool Link::unread() const {
  return state_ == LinkState::kUp && theirs_.observe<std::uint32_t>(kSentAt) != taken_;
}

LinkEvent Link::poll() {
  if (!alive()) return LinkEvent::kNothing;
  const Instant moment = now();
  if (Carrier::virtual_time() && started_ && elapsed(polled_, moment).ns > 2 * kPollInterval.ns) {
    violation(Violation::kPolledTooRarely);
  }
  polled_ = moment;
  waited_ = false;
  if (!started_) begin_epoch();
  ++beat_;
  publish_words();
  if (state_ == LinkState::kBroken) {
    const LinkEvent event = owed_;
    owed_ = LinkEvent::kNothing;
    return event;
  }

  const auto beat = theirs_.load<std::uint32_t>(kBeatAt);
  if (beat != peer_beat_) {
    peer_beat_ = beat;
    heard_ = moment;
  }

  if (state_ == LinkState::kUp) {
    const auto sent = theirs_.observe<std::uint32_t>(kSentAt);
    const auto taken = theirs_.observe<std::uint32_t>(kTakenAt);
    if (peer_moved_on() || elapsed(heard_, moment) > pair_.options_.silence) return leave_up();
    const char* wrong = nullptr;
    if (sent - taken_ > pair_.shape_.depth) wrong = kSentTooMuch;
    if (sent_ - taken > pair_.shape_.depth) wrong = kTookTooMuch;
    if (wrong == nullptr) return LinkEvent::kNothing;
    breaks(wrong);
    owed_ = LinkEvent::kNothing;  // reported here
    return LinkEvent::kBroke;
  }

  const auto agreed = theirs_.observe<std::uint64_t>(kAgreementAt);
  const auto epoch = static_cast<std::uint32_t>(agreed);
  if (epoch == 0) return LinkEvent::kNothing;
  if (epoch != adopted_) adopt(epoch);
  if (agreed != agreement(epoch, own_epoch_)) return LinkEvent::kNothing;
  epoch_ = {own_epoch_, epoch};
  state_ = LinkState::kUp;
  heard_ = moment;
  trace(TraceKind::kWentUp);
  ring_peer(0, link_random_);
  return LinkEvent::kWentUp;
}

void Link::reset() {
  if (!alive()) return;
  owed_ = LinkEvent::kNothing;
  reason_ = "";
  state_ = LinkState::kDown;
  begin_epoch();
  ring_peer(0, link_random_);
}

}  // namespace hawser::loopback
