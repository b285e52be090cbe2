// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The door to a domain's window. Its owner writes in it at the same time: what is read is copied first.
#pragma once

#include <hawser/argo/broker/xen.hpp>
#include <hawser/transport/endian.hpp>
#include <hawser/transport/order.hpp>

#include <cstring>
#include <optional>

namespace hawser::argo::broker {

/// One copy; afterwards the copy is read, never the window again.
template <Wire W>
W copy_once(const std::byte* from) {
  W copy;
  std::memcpy(&copy, from, sizeof(W));
  asm volatile("" ::: "memory");
  return copy;
}

/// A domain's memory by the addresses that it uses itself. Page 0 of the window is not mapped.
class Xen::Memory {
 public:
  Memory(std::span<std::byte> window, std::uint64_t base) : window_(window), base_(base) {}

  /// The bytes at an address; nothing when any of them is not mapped. No bytes are mapped anywhere.
  std::optional<std::span<std::byte>> at(std::uint64_t address, std::uint64_t bytes) const {
    const std::uint64_t offset = address - base_;
    if (bytes == 0) return std::span<std::byte>{};
    if (address == 0 || offset < kPageBytes || offset > window_.size() || bytes > window_.size() - offset)
      return std::nullopt;
    return window_.subspan(offset, bytes);
  }

  template <Wire W>
  std::optional<W> read(std::uint64_t address) const {
    const auto bytes = at(address, sizeof(W));
    if (!bytes) return std::nullopt;
    return copy_once<W>(bytes->data());
  }

 private:
  std::span<std::byte> window_;
  std::uint64_t base_;
};

/// A ring in its owner's window, through its list of pages. Positions are below the ring's length.
class RingMemory {
 public:
  RingMemory(std::span<std::byte> window, std::span<const std::uint32_t> pages, std::uint32_t length)
      : window_(window), pages_(pages), length_(length) {}

  std::uint32_t load(std::uint32_t at) const { return little(observe(word(at))); }
  /// All that was written before is there for whoever sees the number.
  void publish(std::uint32_t at, std::uint32_t value) const { hawser::publish(word(at), little(value)); }

  /// @return the position behind the last byte; past the end of the ring it goes on at its start.
  std::uint32_t write(std::uint32_t position, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const std::size_t place = std::size_t{kRingHeaderBytes} + position;
      const std::size_t in_page = kPageBytes - place % kPageBytes;
      const std::size_t piece = std::min({bytes.size(), in_page, std::size_t{length_ - position}});
      // memmove: a domain may send itself a part of the ring.
      std::memmove(window_.data() + std::size_t{pages_[place / kPageBytes]} * kPageBytes + place % kPageBytes,
                   bytes.data(), piece);
      bytes = bytes.subspan(piece);
      position += static_cast<std::uint32_t>(piece);
      if (position == length_) position = 0;
    }
    return position;
  }

 private:
  std::uint32_t* word(std::uint32_t at) const {
    return reinterpret_cast<std::uint32_t*>(window_.data() + std::size_t{pages_[0]} * kPageBytes + at);
  }

  std::span<std::byte> window_;
  std::span<const std::uint32_t> pages_;
  std::uint32_t length_;
};

}  // namespace hawser::argo::broker
