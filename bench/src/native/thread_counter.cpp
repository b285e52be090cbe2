// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "thread_counter.hpp"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace hawser::bench {

ThreadCounter::ThreadCounter(Event event) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = event == Event::kTaskClock ? PERF_TYPE_SOFTWARE : PERF_TYPE_HARDWARE;
  attr.config = event == Event::kTaskClock ? std::uint64_t{PERF_COUNT_SW_TASK_CLOCK}
                                           : std::uint64_t{PERF_COUNT_HW_INSTRUCTIONS};
  attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  attr.exclude_kernel = 1;
  attr.exclude_hv = 1;
  fd_ = static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  if (fd_ < 0) refusal_ = errno;
}

ThreadCounter::~ThreadCounter() {
  if (fd_ >= 0) close(fd_);
}

std::optional<std::uint64_t> ThreadCounter::count() const {
  struct {
    std::uint64_t value, enabled, running;
  } now{};
  if (fd_ < 0 || read(fd_, &now, sizeof now) != static_cast<ssize_t>(sizeof now)) return std::nullopt;
  if (now.running != now.enabled) return std::nullopt;
  return now.value;
}

}  // namespace hawser::bench
