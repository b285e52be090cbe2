// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The second domain of the examination: does what the examiner tells it, over two rings, and answers. One order at a
// time. Orders and answers are eight 32-bit words: {number, order, arguments} and {number, result, more}.
#pragma once

#include "exam.hpp"

#include <array>

namespace hawser::conformance::argo {

inline constexpr std::uint32_t kOrderPort = 0x48430000, kAnswerPort = 0x48430001;

/// Ring pieces that orders and answers take up on both sides.
inline constexpr unsigned kOrderPiece = 9, kAnswerPiece = 9;

enum class Order : std::uint32_t {
  kHello = 1,
  kOpen,     ///< piece, port, length: a ring for the examiner
  kClose,    ///< port
  kSend,     ///< port, length, type, message: to the examiner
  kNotify,   ///< notify(NULL)
  kAsk,      ///< port, space -> result, flags, max
  kConsume,  ///< piece, up to where (~0: all): rx_ptr only, no notify -> rx, tx
  kPeek,     ///< piece -> rx, tx, and the first header's length, domain and type
  kDrain,    ///< piece, ring length, count: takes `count` messages, notifying after each batch -> mismatches
  kStream,   ///< port, count, length: sends numbered messages, waiting for room -> times it had to wait
  kBye,
};

using Words = std::array<std::uint32_t, 8>;
static_assert(sizeof(Words) == 32);

template <Host H>
class Assistant {
 public:
  explicit Assistant(H& host) : desk_(host) {}

  /// Opens the ring for orders, as soon as the examiner's domain exists.
  bool start() {
    if (!started_) started_ = desk_.open(kOrderPiece, kOrderPort, desk_.host.peer()) == 0;
    return started_;
  }

  /// Does a bounded piece of work. @return false after the last order.
  bool step() {
    if (!start()) return true;
    if (busy_ == Order::kDrain) go_on_draining();
    if (busy_ == Order::kStream) go_on_streaming();
    if (busy_ == Order::kHello && desk_.tx(kOrderPiece) != at_) {
      Words words;
      copy_out(at_ + 16, words);
      at_ = (at_ + 48) % 4032;
      desk_.set_rx(kOrderPiece, at_);
      obey(words);
    }
    return !done_;
  }

  /// For a domain that has nothing else to do. Ends after kBye, or when nothing came for `patience`.
  void run(Duration patience) {
    Instant end = desk_.host.now() + patience;
    while (step() && desk_.host.now() < end) {
      const std::uint32_t before = at_;
      if (busy_ == Order::kHello || waiting_) {
        (void)desk_.host.wait(desk_.host.now() + (started_ ? milliseconds(500) : milliseconds(5)));
      }
      if (at_ != before || busy_ != Order::kHello) end = desk_.host.now() + patience;
    }
  }

 private:
  void copy_out(std::uint32_t position, Words& to) const {  // 4032 is a multiple of 48: orders do not wrap
    std::memcpy(to.data(), desk_.ring(kOrderPiece) + 64 + position, sizeof to);
  }

  void answer(std::int32_t result, std::uint32_t a = 0, std::uint32_t b = 0, std::uint32_t c = 0,
              std::uint32_t d = 0, std::uint32_t e = 0) {
    const Words words = {number_, static_cast<std::uint32_t>(result), a, b, c, d, e, 0};
    std::byte* const at = desk_.arguments() + 1024;
    std::memcpy(at, words.data(), sizeof words);
    desk_.vector(0, at, sizeof words);
    (void)desk_.send_vectors({.to = desk_.host.peer(), .port = kAnswerPort}, 1);
  }

  void obey(const Words& w) {
    number_ = w[0];
    switch (static_cast<Order>(w[1])) {
      case Order::kHello:
        return answer(0);
      case Order::kOpen:
        return answer(desk_.open(w[2], w[3], desk_.host.peer(), w[4]));
      case Order::kClose:
        return answer(desk_.close(w[2], desk_.host.peer()));
      case Order::kSend:
        desk_.fill(w[5], w[3]);
        return answer(desk_.send({.to = desk_.host.peer(), .port = w[2], .length = w[3], .type = w[4]}));
      case Order::kNotify:
        return answer(desk_.notify());
      case Order::kAsk: {
        const auto a = desk_.ask(desk_.host.peer(), w[2], w[3]);
        return answer(a.result, a.flags, a.max);
      }
      case Order::kConsume:
        desk_.set_rx(w[2], w[3] == ~0u ? desk_.tx(w[2]) : w[3]);
        return answer(0, desk_.rx(w[2]), desk_.tx(w[2]));
      case Order::kPeek: {
        const auto h = desk_.header(w[2], 0);
        return answer(0, desk_.rx(w[2]), desk_.tx(w[2]), h.length, h.domain, h.type);
      }
      case Order::kDrain:
        busy_ = Order::kDrain;
        piece_ = w[2];
        length_ = w[3];
        left_ = w[4];
        wrong_ = 0;
        count_ = 0;
        position_ = desk_.rx(piece_);
        return go_on_draining();
      case Order::kStream:
        busy_ = Order::kStream;
        port_ = w[2];
        left_ = w[3];
        length_ = w[4];
        wrong_ = 0;
        count_ = 0;
        return go_on_streaming();
      case Order::kBye:
        answer(0);
        done_ = true;
        return;
    }
    answer(-kEOPNOTSUPP);
  }

