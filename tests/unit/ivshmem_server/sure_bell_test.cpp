// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "server/sure_bell.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

using namespace hawser::ivshmem;

TEST_CASE("a sure bell adds one to an eventfd") {
  SureBell bell;
  CHECK(bell.sure());
  const UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  for (int i = 0; i < 200; ++i) bell.ring(fd.raw());  // more than it has room for at once
  std::uint64_t count = 0;
  CHECK(::read(fd.raw(), &count, sizeof count) == sizeof count);
  CHECK(count == 200);
}

TEST_CASE("a sure bell rings an eventfd that is full and made to block, without blocking") {
  SureBell bell;
  REQUIRE(bell.sure());
  const UniqueFd fd(::eventfd(0, EFD_CLOEXEC));
  const std::uint64_t full = UINT64_MAX - 1;
  REQUIRE(::write(fd.raw(), &full, sizeof full) == sizeof full);
  REQUIRE((::fcntl(fd.raw(), F_GETFL) & O_NONBLOCK) == 0);
  for (int i = 0; i < 3; ++i) bell.ring(fd.raw());
  pollfd p{fd.raw(), POLLIN, 0};
  CHECK(::poll(&p, 1, 0) == 1);
}

TEST_CASE("what is no eventfd is not rung, and harms nothing") {
  SureBell bell;
  const UniqueFd file(::open("/dev/null", O_RDWR | O_CLOEXEC));
  bell.ring(file.raw());
  bell.ring(-1);
  const UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  bell.ring(fd.raw());
  std::uint64_t count = 0;
  CHECK(::read(fd.raw(), &count, sizeof count) == sizeof count);
  CHECK(count == 1);
}
