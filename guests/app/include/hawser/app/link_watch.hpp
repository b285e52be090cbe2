// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device side's view of its link: what somebody broke starts anew, an end that somebody else holds is waited for, and
// each change is news for the user, paced, because a peer can cause all of them.
#pragma once

#include <hawser/app/pace.hpp>

#include <hawser/transport/link.hpp>

#include <cstdint>

namespace hawser::app {

enum class LinkNews : std::uint8_t {
  kNothing,
  kUp,
  kDown,
  kBroken,      ///< reason() says by what. It has been started anew.
  kStandingBy,  ///< Another living party holds our end, and serves. Ours when that has gone.
  kOurs,        ///< It has gone: our end is held by us again.
  kNotForUs,  ///< reason() says why this link can't be served: somebody else did before us, or the window is no link.
};

template <ManagedLink L>
class LinkWatch {
 public:
  explicit LinkWatch(L& link) : link_(link) {}

  /// What the user should know now, one thing at a time. To be asked after each turn.
  LinkNews look(bool up) {
    if (link_.state() == LinkState::kBroken) return mend();
    if (standing_by_ && link_.holds_end() && pace_.allows(link_.now())) {
      standing_by_ = false;
      return LinkNews::kOurs;
    }
    if (up == up_ || !pace_.allows(link_.now())) return LinkNews::kNothing;
    up_ = up;
    return up ? LinkNews::kUp : LinkNews::kDown;
  }

  const char* reason() const { return reason_; }

 private:
  LinkNews mend() {
    const auto by = link_.broken_by();
    reason_ = link_.broken_reason();
    const bool rival = by == BrokenBy::kRival;
    // Epoch 0: our end was never ours. Two servers of one link are a mistake at the start, and only there: who has served
    // must not be ended by whoever writes to the window.
    if (by == BrokenBy::kCarrier || (rival && link_.epoch().own == 0)) return LinkNews::kNotForUs;
    link_.reset();
    if ((rival && standing_by_) || !pace_.allows(link_.now())) return LinkNews::kNothing;
    if (!rival) return LinkNews::kBroken;
    standing_by_ = true;
    return LinkNews::kStandingBy;
  }

  L& link_;
  Pace pace_;
  const char* reason_ = "";
  bool up_ = false;
  bool standing_by_ = false;
};

}  // namespace hawser::app