  void go_on_draining() {
    bool any = false;
    while (left_ != 0 && desk_.tx(piece_) != position_) {
      const auto h = desk_.header(piece_, position_);
      if (h.length < 16 || !desk_.intact(piece_, position_, count_, h.length - 16, length_)) ++wrong_;
      position_ = (position_ + (h.length + 15) / 16 * 16) % length_;
      desk_.set_rx(piece_, position_);
      ++count_;
      --left_;
      any = true;
    }
    if (any) (void)desk_.notify();
    waiting_ = left_ != 0;
    if (left_ != 0) return;
    busy_ = Order::kHello;
    answer(0, wrong_);
  }

  void go_on_streaming() {
    for (waiting_ = false; left_ != 0; --left_, ++count_) {
      const std::uint32_t length = length_ == 0 ? count_ % 200 : length_;
      desk_.fill(count_, length);
      const std::int32_t sent =
          desk_.send({.to = desk_.host.peer(), .port = port_, .length = length, .type = count_});
      if (sent == static_cast<std::int32_t>(length)) continue;
      if (sent != -kEAGAIN) {
        left_ = 0;
        busy_ = Order::kHello;
        return answer(sent, wrong_);
      }
      ++wrong_;
      waiting_ = true;
      return;
    }
    busy_ = Order::kHello;
    answer(0, wrong_);
  }

  Desk<H> desk_;
  bool started_ = false, done_ = false, waiting_ = false;
  std::uint32_t at_ = 0;  // in the ring for orders
  std::uint32_t number_ = 0;
  Order busy_ = Order::kHello;  // or what takes several steps
  std::uint32_t piece_ = 0, port_ = 0, length_ = 0, left_ = 0, count_ = 0, wrong_ = 0, position_ = 0;
};

/// The examiner's side.
template <Host H>
class Orders {
 public:
  explicit Orders(Desk<H>& desk) : desk_(desk) {}

  /// Opens the ring for answers and waits for the assistant. False when it does not come.
  bool start(Duration patience) {
    const Instant end = desk_.host.now() + patience;
    while (desk_.open(kAnswerPiece, kAnswerPort, desk_.host.peer()) != 0) {
      if (desk_.host.now() > end) return false;
      (void)desk_.host.wait(desk_.host.now() + milliseconds(5));
    }
    while (give(Order::kHello)[1] != 0) {
      if (desk_.host.now() > end) return false;
      (void)desk_.host.wait(desk_.host.now() + milliseconds(5));
    }
    return true;
  }
  void end() {
    (void)give(Order::kBye);
    (void)desk_.close(kAnswerPort, desk_.host.peer());
  }

  /// Sends an order without waiting for the answer.
  std::int32_t begin(Order order, std::uint32_t a = 0, std::uint32_t b = 0, std::uint32_t c = 0,
                     std::uint32_t d = 0) {
    const Words words = {++number_, static_cast<std::uint32_t>(order), a, b, c, d, 0, 0};
    std::byte* const at = desk_.arguments() + 1024;
    std::memcpy(at, words.data(), sizeof words);
    desk_.vector(0, at, sizeof words);
    return static_cast<std::int32_t>(desk_.send_vectors({.to = desk_.host.peer(), .port = kOrderPort}, 1));
  }
  /// The answer, if it is there.
  bool take(Words& answer) {
    while (desk_.tx(kAnswerPiece) != at_) {
      std::memcpy(answer.data(), desk_.ring(kAnswerPiece) + 64 + at_ + 16, sizeof answer);
      at_ = (at_ + 48) % 4032;
      desk_.set_rx(kAnswerPiece, at_);
      if (answer[0] == number_) return true;
    }
    return false;
  }
  /// {number, result, ...}; the result of an order that could not be given or was not answered is -EIO.
  Words finish(Duration patience = kLatest) {
    Words answer{};
    for (const Instant end = desk_.host.now() + patience; desk_.host.now() < end;) {
      if (take(answer)) return answer;
      (void)desk_.host.wait(desk_.host.now() + milliseconds(5));
    }
    answer[1] = static_cast<std::uint32_t>(-5);
    return answer;
  }
  Words give(Order order, std::uint32_t a = 0, std::uint32_t b = 0, std::uint32_t c = 0,
             std::uint32_t d = 0) {
    if (const std::int32_t sent = begin(order, a, b, c, d); sent < 0) {
      Words answer{};
      answer[1] = static_cast<std::uint32_t>(sent);
      return answer;
    }
    return finish();
  }

 private:
  Desk<H>& desk_;
  std::uint32_t number_ = 0;
  std::uint32_t at_ = 0;
};

}  // namespace hawser::conformance::argo
