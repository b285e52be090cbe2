// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One end's block in a section: who is here, since which epoch, still alive, and which epoch of the other end it has
// made room for. Written by its owner alone.
#pragma once

#include <hawser/ivshmem/layout.hpp>

#include <hawser/transport/memory.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hawser::ivshmem {

/// Both epochs in one word, so that they are always seen together.
struct Agreement {
  std::uint32_t epoch = 0;  ///< The owner's. 0: not here.
  std::uint32_t seen = 0;   ///< The other end's epoch that the owner has reset its structures for.
  constexpr bool operator==(const Agreement&) const = default;
};

class EndBlockView {
 public:
  EndBlockView() = default;
  explicit EndBlockView(RegionMemory::Area area) : area_(area) {}

  /// True if somebody of that role and a known version wrote the block.
  bool claimed_by(Role role) const {
    return area_.observe<std::uint32_t>(offsetof(EndBlock, magic)) == kEndMagic &&
           area_.load<std::uint16_t>(offsetof(EndBlock, version)) == kEndVersion &&
           area_.load<std::uint16_t>(offsetof(EndBlock, role)) == static_cast<std::uint16_t>(role);
  }

  /// Partner: publish_agreement() by the owner.
  Agreement agreement() const {
    const std::uint64_t word = area_.observe<std::uint64_t>(offsetof(EndBlock, agreement));
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
  }
  std::uint32_t heartbeat() const { return area_.load<std::uint32_t>(offsetof(EndBlock, heartbeat)); }
  std::uint32_t peer_id() const { return area_.load<std::uint32_t>(offsetof(EndBlock, peer_id)); }
  std::uint16_t vectors() const { return area_.load<std::uint16_t>(offsetof(EndBlock, vectors)); }
  QueueKind queue_kind() const {
    return QueueKind{area_.load<std::uint16_t>(offsetof(EndBlock, queue_kind))};
  }

  /// Owner: says who is here. The agreement, published later, makes it valid.
  void claim(Role role, std::uint32_t peer_id, std::uint16_t vectors, QueueKind kind,
             std::string_view name) const {
    area_.store<std::uint16_t>(offsetof(EndBlock, version), kEndVersion);
    area_.store<std::uint16_t>(offsetof(EndBlock, role), static_cast<std::uint16_t>(role));
    area_.store<std::uint32_t>(offsetof(EndBlock, peer_id), peer_id);
    area_.store<std::uint16_t>(offsetof(EndBlock, vectors), vectors);
    area_.store<std::uint16_t>(offsetof(EndBlock, queue_kind), static_cast<std::uint16_t>(kind));
    std::array<char, sizeof(EndBlock::name)> padded{};
    for (std::size_t n = 0; n < name.size() && n < padded.size(); ++n) padded[n] = name[n];
    area_.write(offsetof(EndBlock, name), std::as_bytes(std::span(padded)));
    area_.publish<std::uint32_t>(offsetof(EndBlock, magic), kEndMagic);
  }
  void publish_agreement(Agreement value) const {
    area_.publish<std::uint64_t>(offsetof(EndBlock, agreement),
                                 std::uint64_t{value.epoch} << 32 | value.seen);
  }
  void beat(std::uint32_t value) const { area_.store<std::uint32_t>(offsetof(EndBlock, heartbeat), value); }

 private:
  RegionMemory::Area area_;
};

}  // namespace hawser::ivshmem
