// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The four functions that a freestanding compiler may call on its own account, and the strlen by which string_view
// measures literals. Word-wise where both ends allow it;
// every access is naturally aligned, so they are also right for memory that a device type forbids unaligned access to.
#include <cstddef>
#include <cstdint>

namespace {

using Word = std::uint64_t __attribute__((may_alias));
constexpr std::size_t kWord = sizeof(Word);

bool same_phase(const void* a, const void* b) {
  return ((reinterpret_cast<std::uintptr_t>(a) ^ reinterpret_cast<std::uintptr_t>(b)) & (kWord - 1)) == 0;
}

bool word_aligned(const void* p) {
  return (reinterpret_cast<std::uintptr_t>(p) & (kWord - 1)) == 0;
}

void copy_up(unsigned char* to, const unsigned char* from, std::size_t n) {
  if (same_phase(to, from)) {
    for (; n != 0 && !word_aligned(to); --n) *to++ = *from++;
    for (; n >= kWord; n -= kWord, to += kWord, from += kWord) {
      *reinterpret_cast<Word*>(to) = *reinterpret_cast<const Word*>(from);
    }
  }
  for (; n != 0; --n) *to++ = *from++;
}

void copy_down(unsigned char* to, const unsigned char* from, std::size_t n) {
  to += n;
  from += n;
  if (same_phase(to, from)) {
    for (; n != 0 && !word_aligned(to); --n) *--to = *--from;
    for (; n >= kWord; n -= kWord) {
      to -= kWord;
      from -= kWord;
      *reinterpret_cast<Word*>(to) = *reinterpret_cast<const Word*>(from);
    }
  }
  for (; n != 0; --n) *--to = *--from;
}

}  // namespace

extern "C" {

void* memcpy(void* to, const void* from, std::size_t n) {
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
  for (; n != 0 && !word_aligned(p); --n) *p++ = byte;
  const Word word = byte * UINT64_C(0x0101010101010101);
  for (; n >= kWord; n -= kWord, p += kWord) *reinterpret_cast<Word*>(p) = word;
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
