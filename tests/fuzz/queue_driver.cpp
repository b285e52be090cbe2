// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver half of a queue against a device that scribbles over the ring between the calls.
#include "support/queue_play.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hawser::test::DriverGame::play({data, size});
  return 0;
}
