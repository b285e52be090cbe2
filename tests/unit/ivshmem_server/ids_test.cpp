// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "server/ids.hpp"

#include <doctest/doctest.h>

#include <vector>

using hawser::ivshmem::Ids;

TEST_CASE("ids go up and do not come back while there are fresh ones") {
  Ids ids(4);
  auto a = *ids.take();
  CHECK(a.id == 0);
  ids.retire(a);
  CHECK(ids.take()->id == 1);
}

TEST_CASE("an id never comes back to a client that may have seen it go") {
  Ids ids(3);
  const auto witness = *ids.take();
  const auto b = *ids.take();
  ids.retire(b);
  const auto c = *ids.take();
  ids.retire(c);
  CHECK(ids.left() == 0);
  CHECK_FALSE(ids.take());  // ids 1 and 2 are free, but the witness knew both
  ids.retire(witness);
  CHECK(ids.left() == 3);
  CHECK(ids.take()->id == 1);  // the one that has been gone for longest
}

TEST_CASE("an id comes back when everybody alive joined after its holder had left") {
  Ids ids(2);
  const auto a = *ids.take();
  ids.retire(a);
  const auto b = *ids.take();  // joined after 0 had left
  CHECK(ids.left() == 1);
  const auto again = ids.take();
  REQUIRE(again);
  CHECK(again->id == 0);
  ids.retire(*again);
  CHECK_FALSE(ids.take());  // now b has seen 0 go
  ids.retire(b);
  CHECK(ids.take());
}

TEST_CASE("the whole 16-bit space is used before anything is refused") {
  Ids ids;
  const auto witness = *ids.take();
  for (int i = 1; i < 65536; ++i) ids.retire(*ids.take());
  CHECK_FALSE(ids.take());
  ids.retire(witness);
  CHECK(ids.left() == 65536);
}
