// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The rows of the examination, one function each, named by the ids of README.md's table. A row starts with no rings
// but the answers', and leaves none.
#pragma once

#include "assistant.hpp"
#include "exam.hpp"

namespace hawser::conformance::argo {

/// A desk with a memory for what went wrong, and for the rings to take away at the end of a row.
template <Host H>
class Exam : public Desk<H> {
 public:
  using Base = Desk<H>;
  using typename Base::Message;
  using typename Base::Ring;

  explicit Exam(H& host) : Base(host), orders(*this), facts(host.facts()), own(host.own()) {}

  void want(std::int64_t got, std::int64_t wanted, int line = __builtin_LINE()) {
    if (got == wanted || verdict.outcome != Outcome::kOk) return;
    verdict = {Outcome::kFailed, "a wrong result", line, got, wanted};
  }
  void must(bool truth, const char* what, int line = __builtin_LINE()) {
    if (truth || verdict.outcome != Outcome::kOk) return;
    verdict = {Outcome::kFailed, what, line, 0, 1};
  }
  /// @return true: the row can go on.
  bool takes(bool there, const char* what) {
    if (!there && verdict.outcome == Outcome::kOk) verdict = {Outcome::kSkipped, what};
    return there;
  }

  // As in Desk, and remembered.
  std::int32_t enroll(const Ring& r) {
    const std::int32_t result = Base::enroll(r);
    if (result == 0) remember(r.port, r.partner);
    return result;
  }
  std::int32_t open(unsigned piece, std::uint32_t port, std::uint16_t partner, std::uint32_t length = 4032) {
    this->set_rx(piece, 0);
    this->set_tx(piece, 0);
    return enroll({.piece = piece, .port = port, .partner = partner, .length = length});
  }
  /// A ring from ourselves to ourselves.
  std::int32_t loop(unsigned piece, std::uint32_t port, std::uint32_t length = 4032) {
    return open(piece, port, own, length);
  }
  std::int32_t to_self(std::uint32_t port, std::uint32_t length, std::uint32_t type = 1) {
    return this->send({.to = own, .port = port, .length = length, .type = type});
  }
  std::int32_t sent(const Message& m, std::uint64_t vectors) {
    return static_cast<std::int32_t>(this->send_vectors(m, vectors));
  }

  Verdict conclude() {
    for (; count_ != 0; --count_) {
      while (this->close(ports_[count_ - 1], partners_[count_ - 1]) == 0) {
      }
    }
    this->hush();
    const Verdict v = verdict;
    verdict = {};
    return v;
  }

  Orders<H> orders;
  const Facts facts;
  const std::uint16_t own;
  bool assisted = false;
  std::uint32_t leaked = 0;  ///< rings that Xen counts and nobody has (quirk Q1)
  Verdict verdict;

 private:
  void remember(std::uint32_t port, std::uint16_t partner) {
    for (unsigned i = 0; i < count_; ++i) {
      if (ports_[i] == port && partners_[i] == partner) return;
    }
    if (count_ == ports_.size()) return;
    ports_[count_] = port;
    partners_[count_++] = partner;
  }

  unsigned count_ = 0;
  std::array<std::uint32_t, 16> ports_{};
  std::array<std::uint16_t, 16> partners_{};
};

}  // namespace hawser::conformance::argo

#include "rows_notify.hpp"
#include "rows_pair.hpp"
#include "rows_register.hpp"
#include "rows_send.hpp"

