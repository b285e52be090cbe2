// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "support/seed.hpp"

#include <hawser/argo/inbox.hpp>
#include <hawser/transport/random.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <vector>

namespace hawser::argo {

using Bytes = std::vector<std::byte>;

TEST_CASE("an inbox gives back what went in, in order, over many wraps and split anywhere") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  Bytes memory(2048);
  Inbox inbox(memory);
  std::deque<Bytes> model;
  std::uint32_t used = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random.chance(step / 100 % 2 == 0 ? 60 : 40)) {
      Bytes message(random.below(300));
      random.fill(message);
      const std::size_t cut = random.below(message.size() + 1);
      const auto whole = std::span<const std::byte>(message);
      const bool fits = message_cost(static_cast<std::uint32_t>(message.size())) <= memory.size() - used;
      REQUIRE(inbox.push({whole.first(cut), whole.subspan(cut)}) == fits);
      if (!fits) continue;
      used += message_cost(static_cast<std::uint32_t>(message.size()));
      model.push_back(message);
    } else {
      Bytes to(300);
      const auto got = inbox.pop(to);
      REQUIRE(got.ok() == !model.empty());
      if (!got.ok()) continue;
      to.resize(*got);
      REQUIRE(to == model.front());
      used -= message_cost(*got);
      model.pop_front();
    }
    REQUIRE(inbox.used() == used);
  }
}

TEST_CASE("a message that does not fit into the buffer stays in the inbox") {
  Bytes memory(256);
  Inbox inbox(memory);
  Bytes message(20, std::byte{7});
  REQUIRE(inbox.push({std::span<const std::byte>(message), {}}));
  Bytes to(19);
  CHECK(inbox.pop(to).error() == ReceiveError::kTooSmall);
  to.resize(20);
  CHECK(inbox.pop(to).value() == 20);
  CHECK(to == message);
  CHECK(inbox.pop(to).error() == ReceiveError::kEmpty);
}

}  // namespace hawser::argo
