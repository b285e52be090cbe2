// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Memory for a driver's indirect descriptor tables (VIRTIO 1.3 §2.7.5.3, §2.8.7): one table for every
// descriptor of the queue, so a request with several segments takes one ring slot and no table is ever
// searched for.
#pragma once

#include <hawser/transport/memory.hpp>

#include <cstdint>

namespace hawser::virtio {

/// `entries` 0: no tables; requests with several segments are chained in the ring instead.
struct IndirectTables {
  Offset at;                  ///< A multiple of 16.
  std::uint16_t entries = 0;  ///< Of each table: the most segments of one request.

  static constexpr std::uint64_t bytes(std::uint16_t queue_size, std::uint16_t entries) {
    return std::uint64_t{queue_size} * entries * 16;
  }
};

}  // namespace hawser::virtio
