// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Polling costs no system call and no allocation: both halves run where any system call kills.
#include <doctest/doctest.h>

#include "support/queue_rig.hpp"

#include <hawser/virtio/queue/chain_io.hpp>

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <new>

using namespace hawser;
using namespace hawser::virtio;

namespace {

unsigned long allocations = 0;

/// A lot of requests through both halves; whether all went well.
bool exchange(test::Rig& rig, unsigned requests) {
  const std::array readable = {rig.buffer(0, 16), rig.buffer(64, 8)};
  const std::array writable = {rig.buffer(128, 64)};
  std::array<Segment, 8> storage;
  std::array<std::byte, 24> bytes{};
  rig.driver.disarm();
  rig.device.disarm();
  for (unsigned n = 0; n < requests; ++n) {
    if (!rig.driver.try_add(readable, writable, Token{n}).ok()) return false;
    if (rig.driver.publish()) return false;
    auto chain = rig.device.try_take(storage);
    if (!chain.ok()) return false;
    ChainReader<RegionMemory> reader(rig.device.memory(), *chain);
    ChainWriter<RegionMemory> writer(rig.device.memory(), *chain);
    if (!reader.read(bytes).ok() || !writer.write(bytes).ok()) return false;
    rig.device.complete(std::move(chain).value(), 24);
    if (rig.device.publish()) return false;
    const auto done = rig.driver.try_reap();
    if (!done.ok() || done->token != Token{n} || done->written != 24) return false;
  }
  return true;
}

/// All but the event index of a split queue, whose stale request is worth one notification in 65536.
std::vector<Features> polled_features() {
  std::vector<Features> all;
  for (const Features& features : test::all_ring_features()) {
    if (features.has(VIRTIO_F_RING_PACKED) || !features.has(VIRTIO_F_EVENT_IDX)) all.push_back(features);
  }
  return all;
}

}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* const got = std::malloc(bytes)) return got;
  throw std::bad_alloc();
}
void operator delete(void* bytes) noexcept {
  std::free(bytes);
}
void operator delete(void* bytes, std::size_t) noexcept {
  std::free(bytes);
}

TEST_CASE("a polled request allocates nothing") {
  for (const Features& features : polled_features()) {
    INFO(test::name(features));
    test::Rig rig(features, 8);
    const unsigned long before = allocations;
    const bool good = exchange(rig, 10'000);
    CHECK(allocations == before);
    CHECK(good);
  }
}

TEST_CASE("a polled request makes no system call") {
  for (const Features& features : polled_features()) {
    INFO(test::name(features));
    test::Rig rig(features, 8);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
        _exit(2);  // from here on: read, write, exit, or death
      const bool good = exchange(rig, 10'000);
      syscall(SYS_exit, good ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
}

TEST_CASE("a system call would have been noticed") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) _exit(2);
    getppid();
    syscall(SYS_exit, 0);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}
