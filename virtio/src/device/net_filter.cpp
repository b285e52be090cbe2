// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/device/net_filter.hpp>

#include <algorithm>
#include <cstring>

namespace hawser::virtio::device {

namespace {
constexpr Mac kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
}

void MacFilter::reset(const Mac& own) {
  *this = MacFilter{};
  own_ = own;
}

void MacFilter::clear_table() {
  unicast_ = {};
  multicast_ = {};
}

void MacFilter::add(const Mac& address) {
  (multicast(address) ? multicast_ : unicast_).add(address);
}

void MacFilter::Table::add(const Mac& address) {
  if (count == entries.size()) {
    overflowed = true;
  } else {
    entries[count++] = address;
  }
}

bool MacFilter::Table::has(const Mac& address) const {
  const auto used = std::span(entries).first(count);
  return overflowed || std::find(used.begin(), used.end(), address) != used.end();
}

bool MacFilter::wants(std::span<const std::byte> frame) const {
  Mac to;
  if (promiscuous_) return true;
  if (frame.size() < to.size()) return false;
  std::memcpy(to.data(), frame.data(), to.size());
  if (to == own_ || to == kBroadcast) return true;
  return multicast(to) ? all_multicast_ || multicast_.has(to) : unicast_.has(to);
}

}  // namespace hawser::virtio::device
