// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// See inbox.hpp. A message takes message_cost(): its length in the first 16 bytes, then its bytes, which may wrap.
#include <hawser/argo/inbox.hpp>

#include <algorithm>
#include <cstring>

namespace hawser::argo {

namespace {

constexpr std::uint32_t kPrefix = XEN_ARGO_MSG_SLOT_SIZE;

void put(std::byte* to, const std::byte* from, std::size_t bytes) {
  if (bytes != 0) std::memcpy(to, from, bytes);  // an empty span may be null
}

}  // namespace

bool Inbox::push(const std::array<std::span<const std::byte>, 2>& parts) {
  const auto length = static_cast<std::uint32_t>(parts[0].size() + parts[1].size());
  const std::uint32_t cost = message_cost(length);
  if (cost > capacity() - used_) return false;
  const std::uint32_t tail = (head_ + used_) % capacity();
  std::memcpy(memory_.data() + tail, &length, sizeof length);
  put_in(tail + kPrefix, parts[0]);
  put_in(tail + kPrefix + static_cast<std::uint32_t>(parts[0].size()), parts[1]);
  used_ += cost;
  return true;
}

void Inbox::put_in(std::uint32_t at, std::span<const std::byte> from) {
  at %= capacity();
  const std::size_t first = std::min<std::size_t>(from.size(), capacity() - at);
  put(memory_.data() + at, from.data(), first);
  put(memory_.data(), from.data() + first, from.size() - first);
}

Result<std::uint32_t, ReceiveError> Inbox::pop(std::span<std::byte> to) {
  if (used_ == 0) return Err{ReceiveError::kEmpty};
  std::uint32_t length = 0;
  std::memcpy(&length, memory_.data() + head_, sizeof length);
  if (to.size() < length) return Err{ReceiveError::kTooSmall};
  const std::uint32_t at = (head_ + kPrefix) % capacity();
  const std::uint32_t first = std::min(length, capacity() - at);
  put(to.data(), memory_.data() + at, first);
  put(to.data() + first, memory_.data(), length - first);
  head_ = (head_ + message_cost(length)) % capacity();
  used_ -= message_cost(length);
  return length;
}

}  // namespace hawser::argo
