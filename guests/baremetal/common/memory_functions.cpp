// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The four functions that a freestanding compiler may call on its own account, and the strlen by which string_view
// measures literals. Words are copied wherever they lie: what is mapped here as anything but device memory may be accessed
// misaligned, and device memory is not copied (mmio.hpp).
#include <cstddef>
#include <cstdint>

namespace {

template <class T>
struct [[gnu::packed, gnu::may_alias]] Anywhere {
  T word;
};

template <class T>
T load(const unsigned char* from) {
  return reinterpret_cast<const Anywhere<T>*>(from)->word;
}
template <class T>
void store(unsigned char* to, T word) {
  reinterpret_cast<Anywhere<T>*>(to)->word = word;
}

/// So many words, all read before they are written: in pairs where the processor can.
template <class T, std::size_t kWords>
class Words {
 public:
  static constexpr std::size_t kBytes = sizeof(T) * kWords;
  explicit Words(const unsigned char* from) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kWords; ++i) words_[i] = load<T>(from + i * sizeof(T));
  }
  void put(unsigned char* to) const {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kWords; ++i) store(to + i * sizeof(T), words_[i]);
  }

 private:
  T words_[kWords];
};

using Block = Words<std::uint64_t, 8>;

/// The first words and the last, which may overlap: all of n bytes from so many words up to twice as many.
template <class T, std::size_t kWords>
void copy_ends(unsigned char* to, const unsigned char* from, std::size_t n) {
  const std::size_t rest = n - Words<T, kWords>::kBytes;
  const Words<T, kWords> first(from);
  const Words<T, kWords> last(from + rest);
  first.put(to);
  last.put(to + rest);
}

void copy_long(unsigned char* to, const unsigned char* from, std::size_t n) {
  const std::size_t last = n - Block::kBytes;
  for (std::size_t at = 0; at < last; at += Block::kBytes) Block(from + at).put(to + at);
  Block(from + last).put(to + last);
}

/// Where the two overlap: `to` lies before `from`.
void copy_up(unsigned char* to, const unsigned char* from, std::size_t n) {
  for (; n >= sizeof(std::uint64_t); n -= 8, to += 8, from += 8) store(to, load<std::uint64_t>(from));
  for (; n != 0; --n) *to++ = *from++;
}

/// And behind it.
void copy_down(unsigned char* to, const unsigned char* from, std::size_t n) {
  for (; n >= sizeof(std::uint64_t); n -= 8) store(to + n - 8, load<std::uint64_t>(from + n - 8));
  for (; n != 0; --n) to[n - 1] = from[n - 1];
}

}  // namespace

extern "C" {

void* memcpy(void* to, const void* from, std::size_t n) {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  if (n >= 16) {
    if (n <= 32) {
      copy_ends<std::uint64_t, 2>(target, source, n);
    } else if (n <= 64) {
      copy_ends<std::uint64_t, 4>(target, source, n);
    } else {
      copy_long(target, source, n);
    }
  } else if (n >= 8) {
    copy_ends<std::uint64_t, 1>(target, source, n);
  } else if (n >= 4) {
    copy_ends<std::uint32_t, 1>(target, source, n);
  } else if (n >= 2) {
    copy_ends<std::uint16_t, 1>(target, source, n);
  } else if (n != 0) {
    *target = *source;
  }
  return to;
}

void* memmove(void* to, const void* from, std::size_t n) {
  const auto t = reinterpret_cast<std::uintptr_t>(to);
  const auto f = reinterpret_cast<std::uintptr_t>(from);
  // Modulo 2^64, the distance is below n exactly when `to` lies inside the source, or the source in what is written.
  if (t - f >= n && f - t >= n) return memcpy(to, from, n);
  if (t < f) {
    copy_up(static_cast<unsigned char*>(to), static_cast<const unsigned char*>(from), n);
  } else {
    copy_down(static_cast<unsigned char*>(to), static_cast<const unsigned char*>(from), n);
  }
  return to;
}

void* memset(void* to, int value, std::size_t n) {
  auto* p = static_cast<unsigned char*>(to);
  const auto byte = static_cast<unsigned char>(value);
  const std::uint64_t word = byte * UINT64_C(0x0101010101010101);
  for (; n >= sizeof word; n -= sizeof word, p += sizeof word) store(p, word);
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
