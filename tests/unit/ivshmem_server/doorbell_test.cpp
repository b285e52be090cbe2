// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "client/doorbell.hpp"

#include <hawser/ivshmem/server/fd.hpp>

#include <doctest/doctest.h>
#include <sys/eventfd.h>

#include <cstdint>

using namespace hawser::ivshmem;

// Each of these stands still for ever when it fails.

TEST_CASE("a doorbell that was made blocking and whose count was taken away does not hold its owner up") {
  const UniqueFd bell(::eventfd(0, EFD_CLOEXEC));
  drain_doorbell(bell.raw());
  ring_doorbell(bell.raw());
  ring_doorbell(bell.raw());
  std::uint64_t count = 0;
  REQUIRE(::read(bell.raw(), &count, sizeof count) == sizeof count);
  CHECK(count == 2);
  ring_doorbell(bell.raw());
  drain_doorbell(bell.raw());
  drain_doorbell(bell.raw());
}

TEST_CASE("a doorbell that was made blocking and filled does not hold a ringer up") {
  const UniqueFd bell(::eventfd(0, EFD_CLOEXEC));
  const std::uint64_t full = UINT64_MAX - 1;
  REQUIRE(::write(bell.raw(), &full, sizeof full) == sizeof full);
  ring_doorbell(bell.raw());
  drain_doorbell(bell.raw());
  ring_doorbell(bell.raw());
  std::uint64_t count = 0;
  CHECK(::read(bell.raw(), &count, sizeof count) == sizeof count);
  CHECK(count == 1);
}
