// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The checked door to memory that the peer can write, and the concept behind which rings do not care what
// that memory is: a shared region, local memory that a courier keeps in step, or a history that tests replay.
#pragma once

#include <hawser/transport/endian.hpp>
#include <hawser/transport/order.hpp>
#include <hawser/transport/result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser {

/// A place in a region, in bytes from its start. Never a pointer; worth nothing until a door has checked it.
class Offset {
 public:
  constexpr Offset() = default;
  constexpr explicit Offset(std::uint64_t bytes) : bytes_(bytes) {}
  constexpr std::uint64_t bytes() const { return bytes_; }
  constexpr auto operator<=>(const Offset&) const = default;

  /// Wraps around on overflow; the door refuses what does not fit.
  constexpr Offset operator+(std::uint64_t more) const { return Offset(bytes_ + more); }

 private:
  std::uint64_t bytes_ = 0;
};

/// A question that std::has_single_bit answers with a library call on processors without a population count.
constexpr bool power_of_two(std::uint64_t n) {
  return n != 0 && (n & (n - 1)) == 0;
}

enum class DoorError : std::uint8_t {
  kOutsideTheRegion,
  kMisaligned,
};

/// A checked piece of memory. Positions inside it (`at`, bytes) are computed by us, so they are not checked
/// again. Words are little-endian in memory, values are the host's.
///
/// load      one load, no order            store     one store, no order
/// observe   acquire (partner: publish)    publish   release (partner: observe)
/// read      copies bytes out, once; what is checked afterwards is the copy
/// write     copies bytes in
template <class A>
concept MemoryArea = requires(const A& area, std::size_t at, std::span<std::byte> out,
                              std::span<const std::byte> in) {
  { area.size() } -> std::same_as<std::uint64_t>;
  { area.template load<std::uint16_t>(at) } -> std::same_as<std::uint16_t>;
  { area.template observe<std::uint64_t>(at) } -> std::same_as<std::uint64_t>;
  { area.template store<std::uint32_t>(at, std::uint32_t{}) } -> std::same_as<void>;
  { area.template publish<std::uint16_t>(at, std::uint16_t{}) } -> std::same_as<void>;
  { area.read(at, out) } -> std::same_as<void>;
  { area.write(at, in) } -> std::same_as<void>;
};

/// Memory with one door. area(offset, bytes, align) fails unless [offset, offset + bytes) lies inside and
/// offset is a multiple of align (a power of two). full_fence() is full_fence_before_recheck() as this memory
/// needs it. Cheap to copy: a handle, not the bytes.
template <class M>
concept Memory = std::copyable<M> && MemoryArea<typename M::Area> &&
    requires(const M& memory, Offset offset, std::uint64_t bytes, std::uint64_t align) {
  { memory.size() } -> std::same_as<std::uint64_t>;
  { memory.area(offset, bytes, align) } -> std::same_as<Result<typename M::Area, DoorError>>;
  { memory.full_fence() } -> std::same_as<void>;
};

/// Memory whose bytes can be lent to something that copies for itself (a system call, a DMA engine). Whoever
/// borrows them must not trust that two reads agree.
template <class M>
concept LendableMemory = Memory<M> && requires(const typename M::Area& area) {
  { area.bytes() } -> std::same_as<std::span<std::byte>>;
};

/// A region that both parties see: word accesses are single, aligned and ordered as order.hpp says.
/// The region must be Normal write-back memory here: read() and write() use memcpy.
class RegionMemory {
 public:
  class Area {
   public:
    Area() = default;
    std::uint64_t size() const { return size_; }

    template <SharedWord T>
    T load(std::size_t at) const {
      return little(load_once(word<T>(at)));
    }
    template <SharedWord T>
    T observe(std::size_t at) const {
      return little(hawser::observe(word<T>(at)));
    }
    template <SharedWord T>
    void store(std::size_t at, T value) const {
      store_once(word<T>(at), little(value));
    }
    template <SharedWord T>
    void publish(std::size_t at, T value) const {
      hawser::publish(word<T>(at), little(value));
    }

    void read(std::size_t at, std::span<std::byte> out) const {
      if (!out.empty()) std::memcpy(out.data(), base_ + at, out.size());  // an empty span may be null
      asm volatile("" ::: "memory");  // from here on the copy is read, never the region again
    }
    void write(std::size_t at, std::span<const std::byte> in) const {
      if (!in.empty()) std::memcpy(base_ + at, in.data(), in.size());
    }

    std::span<std::byte> bytes() const { return {base_, static_cast<std::size_t>(size_)}; }

   private:
    friend class RegionMemory;
    Area(std::byte* base, std::uint64_t size) : base_(base), size_(size) {}

    template <class T>
    T* word(std::size_t at) const {
      return reinterpret_cast<T*>(base_ + at);  // aligned: the door checked the base, the layout the rest
    }

    std::byte* base_ = nullptr;
    std::uint64_t size_ = 0;
  };

  RegionMemory() = default;

  /// `bytes` must be aligned to the largest alignment that will ever be asked of the door (a page is plenty).
  explicit RegionMemory(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t size() const { return bytes_.size(); }

  Result<Area, DoorError> area(Offset offset, std::uint64_t bytes, std::uint64_t align) const {
    const std::uint64_t at = offset.bytes();
    if (at > bytes_.size() || bytes > bytes_.size() - at) return Err{DoorError::kOutsideTheRegion};
    if ((at & (align - 1)) != 0) return Err{DoorError::kMisaligned};
    return Area(bytes_.data() + at, bytes);
  }

  void full_fence() const { full_fence_before_recheck(); }

 private:
  std::span<std::byte> bytes_;
};

static_assert(LendableMemory<RegionMemory>);

/// Has the processor fetch the beginning of these bytes, at most that many lines, while something else is done. Only a hint.
inline void prefetch(std::span<const std::byte> bytes, std::size_t lines) {
  constexpr std::size_t kLine = 64;
  for (std::size_t at = 0; lines != 0 && at < bytes.size(); at += kLine, --lines)
    __builtin_prefetch(bytes.data() + at);
}
inline void prefetch_to_write(std::span<std::byte> bytes, std::size_t lines) {
  constexpr std::size_t kLine = 64;
  for (std::size_t at = 0; lines != 0 && at < bytes.size(); at += kLine, --lines) {
#if defined(__x86_64__)
    // Every 64-bit processor takes it, at worst for nothing; compilers leave it out unless told for which one they compile.
    asm volatile("prefetchw %0" : : "m"(bytes[at]));
#else
    __builtin_prefetch(bytes.data() + at, 1);
#endif
  }
}

}  // namespace hawser
