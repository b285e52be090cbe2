// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device half of a queue against a driver that scribbles over the ring between the calls.
#include "support/queue_play.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hawser::test::DeviceGame::play({data, size});
  return 0;
}
