// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Gathers entries and the bytes they carry into one parcel. Large pieces are sent from where they lie; small ones are
// copied together, since the carrier takes few parts (placement.hpp).
#pragma once

#include <hawser/virtio/courier/wire.hpp>
#include <hawser/virtio/placement.hpp>

#include <hawser/transport/endian.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace hawser::virtio::courier {

/// `kParts`: parts of a parcel, the first of which is the builder's own.
template <std::size_t kParts>
class ParcelBuilder {
 public:
  static constexpr std::size_t kHead = sizeof(wire::ParcelHeader) + kMaxEntries * sizeof(wire::Entry);
  static constexpr std::size_t kStaging = 16u << 10;
  /// Bytes of memory that a builder works in, 8-byte aligned. What is sent lies there, so it must be memory that the carrier
  /// can read.
  static constexpr std::size_t kMemory = (kHead + kStaging + 63) / 64 * 64;

  ParcelBuilder() = default;
  explicit ParcelBuilder(std::span<std::byte> memory) : memory_(memory.first(kMemory)) {}

  /// A new parcel. What it says holds as of `control` messages, however long it waits for room.
  void begin(Kind kind, std::size_t mtu, std::uint32_t control) {
    kind_ = kind;
    mtu_ = mtu;
    control_ = control;
    clear();
  }
  void clear() {
    count_ = 0;
    head_ = sizeof(wire::ParcelHeader);
    parts_used_ = 0;
    staged_ = 0;
    payload_ = 0;
  }

  /// Overrules the rule, or (nothing) no longer does. What does not fit inline goes copied all the same.
  void prefer(std::optional<Placement> placement) { wanted_ = placement; }

  bool empty() const { return count_ == 0; }
  std::size_t count() const { return count_; }

  /// Payload bytes that one more entry may carry.
  std::size_t room() const {
    if (count_ == kMaxEntries) return 0;
    const std::size_t taken = head_ + sizeof(wire::Entry) + payload_;
    return taken < mtu_ ? mtu_ - taken : 0;
  }
  bool takes_entry() const { return count_ < kMaxEntries && head_ + sizeof(wire::Entry) + payload_ <= mtu_; }

  /// Whether these pieces, one entry's, can all be added now.
  bool takes(std::span<const std::span<const std::byte>> pieces) const {
    std::size_t bytes = 0;
    std::size_t left = parts_left();
    std::size_t staged = staged_;
    bool joins = staged_last();
    for (const auto& piece : pieces) {
      if (piece.empty()) continue;
      bytes += piece.size();
      const bool inside = goes_inline(piece.size(), pieces.size(), left) && piece.size() <= kStaging - staged;
      if (inside) staged += piece.size();
      if (inside && joins) continue;
      if (left-- == 0) return false;
      joins = inside;
    }
    return takes_entry() && bytes <= room();
  }

  /// Adds bytes of the entry that is being written, which has so many pieces, at most room(); how many were taken.
  /// Fewer than asked, maybe none: no part is left.
  std::size_t add(std::span<const std::byte> bytes, std::size_t pieces) {
    if (bytes.empty()) return 0;
    const std::size_t left = parts_left();
    const bool inside =
        goes_inline(bytes.size(), pieces, left) && (left == 0 || bytes.size() <= kStaging - staged_);
    if (!inside || (left == 0 && !staged_last())) {
      if (left == 0) return 0;
      entry_of_[parts_used_] = static_cast<std::uint16_t>(count_);
      parts_[parts_used_++] = bytes;
      payload_ += bytes.size();
      return bytes.size();
    }
    const std::size_t fits = std::min(bytes.size(), kStaging - staged_);
    if (fits == 0) return 0;
    std::byte* const to = memory_.data() + kHead + staged_;
    std::memcpy(to, bytes.data(), fits);
    if (staged_last()) {
      auto& last = parts_[parts_used_ - 1];
      last = std::span<const std::byte>(last.data(), last.size() + fits);
    } else {
      entry_of_[parts_used_] = kStaged;
      parts_[parts_used_++] = std::span<const std::byte>(to, fits);
    }
    staged_ += fits;
    payload_ += fits;
    copied_ += fits;
    return fits;
  }

  /// Ends the entry whose bytes were added.
  void finish(const wire::Entry& entry) {
    std::memcpy(words() + head_, &entry, sizeof entry);
    head_ += sizeof entry;
    ++count_;
  }

