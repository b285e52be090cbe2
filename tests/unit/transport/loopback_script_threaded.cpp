// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "loopback_script.hpp"

#include <atomic>
#include <thread>

void hawser::test::with_second_end(loopback::Link& second, const std::function<void()>& work,
                                   const std::function<void()>& body) {
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    while (!stop) {
      work();
      second.bell().arm();
      work();  // look once more, only then wait
      (void)second.bell().wait(second.now() + kPollInterval);
    }
  });
  body();
  stop = true;
  second.bell().cancel();
  thread.join();
}
