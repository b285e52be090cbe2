// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both halves of a queue at the same time: in two threads, where the thread sanitizer watches, and in two
// processes that share nothing but a memfd and two eventfds.
#include "queue_pair.hpp"

#include <doctest/doctest.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include <thread>

using namespace hawser;
using namespace hawser::test;
using virtio::AdaptiveSpin;

namespace {

#if defined(HAWSER_TSAN) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kRequests = 1'500;
#else
constexpr std::uint64_t kRequests = 10'000;
#endif

const char* name(AdaptiveSpin::Mode mode) {
  return mode == AdaptiveSpin::Mode::kNever ? "sleep at once" : "spin, then sleep";
}

template <class Run>
void for_all_plans(Run run) {
  for (const virtio::Features& features : all_ring_features()) {
    for (const auto mode : {AdaptiveSpin::Mode::kNever, AdaptiveSpin::Mode::kAdaptive}) {
      for (const std::uint16_t size : {1, 8, 64}) {
        Doorbell to_device;
        Doorbell to_driver;
        PairPlan plan{features, size, size == 1 ? kRequests / 10 : kRequests, mode, &to_device, &to_driver};
        INFO(test::name(features), ", ", name(mode), ", size ", size);
        run(plan);
      }
    }
  }
}

}  // namespace

TEST_CASE("two threads exchange requests in every format, and nobody sleeps through a wake-up") {
  for_all_plans([](const PairPlan& plan) {
    Region region(64 * 1024);
    PairDriver driver(region.memory(), plan);
    PairEnd served = PairEnd::kRunning;
    std::thread serving([&] {
      PairDevice device(region.memory(), plan);
      served = run_pair(device, plan, *plan.to_device);
    });
    const PairEnd driven = run_pair(driver, plan, *plan.to_driver);
    serving.join();
    CHECK(driven == PairEnd::kGood);
    CHECK(served == PairEnd::kGood);
  });
}

TEST_CASE("two processes exchange requests in every format, each with its own mapping") {
  static constexpr std::size_t kBytes = 64 * 1024;
  for_all_plans([](const PairPlan& plan) {
    const int fd = memfd_create("queue", MFD_CLOEXEC);
    REQUIRE(fd >= 0);
    REQUIRE(ftruncate(fd, kBytes) == 0);
    const auto map = [&] {
      void* const at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      return RegionMemory(std::span(static_cast<std::byte*>(at), at == MAP_FAILED ? 0 : kBytes));
    };
    const RegionMemory ours = map();
    REQUIRE(ours.size() == kBytes);
    PairDriver driver(ours, plan);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      PairDevice device(map(), plan);
      _exit(static_cast<int>(run_pair(device, plan, *plan.to_device)));
    }
    CHECK(run_pair(driver, plan, *plan.to_driver) == PairEnd::kGood);
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == static_cast<int>(PairEnd::kGood));
    munmap(ours.area(Offset(0), kBytes, 1)->bytes().data(), kBytes);
    close(fd);
  });
}
