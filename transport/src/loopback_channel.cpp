// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Messages, in slots that the receiver may find overwritten at any time: every count and length is read once,
// checked, and used from the copy.
#include "loopback_carrier.hpp"

#include <cstring>

namespace hawser::loopback {

namespace {

std::uint32_t after(std::uint32_t slot, std::uint32_t depth) {
  return slot + 1 == depth ? 0 : slot + 1;
}

void poison(std::span<std::byte> bytes) {
  if (!bytes.empty()) std::memset(bytes.data(), static_cast<int>(kPoison), bytes.size());
}

}  // namespace

std::size_t Channel::mtu() const {
  return link_.pair_.shape_.mtu;
}

Result<void, SendError> Channel::try_send(std::span<const std::span<const std::byte>> parts) {
  Link& l = link_;
  if (!l.alive()) return Err{SendError::kDown};
  if (l.state_ == LinkState::kBroken) return Err{SendError::kRefused};
  if (l.state_ != LinkState::kUp) {
    l.violation(Violation::kSentWhileDown);
    return Err{SendError::kDown};
  }

  const Shape shape = l.pair_.shape_;
  std::size_t length = 0;
  for (const auto part : parts) {
    if (part.size() > shape.mtu - length) return Err{SendError::kTooBig};
    length += part.size();
  }
  if (l.send_random_.chance(l.faults_.refuse)) return Err{SendError::kRefused};
  if (l.send_random_.chance(l.faults_.full)) {
    // The promise that goes with kFull: the bell rings once there is room, and that is now.
    l.ring_self();
    return Err{SendError::kFull};
  }

  std::uint32_t waiting = l.sent_ - l.theirs_.observe<std::uint32_t>(kTakenAt);
  if (waiting == shape.depth) {
    full_fence_before_recheck();  // partner: the one in try_receive, before it looks whether we found it full
    waiting = l.sent_ - l.theirs_.observe<std::uint32_t>(kTakenAt);
  }
  if (waiting > shape.depth) {
    if (l.peer_moved_on()) return Err{SendError::kDown};
    l.breaks("the peer says that it took messages that were never sent");
    return Err{SendError::kRefused};
  }
  if (waiting == shape.depth) return Err{SendError::kFull};

  const RegionMemory::Area slot = l.pair_.slot(l.which_, l.send_slot_);
  std::size_t at = kPayloadAt;
  std::uint64_t sum = kDigestStart;
  for (const auto part : parts) {
    if (part.empty()) continue;
    slot.write(at, part);
    at += part.size();
    if (l.trace_ != nullptr) sum = digest(part, sum);
  }
  const bool padded = l.pair_.options_.fixed_slots;
  if (padded) std::memset(slot.bytes().data() + at, 0, shape.mtu - length);
  slot.store(kLengthAt, padded ? shape.mtu : static_cast<std::uint32_t>(length));
  l.send_slot_ = after(l.send_slot_, shape.depth);
  l.mine_.publish(kSentAt, ++l.sent_);  // partner: the observe in try_receive
  ++l.counters_.messages_sent;
  l.trace(TraceKind::kSent, static_cast<std::uint32_t>(length), sum);
  return {};
}

Result<std::size_t, ReceiveError> Channel::try_receive(std::span<std::byte> to) {
  Link& l = link_;
  if (!l.alive() || l.state_ != LinkState::kUp) return Err{ReceiveError::kDown};
  l.looked_ = true;

  const Shape shape = l.pair_.shape_;
  const std::uint32_t waiting = l.theirs_.observe<std::uint32_t>(kSentAt) - l.taken_;
  if (waiting == 0) return Err{ReceiveError::kEmpty};
  const RegionMemory::Area slot = l.pair_.slot(other(l.which_), l.take_slot_);
  const auto length = slot.load<std::uint32_t>(kLengthAt);
  if (waiting > shape.depth || length > shape.mtu) {
    if (!l.peer_moved_on()) {
      l.breaks(waiting > shape.depth ? "the peer says that it sent more messages than the channel holds"
                                     : "a message claims to be longer than the mtu");
    }
    return Err{ReceiveError::kDown};
  }
  if (length > to.size()) {
    poison(to);
    return Err{ReceiveError::kTooSmall};
  }

  if (length != 0) slot.read(kPayloadAt, to.first(length));
  poison(to.subspan(length));
  poison(slot.bytes());
  l.take_slot_ = after(l.take_slot_, shape.depth);
  const std::uint32_t before = l.taken_++;
  l.mine_.publish(kTakenAt, l.taken_);  // partner: the observe in try_send
  ++l.counters_.messages_received;
  l.trace(TraceKind::kReceived, length, l.trace_ == nullptr ? 0 : digest(to.first(length)));

  // If the peer found the channel full it now waits for a ring.
  full_fence_before_recheck();  // partner: the one in try_send, between finding it full and looking again
  if (l.theirs_.load<std::uint32_t>(kSentAt) - before >= shape.depth) l.ring_peer(0, l.link_random_);
  return length;
}

}  // namespace hawser::loopback