/// Every row, in the order in which they are best run: X(function, id, sentence).
#define HAWSER_ARGO_ROWS(X)                                                                         \
  X(c1, "C1", "a third or fourth argument wider than 32 bits is refused before anything else")      \
  X(c2, "C2", "an unknown command is not supported")                                                \
  X(r1, "R1", "a register flag other than bit 0 is refused, before the arguments are read")         \
  X(r2, "R2", "a ring has at least 48 bytes, a multiple of 16, and at most 16 MiB")                 \
  X(r3, "R3", "the number of pages is exactly what length and header take, at most 4096")           \
  X(r4, "R4", "padding in register's argument must be zero")                                        \
  X(r5, "R5", "a ring for any sender takes mac-permissive")                                         \
  X(r6, "R6", "a partner that is no domain is refused")                                             \
  X(r8, "R8", "register's argument and frames must be mapped")                                      \
  X(r9, "R9", "a frame must be own RAM; the same one may stand in a ring, or in two, often")        \
  X(r10, "R10", "a ring that exists is registered again only with its length and without the flag") \
  X(r11, "R11", "tx_ptr is kept if it can be, else made from rx_ptr, and written back")             \
  X(u1, "U1", "unregister takes one argument, unpadded, that names a ring")                         \
  X(u2, "U2", "unregistering drops who waits, without a signal")                                    \
  X(s1, "S1", "the source is unpadded and the caller, by name or as ANY")                           \
  X(s2, "S2", "a destination without a domain or without a ring is refused")                        \
  X(s3, "S3", "up to eight vectors; none at all is a message of a header")                          \
  X(s4, "S4", "a vector is unpadded, and vectors and their sum are at most 16 MiB - 32")            \
  X(s5, "S5", "a message has at most length - 32 bytes, and arrives behind an exact header")        \
  X(s6, "S6", "sixteen bytes always stay free")                                                     \
  X(s7, "S7", "data that is not mapped leaves tx_ptr where it was")                                 \
  X(s8, "S8", "payload wraps around byte by byte, headers never, tx_ptr goes by sixteens")          \
  X(s9, "S9", "an odd rx_ptr is rounded up, a wild one is zero, tx_ptr is private")                 \
  X(s10, "S10", "a ring for the sender goes before one for all, even when it is full")              \
  X(s11, "S11", "late errors of sendv are zero-extended, early ones are not")                       \
  X(s12, "S12", "empty vectors are passed over; a message type is any 32 bits")                     \
  X(s13, "S13", "each message raises the receiver's signal, also one's own")                        \
  X(s14, "S14", "a message that does not fit is announced when it would")                           \
  X(s15, "S15", "a domain waits once in a ring, for the most it asked")                             \
  X(n1, "N1", "notify takes one argument, none, or up to 256 questions")                            \
  X(n2, "N2", "an answer says exists, shared, empty, sufficient, too long, and the longest")        \
  X(n3, "N3", "an absent ring or domain has no flags, and the rest stays")                          \
  X(n4, "N4", "a sufficient answer ends the waiting, an insufficient one starts it")                \
  X(n5, "N5", "who waits is woken also without a question, and before a wrong one")                 \
  X(n6, "N6", "a waiter is woken once, when there is as much room as it waits for")                 \
  X(n7, "N7", "nothing at all always fits by notify, and its waiter is woken late")                 \
  X(v1, "V1", "signals coalesce")                                                                   \
  X(d3, "D3", "a domain that stops keeps its ring: it fills up")                                    \
  X(o1, "O1", "what tx_ptr covers is complete and in order for one who polls")                      \
  X(o2, "O2", "no wake-up is lost when the receiver notifies")                                      \
  X(o3, "O3", "without notify a sender starves")                                                    \
  X(x1, "X1", "memory that is not mapped, or another's, is no argument")                            \
  X(r12, "R12", "a domain has at most 128 rings")                                                   \
  X(r13, "R13", "registering again leaks a ring, and failing at it loses the ring")

namespace hawser::conformance::argo {

/// All rows. `patience`: for the assistant to appear.
/// @return how many failed.
template <Host H>
unsigned examine(H& host, Duration patience) {
  Exam<H> exam(host);
  exam.assisted = host.peer() != host.own() && exam.orders.start(patience);
  unsigned failed = 0;
#define HAWSER_ARGO_RUN_ROW(function, id, sentence) \
  {                                                 \
    rows::function(exam);                           \
    const Verdict verdict = exam.conclude();        \
    failed += verdict.outcome == Outcome::kFailed;  \
    host.report(id, verdict);                       \
  }
  HAWSER_ARGO_ROWS(HAWSER_ARGO_RUN_ROW)
#undef HAWSER_ARGO_RUN_ROW
  if (exam.assisted) exam.orders.end();
  return failed;
}

}  // namespace hawser::conformance::argo
