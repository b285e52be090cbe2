// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/argo/credit.hpp>

#include <doctest/doctest.h>

namespace hawser::argo {

TEST_CASE("credit is spent by sending and comes back by what the peer freed") {
  SendCredit credit(1000);
  CHECK(credit.left() == 1000);
  credit.spend(600);
  CHECK(credit.left() == 400);
  CHECK(credit.update(500));
  CHECK(credit.left() == 900);
  CHECK(credit.update(500));  // no news
  CHECK(credit.left() == 900);
}

TEST_CASE("a peer can neither free what it was not sent, nor take back what it freed") {
  SendCredit credit(1000);
  credit.spend(600);
  CHECK_FALSE(credit.update(601));
  CHECK_FALSE(credit.update(UINT32_MAX));
  CHECK(credit.update(300));
  CHECK_FALSE(credit.update(299));
  CHECK_FALSE(credit.update(0));
  CHECK(credit.left() == 700);  // unchanged by all that
}

TEST_CASE("credit goes on when its counters wrap around") {
  SendCredit credit(100);
  std::uint32_t freed = 0;
  for (std::uint64_t sent = 0; sent < (std::uint64_t{1} << 32) + 1000;) {
    credit.spend(0x7fffffff);  // more than the window, so that it wraps within the test's time
    sent += 0x7fffffff;
    freed += 0x7fffffff;
    REQUIRE(credit.update(freed));
  }
  CHECK(credit.left() == 100);
}

}  // namespace hawser::argo
