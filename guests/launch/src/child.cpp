// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/child.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace hawser::launch {

std::string Ending::text() const {
  return by_signal ? fmt::format("signal {} ({})", number, ::strsignal(number))
                   : fmt::format("status {}", number);
}

Child::Child(const std::vector<std::string>& command) {
  int out[2], failed[2];
  if (::pipe2(out, O_CLOEXEC) != 0)
    throw std::runtime_error(fmt::format("can't make a pipe: {}", ::strerror(errno)));
  if (::pipe2(failed, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(out[0]);
    ::close(out[1]);
    throw std::runtime_error(fmt::format("can't make a pipe: {}", ::strerror(error)));
  }
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    // Only async-signal-safe calls from here on.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);  // the owner died before the line above
    ::setpgid(0, 0);                          // a Ctrl-C at the terminal is the owner's to handle
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(null, 0);
    ::dup2(out[1], 1);
    ::dup2(out[1], 2);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::execvp(argv[0], argv.data());
    const int error = errno;
    [[maybe_unused]] auto said = ::write(failed[1], &error, sizeof error);
    ::_exit(127);
  }
  const int fork_error = errno;
  ::close(out[1]);
  ::close(failed[1]);
  int error = pid < 0 ? fork_error : 0;
  if (pid > 0) {
    ssize_t got;
    do {
      got = ::read(failed[0], &error, sizeof error);  // ends at once: exec closes the other end
    } while (got < 0 && errno == EINTR);
    if (got != sizeof error) error = 0;
  }
  ::close(failed[0]);
  if (error != 0) {
    ::close(out[0]);
    if (pid > 0) ::waitpid(pid, nullptr, 0);
    throw std::runtime_error(fmt::format("can't start {}: {}", command.front(), ::strerror(error)));
  }
  ::fcntl(out[0], F_SETFL, O_NONBLOCK);
  pid_ = pid;
  output_fd_ = out[0];
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), output_fd_(std::exchange(other.output_fd_, -1)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    if (running()) stop();
    close_output();
    pid_ = std::exchange(other.pid_, -1);
    output_fd_ = std::exchange(other.output_fd_, -1);
  }
  return *this;
}

Child::~Child() {
  if (running()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  close_output();
}

void Child::close_output() {
  if (output_fd_ >= 0) ::close(output_fd_);
  output_fd_ = -1;
}

void Child::signal(int number) const {
  if (running()) ::kill(pid_, number);
}

std::optional<Ending> Child::try_reap() {
  if (!running()) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  if (WIFSIGNALED(status)) return Ending{true, WTERMSIG(status)};
  return Ending{false, WEXITSTATUS(status)};
}

Ending Child::stop() {
  signal(SIGTERM);
  for (int tries = 0; tries < 100; ++tries) {
    if (auto ending = try_reap()) return *ending;
    ::poll(nullptr, 0, 10);
  }
  signal(SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return Ending{true, SIGKILL};
}

}  // namespace hawser::launch
