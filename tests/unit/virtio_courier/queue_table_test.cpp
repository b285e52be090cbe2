// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The table of queues: who is found in it, how much of it is looked at, and that each gets its turn.
#include <hawser/virtio/courier/queue_table.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace hawser::virtio::courier;

namespace {

struct Place {
  bool known = false;
  std::uint16_t device = 0;
  std::uint16_t index = 0;
};
using Table = QueueTable<Place, 4>;

std::vector<std::uint16_t> turns(Table& table, unsigned count) {
  std::vector<std::uint16_t> taken;
  while (taken.size() < count) taken.push_back(table.number_of(table.next()));
  return taken;
}

}  // namespace

TEST_CASE("a queue keeps its place, and a table that is full has none") {
  Table table;
  CHECK(table.find(0, 0) == nullptr);
  Place* const first = table.place(7, 1);
  REQUIRE(first != nullptr);
  CHECK(table.place(7, 1) == first);
  CHECK(table.find(7, 1) == first);
  CHECK(table.find(1, 7) == nullptr);
  CHECK(table.place(7, 0x10000) == nullptr);
  for (std::uint16_t n = 0; n < 3; ++n) {
    CHECK(table.has_place(8, n));
    CHECK(table.place(8, n) != nullptr);
  }
  CHECK(table.place(9, 0) == nullptr);
  CHECK_FALSE(table.has_place(9, 0));
  CHECK(table.has_place(8, 2));
}

TEST_CASE("no more of a table is looked at than was ever used") {
  Table table;
  CHECK(table.used().empty());
  (void)table.place(1, 0);
  Place* const second = table.place(1, 1);
  CHECK(table.used().size() == 2);
  *second = {};
  CHECK(table.place(2, 0) == second);  // a place that became free
  CHECK(table.used().size() == 2);
}

TEST_CASE("all get their turn, and one that is new gets it too") {
  Table table;
  (void)table.place(1, 0);
  (void)table.place(1, 1);
  CHECK(turns(table, 5) == std::vector<std::uint16_t>{0, 1, 0, 1, 0});
  (void)table.place(1, 2);
  CHECK(turns(table, 4) == std::vector<std::uint16_t>{1, 2, 0, 1});
}
