// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a loopback link can be told to do wrong, and what it reports when its user does something wrong.
// README.md says for each fault whether code above a link must work as if nothing had happened ("within the
// contract") or only has to survive ("breakage").
#pragma once

#include <hawser/transport/time.hpp>

#include <cstdint>

namespace hawser::loopback {

/// Done to what this end rings and sends. Percentages: 0 never, 100 always. May be changed at any time by the
/// thread that owns the end.
struct Faults {
  // Within the contract.
  std::uint8_t delay_rings = 0;      ///< Arrives later, by at most longest_delay.
  std::uint8_t duplicate_rings = 0;  ///< Arrives now, and once more later.
  std::uint8_t reorder_rings = 0;    ///< Arrives after the next ring (or after longest_delay).
  std::uint8_t spurious_rings = 0;   ///< This end's wait() and take() report more than was rung.
  std::uint8_t full = 0;             ///< try_send says kFull although there is room.
  std::uint8_t refuse = 0;           ///< try_send says kRefused.

  // Breakage: a carrier that loses rings.
  std::uint8_t drop_rings = 0;  ///< Never arrives; nor do its marks.

  Duration longest_delay = milliseconds(1);
};

/// How an end can break the protocol. The other end then breaks its link, with a reason.
enum class Misdeed : std::uint8_t {
  kSaysItSentTooMuch,  ///< More messages than the channel holds.
  kSaysItTookTooMuch,  ///< Messages that were never sent.
  kMessageTooLong,  ///< A waiting message claims to be longer than the mtu; without one, a message appears.
};

/// What code above the link did although the contract forbids it or makes it pointless. The link behaves as
/// documented all the same.
enum class Violation : std::uint8_t {
  kSentWhileDown,         ///< try_send without looking at state(): legal, but careless.
  kWaitedUnarmed,         ///< wait() without arm(): a ring does not end it.
  kWaitedWithoutRecheck,  ///< A message was waiting before arm(), and nobody looked between arm() and wait().
  kWaitedWithoutPoll,     ///< Two waits with no poll() between them.
  kPolledTooRarely,       ///< More than twice kPollInterval without a poll(). Only seen in virtual time.
  kWaitedForever,         ///< A wait until never() that nobody ended. Only seen in virtual time.
  kUsedWhileDead,         ///< A call into an end that was killed.
};

/// A sentence for people.
const char* describe(Violation violation);

}  // namespace hawser::loopback
