// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A block backend that finishes when the test says so, in the order that the test says, takes only so much at a
// time, and can fail. It moves bytes at the moment of finishing, and checks the promises made to a backend.
#pragma once

#include <hawser/virtio/device/blk_backend.hpp>
#include <hawser/virtio/device/memory_disk.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

namespace hawser::test {

class SlowDisk {
 public:
  using Operation = virtio::device::BlkOperation<RegionMemory>;

  explicit SlowDisk(std::span<std::byte> bytes, std::size_t most = SIZE_MAX) : disk_(bytes), most_(most) {}

  std::uint64_t capacity() const { return disk_.capacity(); }
  bool read_only() const { return false; }
  bool can_unmap() const { return true; }

  virtio::device::BlkProgress submit(const Operation& operation) {
    if (operation.sector + operation.bytes / 512 > capacity() || operation.bytes % 512 != 0) {
      throw std::logic_error("an operation outside the disk reached the backend");
    }
    for (const Operation& other : pending) {
      if (other.tag == operation.tag) throw std::logic_error("two pending operations share a tag");
    }
    if (pending.size() >= most_) return virtio::device::BlkProgress::kBusy;
    held_back_ = true;
    pending.push_back(operation);
    seen.push_back(operation);
    return virtio::device::BlkProgress::kPending;
  }

  void go() { held_back_ = false; }

  std::optional<virtio::device::BlkFinished> poll() {
    if (finished_.empty()) return std::nullopt;
    const auto done = finished_.front();
    finished_.pop_front();
    return done;
  }

  void drain() {
    ++drains;
    held_back_ = false;
    while (!pending.empty()) finish(0);
  }

  /// The n-th of what is pending is over.
  void finish(std::size_t n, bool ok = true) {
    if (held_back_) throw std::logic_error("nobody said go: a real backend would not have begun");
    const Operation operation = pending.at(n);
    pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(n));
    if (ok) ok = disk_.submit(operation) == virtio::device::BlkProgress::kDone;
    finished_.push_back({operation.tag, ok});
  }

  std::vector<Operation> pending;
  std::vector<Operation> seen;  ///< All that were ever taken.
  unsigned drains = 0;

 private:
  virtio::device::MemoryDisk disk_;
  std::size_t most_;
  std::deque<virtio::device::BlkFinished> finished_;
  bool held_back_ = false;
};

}  // namespace hawser::test