  /// An entry of this chain has not been sent.
  bool names(std::uint16_t device, std::uint16_t queue, std::uint16_t chain) const {
    for (std::size_t n = 0; n < count_; ++n) {
      const wire::Entry said = entry(n);
      if (said.device == device && said.queue == queue && said.chain == chain) return true;
    }
    return false;
  }

  /// Forgets where bytes of a queue's entries lie: they are no longer ours to read. The entries stay, with as many bytes less.
  void drop_bytes(std::uint16_t device, std::uint16_t queue) {
    std::size_t kept = 0;
    for (std::size_t n = 0; n < parts_used_; ++n) {
      if (entry_of_[n] != kStaged) {
        wire::Entry said = entry(entry_of_[n]);
        if (said.device == device && said.queue == queue) {
          said.bytes = static_cast<std::uint32_t>(said.bytes - parts_[n].size());
          payload_ -= parts_[n].size();
          std::memcpy(entry_at(entry_of_[n]), &said, sizeof said);
          continue;
        }
      }
      entry_of_[kept] = entry_of_[n];
      parts_[kept++] = parts_[n];
    }
    parts_used_ = kept;
  }

  /// The parcel's parts; they live until the builder is used again.
  std::span<const std::span<const std::byte>> seal() {
    const wire::ParcelHeader header{static_cast<std::uint8_t>(kind_), kVersion,
                                    static_cast<std::uint16_t>(count_), control_};
    std::memcpy(words(), &header, sizeof header);
    sealed_[0] = memory_.first(head_);
    std::size_t joined = 0;
    if (parts_used_ != 0 && parts_[0].data() == memory_.data() + kHead && head_ <= kHead / 2) {
      // One part less for the carrier: a copy of the head stands where the bytes begin. The head itself stays, for a
      // parcel that is sealed again because there was no room.
      std::byte* const to = memory_.data() + kHead - head_;
      std::memcpy(to, words(), head_);
      sealed_[0] = std::span<const std::byte>(to, head_ + parts_[0].size());
      joined = 1;
    }
    std::size_t sealed = 1;
    for (const auto& part : std::span(parts_).first(parts_used_).subspan(joined)) sealed_[sealed++] = part;
    return std::span(sealed_).first(sealed);
  }

  /// Bytes that were copied together since the start.
  std::uint64_t copied() const { return copied_; }

 private:
  static constexpr std::uint16_t kStaged = 0xffff;
  static_assert(kMaxEntries < kStaged);

  std::byte* entry_at(std::size_t n) const {
    return words() + sizeof(wire::ParcelHeader) + n * sizeof(wire::Entry);
  }
  wire::Entry entry(std::size_t n) const {
    wire::Entry said;
    std::memcpy(&said, entry_at(n), sizeof said);
    return said;
  }

  /// The memory, for a compiler that copies a few words itself only if it knows how they are aligned.
  std::byte* words() const {
    return static_cast<std::byte*>(__builtin_assume_aligned(memory_.data(), alignof(std::uint64_t)));
  }
  std::size_t parts_left() const { return kParts - 1 - parts_used_; }
  /// The last part is for all that comes.
  bool goes_inline(std::size_t bytes, std::size_t pieces, std::size_t left) const {
    const std::size_t together = left <= 1 ? kMaxEntries : count_ + 1;
    return choose(wanted_, bytes, pieces, together, Visibility::kCopied) == Placement::kInline;
  }
  bool staged_last() const {
    if (parts_used_ == 0 || staged_ == 0) return false;
    const auto& last = parts_[parts_used_ - 1];
    return last.data() + last.size() == memory_.data() + kHead + staged_;
  }

  std::span<std::byte> memory_;
  std::optional<Placement> wanted_;
  Kind kind_ = Kind::kRequests;
  std::size_t mtu_ = 0;
  std::uint32_t control_ = 0;
  std::size_t count_ = 0;
  std::size_t head_ = sizeof(wire::ParcelHeader);  ///< Bytes of the header and the entries.
  std::size_t parts_used_ = 0;
  std::size_t staged_ = 0;
  std::size_t payload_ = 0;
  std::uint64_t copied_ = 0;
  std::array<std::span<const std::byte>, kParts - 1> parts_{};
  std::array<std::uint16_t, kParts - 1> entry_of_{};  ///< Whose bytes a part is, or kStaged: a copy of ours.
  std::array<std::span<const std::byte>, kParts> sealed_{};
};

}  // namespace hawser::virtio::courier
