// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How often something that the peer can cause may be told: a hostile one could fill a log or a console with it.
#pragma once

#include <hawser/transport/time.hpp>

#include <algorithm>
#include <cstdint>

namespace hawser::app {

class Pace {
 public:
  static constexpr unsigned kAtOnce = 20;
  static constexpr Duration kLater = seconds(1);  ///< One more for each of these.

  /// True: say it now. False: leave it, or say what is true then when this is asked again.
  bool allows(Instant now) {
    const std::uint64_t earned = elapsed(since_, now).ns / kLater.ns;
    if (earned > 0) {
      left_ = static_cast<unsigned>(std::min<std::uint64_t>(left_ + earned, kAtOnce));
      since_ = now;
    }
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  unsigned left_ = kAtOnce;
  Instant since_;
};

}  // namespace hawser::app
