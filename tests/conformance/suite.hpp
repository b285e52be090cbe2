// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The Link contract as tests: each is named after the clause of transport/README.md that it checks. A link is put
// through all of them by
//
//     #define HAWSER_LINKS_UNDER_TEST MyPair, MyOtherPair
//     #include "conformance/suite.hpp"
//
// README.md here says what such a pair must offer.
#pragma once

#ifndef HAWSER_LINKS_UNDER_TEST
#error "define HAWSER_LINKS_UNDER_TEST as a list of pair types before including the suite"
#endif

#include "bell.hpp"
#include "channel.hpp"
#include "life.hpp"
#include "region.hpp"
#include "threads.hpp"
#include "trust.hpp"

#include <string>

namespace hawser::conformance {

HAWSER_CLAUSE("0 what this pair lets the suite do") {
  const auto yes = [](bool can) { return std::string(can ? "yes" : "no"); };
  MESSAGE("two threads ", yes(P::kTwoThreads), ", misbehave() ", yes(CanMisbehave<P>), ", control_bytes() ",
          yes(HasControlBytes<P>), ", cancel() ", yes(requires { b.first().bell().cancel(); }), ", region ",
          yes(b.first().visibility() == Visibility::kShared));
}

}  // namespace hawser::conformance
