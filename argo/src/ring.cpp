// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// See ring.hpp.
#include <hawser/argo/ring.hpp>

namespace hawser::argo {

ReceiveRing::ReceiveRing(std::span<std::byte> memory, std::span<Held> held) : memory_(memory), held_(held) {
  const RegionMemory door(memory);
  words_ = *door.area(Offset(0), kRingHeaderBytes, alignof(le32));
  length_ = static_cast<std::uint32_t>(memory.size() - kRingHeaderBytes);
  bytes_ = *door.area(Offset(kRingHeaderBytes), length_, XEN_ARGO_MSG_SLOT_SIZE);
}

void ReceiveRing::clear() {
  words_.store<std::uint32_t>(kRxPtr, 0);
  words_.store<std::uint32_t>(kTxPtr, 0);
  first_ = next_ = held_bytes_ = released_ = 0;
  first_number_ = next_number_;  // numbers from before are not held any more
  broken_reason_ = "";
}

Err<RingError> ReceiveRing::broke(const char* reason) {
  broken_reason_ = reason;
  return Err{RingError::kBroken};
}

Result<RingMessage, RingError> ReceiveRing::try_receive() {
  if (*broken_reason_ != '\0') return Err{RingError::kBroken};
  // Partner: Xen's store of tx_ptr, after the message (argo.c, ringbuf_insert).
  const std::uint32_t tx = words_.observe<std::uint32_t>(kTxPtr);
  if (tx >= length_ || tx % XEN_ARGO_MSG_SLOT_SIZE != 0)
    return broke("the ring's tx_ptr points outside of the ring");
  if (tx == next_) return Err{RingError::kEmpty};
  const std::uint32_t waiting = tx > next_ ? tx - next_ : tx + length_ - next_;
  // Xen never fills the last slot, so this much can not be there: tx_ptr went back.
  if (waiting >= length_ - held_bytes_) return broke("the ring's tx_ptr went back");
  if (next_number_ - first_number_ == held_.size()) return Err{RingError::kTooManyHeld};

  // Positions and sizes are whole slots, as the header is, so it does not wrap.
  constexpr std::uint32_t kHeader = sizeof(wire::MessageHeader);
  const auto length = bytes_.load<std::uint32_t>(next_ + offsetof(wire::MessageHeader, len));
  if (length < kHeader) return broke("a message in the ring is shorter than its header");
  if (length > waiting) return broke("a message in the ring is longer than what arrived");

  const std::uint32_t bytes = round_to_slot(length);
  const std::uint32_t payload = length - kHeader;
  const std::uint32_t at = after(next_, kHeader);
  const std::uint32_t before_end = length_ - at < payload ? length_ - at : payload;
  const std::span<const std::byte> all = bytes_.bytes();
  const RingMessage message{
      .domain = bytes_.load<std::uint16_t>(next_ + offsetof(wire::MessageHeader, source) +
                                           offsetof(wire::Address, domain_id)),
      .type = bytes_.load<std::uint32_t>(next_ + offsetof(wire::MessageHeader, message_type)),
      .parts = {all.subspan(at, before_end), all.first(payload - before_end)},
      .number = next_number_};
  held(next_number_) = {bytes, false};
  ++next_number_;
  next_ = after(next_, bytes);
  held_bytes_ += bytes;
  return message;
}

bool ReceiveRing::release(std::uint32_t number) {
  if (number - first_number_ >= next_number_ - first_number_) return false;
  Held& given = held(number);
  if (given.released) return false;
  given.released = true;
  const std::uint32_t before = released_;
  while (first_number_ != next_number_ && held(first_number_).released) {
    const std::uint32_t bytes = held(first_number_).bytes;
    first_ = after(first_, bytes);
    held_bytes_ -= bytes;
    released_ += bytes;
    ++first_number_;
  }
  // Partner: Xen's read of rx_ptr before it writes into the room (argo.c, get_rx_ptr). All our reads of it are done.
  if (released_ != before) words_.publish<std::uint32_t>(kRxPtr, first_);
  return true;
}

}  // namespace hawser::argo
