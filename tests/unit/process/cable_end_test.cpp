// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two devices of one process that sleep until the cable between them wakes them.
#include "driven.hpp"

#include <hawser/process/cable_end.hpp>

#include <doctest/doctest.h>

using namespace hawser;
using hawser::process::WakingCable;
using hawser::process::WakingCableEnd;
using hawser::test::Bytes;

TEST_CASE("a frame wakes the far device, room wakes the sender, and nothing wakes who has no driver") {
  WakingCable cable(1500);
  test::DrivenNet<WakingCableEnd, 1> left(cable.left(), {});
  REQUIRE(left.started);
  CHECK_FALSE(left.driver.link_up());
  CHECK_FALSE(test::readable(cable.right().wake_fd()));
  test::DrivenNet<WakingCableEnd, 1> right(cable.right(), {});
  REQUIRE(right.started);
  CHECK(test::readable(cable.left().wake_fd()));  // its link is up now
  left.transport.serve_all();
  CHECK_FALSE(test::readable(cable.left().wake_fd()));

  const Bytes frame = test::make_frame({}, test::pattern(1000));
  REQUIRE(left.send(frame));
  CHECK(test::readable(cable.right().wake_fd()));
  CHECK(right.receive(1, [](const Bytes&) { return true; }) == std::vector<Bytes>{frame});
  CHECK_FALSE(test::readable(cable.right().wake_fd()));

  std::size_t sent = 0;
  while (left.send(frame)) ++sent;
  left.transport.serve_all();
  CHECK_FALSE(test::readable(cable.left().wake_fd()));
  CHECK(right.receive(100, [](const Bytes&) { return true; }).size() == 100);
  CHECK(test::readable(cable.left().wake_fd()));
  left.transport.serve_all();
  std::size_t received = 100;
  for (;;) {
    const auto more = right.receive(50, [](const Bytes&) { return true; });
    received += more.size();
    if (more.empty()) break;
    if (test::readable(cable.left().wake_fd())) left.transport.serve_all();
  }
  CHECK(received == sent);

  right.driver.stop();
  (void)left.driver.poll();
  CHECK_FALSE(left.driver.link_up());
  REQUIRE(left.send(frame));
  CHECK_FALSE(test::readable(cable.right().wake_fd()));
}
