// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Flow control by credit: the sender never sends more than the receiver has said it has room for, so that Xen hardly
// ever has to refuse. Both sides count bytes from zero for each pair of epochs; the counts wrap.
#pragma once

#include <cstdint>

namespace hawser::argo {

/// The sender's side of one window.
class SendCredit {
 public:
  SendCredit() = default;
  explicit SendCredit(std::uint32_t window) : window_(window) {}

  std::uint32_t outstanding() const { return sent_ - freed_; }
  std::uint32_t left() const { return window_ - outstanding(); }
  void spend(std::uint32_t bytes) { sent_ += bytes; }

  /// What the peer says it has freed. False if it can not have: more than it was sent, or less than before.
  bool update(std::uint32_t freed) {
    if (freed - freed_ > outstanding()) return false;
    freed_ = freed;
    return true;
  }

 private:
  std::uint32_t window_ = 0;
  std::uint32_t sent_ = 0;
  std::uint32_t freed_ = 0;
};

/// The receiver's side: what it has freed, and what of that the sender knows.
struct ReceiveCredit {
  std::uint32_t freed = 0;
  std::uint32_t told = 0;

  std::uint32_t untold() const { return freed - told; }
};

}  // namespace hawser::argo
