// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Random sequences of calls with either side hostile; the fuzz targets queue_device and queue_driver play the
// same games for longer.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "support/queue_play.hpp"
#include "support/seed.hpp"

#include <cstdlib>
#include <string>
#include <vector>

using namespace hawser::test;

namespace {

bool holds(void (*play)(std::span<const std::uint8_t>)) {
  HAWSER_TEST_SEED(seed);
  setenv("RC_PARAMS", ("seed=" + std::to_string(seed) + " max_success=2000").c_str(), 0);
  return rc::check([play] {
    const auto script =
        *rc::gen::resize(100, rc::gen::scale(6, rc::gen::container<std::vector<std::uint8_t>>(rc::gen::resize(
                                                    100, rc::gen::arbitrary<std::uint8_t>()))));
    play(script);
  });
}

}  // namespace

TEST_CASE("no sequence of calls and scribbles makes the device half break its rules") {
  CHECK(holds(DeviceGame::play));
}

TEST_CASE("no sequence of calls and scribbles makes the driver half break its rules") {
  CHECK(holds(DriverGame::play));
}
