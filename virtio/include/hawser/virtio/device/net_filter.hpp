// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Which frames a driver wants to see (VIRTIO 1.3 §5.1.6.5.1, §5.1.6.5.2).
#pragma once

#include <hawser/virtio/net_spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::device {

/// Lets everything through until the driver has asked for less.
class MacFilter {
 public:
  /// Addresses of each kind that are remembered. A longer table lets all of its kind through (§5.1.6.5.2 permits it).
  static constexpr std::size_t kEntries = 32;

  void reset(const Mac& own);
  void set_own(const Mac& own) { own_ = own; }
  const Mac& own() const { return own_; }
  void set_promiscuous(bool on) { promiscuous_ = on; }
  void set_all_multicast(bool on) { all_multicast_ = on; }

  /// An address table: begin, add each address, done.
  void clear_table();
  void add(const Mac& address);

  /// `frame` starts with the destination address.
  bool wants(std::span<const std::byte> frame) const;

 private:
  struct Table {
    std::array<Mac, kEntries> entries{};
    std::size_t count = 0;
    bool overflowed = false;

    void add(const Mac& address);
    bool has(const Mac& address) const;
  };
  static bool multicast(const Mac& address) { return (address[0] & 1) != 0; }

  Mac own_{};
  Table unicast_;
  Table multicast_;
  bool promiscuous_ = true;
  bool all_multicast_ = false;
};

}  // namespace hawser::virtio::device
