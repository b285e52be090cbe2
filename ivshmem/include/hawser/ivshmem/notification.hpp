// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Layout B's notification words: which queues to look at, without read-modify-write in shared memory. Each end
// toggles bits of its own tx word; a mark is pending while the peer's rx word has not caught up.
#pragma once

#include <hawser/ivshmem/layout.hpp>

#include <hawser/transport/link.hpp>
#include <hawser/transport/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace hawser::ivshmem {

/// One end's words: tx, rx and, if the layout has it, the mask.
struct NotificationPlace {
  RegionMemory::Area words;
  std::size_t tx = offsetof(NotificationWords, tx);
  std::size_t rx = offsetof(NotificationWords, rx);
  std::size_t mask = offsetof(NotificationWords, mask);
  bool masked = true;
};

class Notifications {
 public:
  Notifications() = default;

  /// Puts the own words to rest: nothing pending from us, everything of the peer's taken (it starts at zero too).
  Notifications(NotificationPlace own, NotificationPlace peer) : own_(own), peer_(peer), usable_(true) {
    own_.words.store<std::uint64_t>(own_.tx, 0);
    own_.words.store<std::uint64_t>(own_.rx, 0);
    if (own_.masked) own_.words.store<std::uint64_t>(own_.mask, 0);
  }

  /// Marks `mark` for the peer. True: the peer also needs a doorbell.
  bool set(Mark mark) {
    if (!usable_) return false;
    // What was published before (a ring index) must be visible before we conclude that the peer will look anyway.
    // Partner: the fence in take(), between catching up and looking.
    full_fence_before_recheck();
    const std::uint64_t caught_up = peer_.words.load<std::uint64_t>(peer_.rx);
    if (((tx_ ^ caught_up) & mark.bit()) != 0) return false;  // still pending: whoever set it has rung
    tx_ ^= mark.bit();
    own_.words.publish<std::uint64_t>(own_.tx, tx_);  // Partner: the observe in take().
    // Partner: the fence in unmask(), between clearing the mask and the last look.
    full_fence_before_recheck();
    return !peer_.masked || (peer_.words.load<std::uint64_t>(peer_.mask) & mark.bit()) == 0;
  }

  /// The marks that the peer has set since the last take().
  Marks take() {
    collect();
    return std::exchange(collected_, 0);
  }

  /// What the peer has set is pending no longer, so that it rings when it sets that again; take() tells of it.
  void collect() {
    if (!usable_) return;
    const std::uint64_t pending = peer_.words.observe<std::uint64_t>(peer_.tx) ^ rx_;
    if (pending == 0) return;
    rx_ ^= pending;
    collected_ |= pending;
    own_.words.publish<std::uint64_t>(own_.rx, rx_);
    full_fence_before_recheck();  // Partner: the first fence in set().
  }

  void mask() const {
    if (usable_ && own_.masked) own_.words.store<std::uint64_t>(own_.mask, ~std::uint64_t{0});
  }
  /// Every mark that is set from now on comes with a doorbell; one that was set before, while masked, must not swallow
  /// the next.
  void unmask() {
    if (!usable_) return;
    if (own_.masked) own_.words.publish<std::uint64_t>(own_.mask, 0);
    full_fence_before_recheck();  // Partner: the second fence in set().
    collect();
  }

 private:
  NotificationPlace own_;
  NotificationPlace peer_;
  std::uint64_t tx_ = 0;
  std::uint64_t rx_ = 0;
  Marks collected_ = 0;
  bool usable_ = false;
};

}  // namespace hawser::ivshmem
