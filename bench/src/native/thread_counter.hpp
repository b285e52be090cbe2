// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the processor counts while a thread runs, where the machine lets anybody ask (perf_event_open): many virtual
// machines have no such counters.
#pragma once

#include <cstdint>
#include <optional>

namespace hawser::bench {

/// Of the thread that makes it, outside the kernel.
class ThreadCounter {
 public:
  enum class Event : std::uint8_t {
    kInstructions,
    kTaskClock,  ///< Nanoseconds on a processor: the kernel's own, which every machine has.
  };

  explicit ThreadCounter(Event event = Event::kInstructions);
  ~ThreadCounter();
  ThreadCounter(const ThreadCounter&) = delete;
  ThreadCounter& operator=(const ThreadCounter&) = delete;

  /// Since it was made. Nothing where there is none, and where it had to make room for others' counters meanwhile.
  std::optional<std::uint64_t> count() const;

  /// The errno of the kernel's refusal; 0: it counts.
  int refusal() const { return refusal_; }

 private:
  int fd_ = -1;
  int refusal_ = 0;
};

}  // namespace hawser::bench
