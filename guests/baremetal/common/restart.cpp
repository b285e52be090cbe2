// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/guest/restart.hpp>

#include "arch.hpp"
#include "end.hpp"

namespace hawser::guest {
namespace {

HAWSER_GUEST_SURVIVES constinit std::uint32_t count = 0;

}  // namespace

void restart(Duration silence) {
  const Instant until = arch::now() + silence;
  arch::set_alarm(until);
  while (arch::now() < until) arch::idle();
  ++count;
  arch::restart();
  give_up("an image is restarted in place only on aarch64");
}

std::uint32_t restarts() {
  return count;
}

}  // namespace hawser::guest
