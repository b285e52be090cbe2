// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Frames of any length waiting in line in a fixed piece of private memory, each in one piece.
#pragma once

#include <hawser/virtio/net_offload.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser::virtio::device {

/// First in, first out. Full when the next frame has no contiguous room; an empty one takes every frame of at most
/// kMaxFrame bytes if its storage has kSmallest.
class FrameFifo {
  struct Entry {
    NetHeader header;
    std::uint32_t bytes;  ///< kWrap: the next entry is at the start.
  };
  static constexpr std::uint32_t kWrap = UINT32_MAX;
  static constexpr std::size_t kAlign = 16;
  static_assert(sizeof(Entry) <= kAlign);

 public:
  static constexpr std::size_t kSmallest = kMaxFrame + 2 * kAlign;

  FrameFifo() = default;
  explicit FrameFifo(std::span<std::byte> storage) : storage_(storage) {}

  bool empty() const { return count_ == 0; }
  void clear() { head_ = tail_ = count_ = 0; }

  bool fits(std::size_t bytes) const { return place(bytes) != kNowhere; }

  /// Room for a frame at the end of the line, or nothing. Only push() makes it part of the line.
  std::span<std::byte> room(std::size_t bytes) {
    const std::size_t at = place(bytes);
    if (at == kNowhere) return {};
    return storage_.subspan(at + kAlign, bytes);
  }

  /// Puts what was written to room(bytes) in line.
  void push(const NetHeader& header, std::size_t bytes) {
    const std::size_t at = place(bytes);
    if (at == kNowhere) return;
    if (at != tail_ && count_ != 0 && storage_.size() - tail_ >= kAlign) write(tail_, Entry{{}, kWrap});
    if (count_ == 0) head_ = at;
    write(at, Entry{header, static_cast<std::uint32_t>(bytes)});
    tail_ = at + stride(bytes);
    ++count_;
  }

  NetHeader header() const { return read(head_).header; }
  void set_header(const NetHeader& header) { write(head_, Entry{header, read(head_).bytes}); }
  std::span<std::byte> bytes() { return storage_.subspan(head_ + kAlign, read(head_).bytes); }

  void pop() {
    if (count_ == 0) return;
    head_ += stride(read(head_).bytes);
    if (--count_ == 0) {
      clear();
    } else if (storage_.size() - head_ < kAlign || read(head_).bytes == kWrap) {
      head_ = 0;
    }
  }

 private:
  static constexpr std::size_t kNowhere = SIZE_MAX;

  static constexpr std::size_t stride(std::size_t bytes) {
    return kAlign + (bytes + kAlign - 1) / kAlign * kAlign;
  }

  /// Where an entry would go. The line is [head, tail), or [head, end) and [0, tail) when it has wrapped.
  std::size_t place(std::size_t bytes) const {
    const std::size_t need = stride(bytes);
    if (count_ == 0) return need <= storage_.size() ? 0 : kNowhere;
    if (tail_ > head_) {
      if (storage_.size() - tail_ >= need) return tail_;
      return need <= head_ ? 0 : kNowhere;
    }
    return head_ - tail_ >= need ? tail_ : kNowhere;
  }

  Entry read(std::size_t at) const {
    Entry entry;
    std::memcpy(&entry, storage_.data() + at, sizeof(entry));
    return entry;
  }
  void write(std::size_t at, const Entry& entry) { std::memcpy(storage_.data() + at, &entry, sizeof(entry)); }

  std::span<std::byte> storage_;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t count_ = 0;
};

}  // namespace hawser::virtio::device
