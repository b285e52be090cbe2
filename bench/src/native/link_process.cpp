// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "link_process.hpp"

#include "pair.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>

namespace hawser::bench {

SharedControl::SharedControl() {
  void* at = mmap(nullptr, sizeof(LinkControl), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw std::runtime_error("no memory to share with a process");
  control_ = ::new (at) LinkControl();
}

SharedControl::~SharedControl() {
  munmap(control_, sizeof(LinkControl));
}

void settle(LinkControl& control, Cores cores) {
  pin(cores.answering);
  control.thread.store(static_cast<int>(gettid()));
}

LinkProcess::LinkProcess(const std::function<void()>& work) {
  std::fflush(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error(fmt::format("no process could be made: {}", std::strerror(errno)));
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, "hawser-bench");
  // Ctrl-C reaches all of a terminal's processes; this one goes on until the run has ended in order.
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) signal(number, SIG_IGN);
  if (getppid() != parent) _exit(1);
  try {
    work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hawser bench: %s\n", error.what());
    _exit(1);
  }
  _exit(0);
}

LinkProcess::~LinkProcess() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

SocketFolder::SocketFolder() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/hawser-bench-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr)
    throw std::runtime_error(fmt::format("{}: {}", path_, std::strerror(errno)));
}

void SocketFolder::remove() {
  std::error_code none;
  if (!path_.empty()) std::filesystem::remove_all(path_, none);
  path_.clear();
}

std::uint64_t preemptions_of(int thread) {
  std::ifstream file(fmt::format("/proc/{}/status", thread));
  constexpr std::string_view kKey = "nonvoluntary_ctxt_switches:";
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(kKey)) return std::strtoull(line.c_str() + kKey.size(), nullptr, 10);
  return 0;
}

Pinned::Pinned(int core) {
  CPU_ZERO(&before_);
  sched_getaffinity(0, sizeof before_, &before_);
  pin(core);
}

Pinned::~Pinned() {
  sched_setaffinity(0, sizeof before_, &before_);
}

}  // namespace hawser::bench
