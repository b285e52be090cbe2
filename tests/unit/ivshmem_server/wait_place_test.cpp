// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A waiting place: what is watched for its changes, and waiting under a filter of system calls, as containers have. The
// filter stays for the rest of a process's life, so a child has it.
#include <hawser/ivshmem/client/wait_place.hpp>
#include <hawser/ivshmem/server/clock.hpp>
#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/fd.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>

using namespace hawser;
using namespace hawser::ivshmem;

namespace {

enum Outcome : int {
  kSlept = 10,
  kReturnedAtOnce,
  kRaised,
  kNoFilter
};

bool answer_epoll_pwait2_with(int error) {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof(rules) / sizeof(rules[0]), rules};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int wait_under(int error) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int outcome = kNoFilter;
    try {
      WaitPlace place;
      if (answer_epoll_pwait2_with(error)) {
        const auto before = std::chrono::steady_clock::now();
        const Wake wake = place.wait(monotonic_now() + Duration{50'000'000});
        const bool slept = std::chrono::steady_clock::now() - before >= std::chrono::milliseconds(50);
        outcome = slept && wake == Wake::kTimeout ? kSlept : kReturnedAtOnce;
      }
    } catch (const Error&) {
      outcome = kRaised;
    }
    ::_exit(outcome);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("waiting sleeps where the newer call is unknown or forbidden, and any other failure is raised") {
  if (wait_under(ENOSYS) == kNoFilter) {
    MESSAGE("no filter of system calls can be set here: not tested");
    return;
  }
  CHECK(wait_under(ENOSYS) == kSlept);
  CHECK(wait_under(EPERM) == kSlept);
  CHECK(wait_under(EINTR) == kReturnedAtOnce);
  CHECK(wait_under(EBADF) == kRaised);
}

TEST_CASE("what is watched for its changes wakes once for each, behind a set of descriptors, too") {
  int pipes[2];
  REQUIRE(::pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
  const UniqueFd reader(pipes[0]), writer(pipes[1]);
  const UniqueFd set(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  REQUIRE(::epoll_ctl(set.raw(), EPOLL_CTL_ADD, reader.raw(), &event) == 0);
  REQUIRE(::write(writer.raw(), "x", 1) == 1);

  for (const int fd : {reader.raw(), set.raw()}) {
    CAPTURE(fd == set.raw());
    WaitPlace place;
    place.watch(fd, 7, WaitPlace::kReadable | WaitPlace::kChanges);
    CHECK(place.wait(monotonic_now()) == Wake::kRung);  // ready before it was watched
    CHECK(place.ready().size() == 1);
    CHECK(place.wait(monotonic_now()) == Wake::kTimeout);  // still ready, which has been said
    REQUIRE(::write(writer.raw(), "y", 1) == 1);
    CHECK(place.wait(monotonic_now()) == Wake::kRung);
    CHECK(place.wait(monotonic_now()) == Wake::kTimeout);
    place.watch(fd, 7);
    CHECK(place.wait(monotonic_now()) == Wake::kRung);
    CHECK(place.wait(monotonic_now()) == Wake::kRung);
  }
}
