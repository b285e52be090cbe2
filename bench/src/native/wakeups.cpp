// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the kernel takes: a call, and waking somebody who sleeps.
#include "limits.hpp"

#include <hawser/ivshmem/server/fd.hpp>

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hawser::bench {
namespace {

using ivshmem::UniqueFd;

void tell(int fd) {
  const std::uint64_t one = 1;
  (void)!write(fd, &one, sizeof one);
}

void hear(int fd) {
  std::uint64_t count;
  while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {  // or a signal would be heard for the peer
  }
}

/// A word that one side moves and the other sleeps on.
struct alignas(128) Word {
  std::uint32_t value = 0;

  void move_to(std::uint32_t to) {
    publish(&value, to);
    syscall(SYS_futex, &value, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
  void wait_for(std::uint32_t wanted) {
    for (std::uint32_t seen; (seen = observe(&value)) != wanted;)
      syscall(SYS_futex, &value, FUTEX_WAIT, seen, nullptr, nullptr, 0);
  }
};

std::string where(Cores cores) {
  return cores.measuring == cores.answering ? "same_core" : "other_core";
}

Point sleeping_point(Cores cores, const char* name, const char* what,
                     Run (*run)(Cores, unsigned, Histogram*)) {
  Point point;
  point.figure = {.name = std::string(name) + "." + where(cores),
                  .what = what,
                  .unit = "ns",
                  .samples = {},
                  .limit = true};
  point.run = [=](unsigned units, Histogram* single) { return run(cores, units, single); };
  point.latency = true;
  return point;
}

}  // namespace

Run system_call(Cores cores, unsigned units) {
  const auto measure = [](Patience&, const Pass& pass) {
    for (unsigned n = 0; n < pass.units; ++n) syscall(SYS_getppid);
  };
  return timed_pair(cores, units, nullptr, measure, [](Patience&, const Pass&) {});
}

Run eventfd_trip(Cores cores, unsigned units, Histogram* single) {
  const UniqueFd there(eventfd(0, EFD_CLOEXEC)), back(eventfd(0, EFD_CLOEXEC));
  if (!there || !back) return {.broken = std::string("no eventfd: ") + std::strerror(errno)};
  const auto measure = [&](Patience&, const Pass& pass) {
    Stopwatch watch(pass.single);
    for (unsigned n = 0; n < pass.units; ++n) {
      tell(there.raw());
      hear(back.raw());
      watch.lap();
    }
  };
  const auto answer = [&](Patience&, const Pass& pass) {
    for (unsigned n = 0; n < pass.units; ++n) {
      hear(there.raw());
      tell(back.raw());
    }
  };
  return timed_pair(cores, units, single, measure, answer, true);
}

Run futex_trip(Cores cores, unsigned units, Histogram* single) {
  Word there, back;
  const auto word = [](std::uint64_t n) { return static_cast<std::uint32_t>(n); };
  const auto measure = [&](Patience&, const Pass& pass) {
    Stopwatch watch(pass.single);
    for (std::uint64_t n = pass.from + 1; n <= pass.end(); ++n) {
      there.move_to(word(n));
      back.wait_for(word(n));
      watch.lap();
    }
  };
  const auto answer = [&](Patience&, const Pass& pass) {
    for (std::uint64_t n = pass.from + 1; n <= pass.end(); ++n) {
      there.wait_for(word(n));
      back.move_to(word(n));
    }
  };
  return timed_pair(cores, units, single, measure, answer, true);
}

Point eventfd_point(Cores cores) {
  return sleeping_point(cores, "eventfd", "round trip over two eventfds, both sides sleeping", eventfd_trip);
}

Point futex_point(Cores cores) {
  return sleeping_point(cores, "futex", "round trip over two futexes, both sides sleeping", futex_trip);
}

}  // namespace hawser::bench
