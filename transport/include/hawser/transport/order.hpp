// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The orderings between two parties that share memory. There are three; every use names its partner on the
// other side. Only aligned loads and stores by a single writer: no read-modify-write, because a region may be
// memory on which those are not guaranteed (BAR2 mapped Device or uncached in a guest).
//
//     writer                          reader
//     plain stores ...                observe(flag)      -- sees the flag => sees the stores
//     publish(flag)  ------------>    plain loads ...
//
//     one side                        the other side
//     publish(mine)                   publish(theirs)
//     full_fence_before_recheck()     full_fence_before_recheck()
//     load(theirs)                    load(mine)         -- at least one of the two sees the other's store
#pragma once

#include <concepts>
#include <cstdint>

namespace hawser {

/// Sizes that every target loads and stores in one piece when naturally aligned.
template <class T>
concept SharedWord = std::same_as<T, std::uint8_t> || std::same_as<T, std::uint16_t> ||
    std::same_as<T, std::uint32_t> || std::same_as<T, std::uint64_t>;

/// One load, no ordering.
template <SharedWord T>
inline T load_once(const T* from) {
  return __atomic_load_n(from, __ATOMIC_RELAXED);
}

/// One store, no ordering.
template <SharedWord T>
inline void store_once(T* to, T value) {
  __atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/// Everything stored before becomes visible to whoever observes this store. Partner: observe().
template <SharedWord T>
inline void publish(T* to, T value) {
  __atomic_store_n(to, value, __ATOMIC_RELEASE);
}

/// What the publisher stored before the value that is seen here is visible from now on. Partner: publish().
template <SharedWord T>
inline T observe(const T* from) {
  return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

#if defined(__SANITIZE_THREAD__)
#define HAWSER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAWSER_TSAN 1
#endif
#endif

/// Between "I published" and "I look whether you are asleep (or have published)". Partner: the same on the
/// other side.
inline void full_fence_before_recheck() {
#ifdef HAWSER_TSAN
  // The thread sanitizer does not model fences. Every word ordered by this one is accessed atomically, so it
  // has nothing to report here; the processor still needs the instruction.
  __sync_synchronize();
#else
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/// A hint to the processor inside a polling loop.
inline void spin_hint() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

}  // namespace hawser
