// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The four functions that a freestanding compiler may call on its own account, and the strlen by which string_view
// measures literals. Copies go by the largest word to which both ends can be aligned; every access is naturally
// aligned, as it must be where a region is device memory.
#include <cstddef>
#include <cstdint>

namespace {

template <class T>
using Aliasing __attribute__((may_alias)) = T;

template <class T>
bool aligned(const void* p) {
  return reinterpret_cast<std::uintptr_t>(p) % sizeof(T) == 0;
}

/// The bits in which the two addresses differ, as far as they matter for alignment.
std::uintptr_t phase(const void* a, const void* b) {
  return (reinterpret_cast<std::uintptr_t>(a) ^ reinterpret_cast<std::uintptr_t>(b)) & 7;
}

constexpr std::size_t kBlock = 64;

/// So many words at once, all read before the first is written: in pairs where the processor can.
template <class T, std::size_t kWords>
void copy_block(unsigned char* to, const unsigned char* from) {
  const auto* source = reinterpret_cast<const Aliasing<T>*>(from);
  auto* target = reinterpret_cast<Aliasing<T>*>(to);
  T words[kWords];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kWords; ++i) words[i] = source[i];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kWords; ++i) target[i] = words[i];
}

template <class T>
void copy_up_by(unsigned char* to, const unsigned char* from, std::size_t n) {
  for (; n != 0 && !aligned<T>(to); --n) *to++ = *from++;
  if constexpr (sizeof(T) == 8)
    for (; n >= kBlock; n -= kBlock, to += kBlock, from += kBlock)
      copy_block<T, kBlock / sizeof(T)>(to, from);
  for (; n >= sizeof(T); n -= sizeof(T), to += sizeof(T), from += sizeof(T)) copy_block<T, 1>(to, from);
  for (; n != 0; --n) *to++ = *from++;
}

template <class T>
void copy_down_by(unsigned char* to, const unsigned char* from, std::size_t n) {
  to += n;
  from += n;
  for (; n != 0 && !aligned<T>(to); --n) *--to = *--from;
  for (; n >= sizeof(T); n -= sizeof(T)) {
    to -= sizeof(T);
    from -= sizeof(T);
    *reinterpret_cast<Aliasing<T>*>(to) = *reinterpret_cast<const Aliasing<T>*>(from);
  }
  for (; n != 0; --n) *--to = *--from;
}

void copy_up(unsigned char* to, const unsigned char* from, std::size_t n) {
  const auto difference = phase(to, from);
  if (difference == 0) return copy_up_by<std::uint64_t>(to, from, n);
  if (difference == 4) return copy_up_by<std::uint32_t>(to, from, n);
  if (difference % 2 == 0) return copy_up_by<std::uint16_t>(to, from, n);
  copy_up_by<std::uint8_t>(to, from, n);
}

void copy_down(unsigned char* to, const unsigned char* from, std::size_t n) {
  const auto difference = phase(to, from);
  if (difference == 0) return copy_down_by<std::uint64_t>(to, from, n);
  if (difference == 4) return copy_down_by<std::uint32_t>(to, from, n);
  if (difference % 2 == 0) return copy_down_by<std::uint16_t>(to, from, n);
  copy_down_by<std::uint8_t>(to, from, n);
}

}  // namespace

extern "C" {

void* memcpy(void* to, const void* from, std::size_t n) {
  // Most copies are of a few words: fields of messages, descriptors, what the compiler copies with tail padding left out.
  const auto bits = reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from);
  if (bits % sizeof(std::uint64_t) == 0 && n % sizeof(std::uint32_t) == 0 && n < kBlock) {
    auto* target = static_cast<unsigned char*>(to);
    const auto* source = static_cast<const unsigned char*>(from);
    const std::size_t whole = n & ~(sizeof(std::uint64_t) - 1);
    for (std::size_t at = 0; at != whole; at += sizeof(std::uint64_t))
      copy_block<std::uint64_t, 1>(target + at, source + at);
    if (whole != n) copy_block<std::uint32_t, 1>(target + whole, source + whole);
    return to;
  }
  copy_up(static_cast<unsigned char*>(to), static_cast<const unsigned char*>(from), n);
  return to;
}

void* memmove(void* to, const void* from, std::size_t n) {
  const auto t = reinterpret_cast<std::uintptr_t>(to);
  const auto f = reinterpret_cast<std::uintptr_t>(from);
  // Modulo 2^64, the distance is below n exactly when `to` lies inside the source.
  if (t - f >= n) {
    copy_up(static_cast<unsigned char*>(to), static_cast<const unsigned char*>(from), n);
  } else {
    copy_down(static_cast<unsigned char*>(to), static_cast<const unsigned char*>(from), n);
  }
  return to;
}

void* memset(void* to, int value, std::size_t n) {
  auto* p = static_cast<unsigned char*>(to);
  const auto byte = static_cast<unsigned char>(value);
  for (; n != 0 && !aligned<std::uint64_t>(p); --n) *p++ = byte;
  const std::uint64_t word = byte * UINT64_C(0x0101010101010101);
  for (; n >= sizeof word; n -= sizeof word, p += sizeof word) {
    *reinterpret_cast<Aliasing<std::uint64_t>*>(p) = word;
  }
  for (; n != 0; --n) *p++ = byte;
  return to;
}

int memcmp(const void* a, const void* b, std::size_t n) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (; n != 0; --n, ++x, ++y) {
    if (*x != *y) return *x < *y ? -1 : 1;
  }
  return 0;
}

std::size_t strlen(const char* text) {
  const char* end = text;
  while (*end != '\0') ++end;
  return static_cast<std::size_t>(end - text);
}
}
