// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How soon to look again. A look fetches the cache line that the other side is about to write: one between its first
// store there and its last costs both a transfer, half as much again as the answer. Waiting until the answer can be
// there is faster; how long that is depends on both processors and on the work, so it is learned.
#pragma once

#include <hawser/transport/order.hpp>

namespace hawser::virtio {

/// Time is counted in spin hints, which last from ten to a hundred and fifty cycles: it needs no clock.
class PollPace {
 public:
  /// After a look that found nothing: how many hints to give before the next one. The first pause after work is as
  /// long as answers take; whoever is still without one looks after every hint.
  unsigned pause() { return looks_++ == 0 ? first_ : 1; }

  /// Pauses.
  void wait() {
    for (unsigned left = pause(); left != 0; --left) spin_hint();
  }

  /// A look found something. If most answers come behind the first pause, a longer one is better; if hardly any does for a
  /// long time, a shorter one may be. Much later: nobody was answering, and nothing is learned.
  void found() {
    if (looks_ != 0 && looks_ <= kSoon) learn(looks_ > 1);
    looks_ = 0;
  }

 private:
  static constexpr unsigned kLongest = 8;  ///< Some 400 ns: what a peer that is not answering costs at most.
  static constexpr unsigned kSoon = 16;
  static constexpr unsigned kAnswers = 16;  ///< To learn from, one step at a time.
  static constexpr unsigned kCalm = 8;      ///< So many times as many before a shorter pause is tried.

  void learn(bool late) {
    late_ += late ? 1 : 0;
    if (++answers_ < kAnswers) return;
    if (late_ > kAnswers / 2 && first_ < kLongest) ++first_;
    calm_ = late_ <= kAnswers / 8 ? calm_ + 1 : 0;
    if (calm_ == kCalm) {
      calm_ = 0;
      if (first_ > 1) --first_;
    }
    answers_ = 0;
    late_ = 0;
  }

  unsigned first_ = 1;
  unsigned looks_ = 0;  ///< Without success.
  unsigned answers_ = 0;
  unsigned late_ = 0;  ///< Of the answers, those behind the first pause.
  unsigned calm_ = 0;
};

}  // namespace hawser::virtio
