// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/events.hpp>
#include <hawser/bench/stop.hpp>
#include <hawser/bench/suite_program.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace hawser::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// The child, and every process that it left in its group.
class Child {
 public:
  explicit Child(const std::vector<std::string>& argv) {
    std::vector<char*> words;
    for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) {
      setpgid(0, 0);
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(127);
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
      const int null = open("/dev/null", O_RDONLY);
      dup2(null, STDIN_FILENO);
      dup2(ends[1], STDOUT_FILENO);
      execv(words[0], words.data());
      const char* why = std::strerror(errno);
      for (const char* part : {"hawser bench: ", const_cast<const char*>(words[0]), ": ", why, "\n"})
        (void)!write(STDERR_FILENO, part, std::strlen(part));
      _exit(127);
    }
    close(ends[1]);
    output_ = ends[0];
    if (pid_ > 0) setpgid(pid_, pid_);  // whoever comes first
  }
  ~Child() {
    end(SIGKILL);
    (void)wait_for_end(std::chrono::seconds(5));
    if (output_ >= 0) close(output_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool started() const { return pid_ > 0; }
  int output() const { return output_; }
  /// The whole group, also after the child itself is gone.
  void end(int signal) const {
    if (pid_ > 0) kill(-pid_, signal);
  }

  /// The status as waitpid gives it; nothing if it still runs after that time.
  std::optional<int> wait_for_end(std::chrono::milliseconds patience) {
    for (const auto until = Clock::now() + patience; pid_ > 0 && !status_; usleep(2000)) {
      // Not reaped before the group was swept: until then nobody else can get its number.
      siginfo_t info{};
      if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
          info.si_pid == pid_) {
        end(SIGKILL);
        int status = 0;
        waitpid(pid_, &status, 0);
        status_ = status;
      } else if (Clock::now() >= until) {
        return std::nullopt;
      }
    }
    return status_;
  }

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::optional<int> status_;
};

/// Bytes into lines into events.
class Listener {
 public:
  Listener(Sink& sink, const ProgramLimits& limits) : sink_(sink), limits_(limits) {}

  void hear(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      const auto part = bytes.substr(0, end);
      if (line_.size() + part.size() > limits_.longest_line) {
        overlong_ = true;
        line_.clear();
      } else if (!overlong_) {
        line_ += part;
      }
      if (end == std::string_view::npos) return;
      finish_line();
      bytes.remove_prefix(end + 1);
    }
  }

  /// The stream is over. A last line without its end was cut off: it is not believed.
  void finish() {
    if (!line_.empty() || overlong_) wrong("the last line was cut off");
    if (wrong_ != 0)
      sink_.note({"", fmt::format("{} of this suite's lines made no sense and were left out; the first: {}",
                                  wrong_, first_wrong_)});
  }

  bool ended() const { return ended_; }

 private:
  void finish_line() {
    const std::string line = std::exchange(line_, {});
    if (std::exchange(overlong_, false)) {
      wrong(fmt::format("longer than {} bytes", limits_.longest_line));
      return;
    }
    if (line.empty()) return;
    try {
      take(parse_event(line));
    } catch (const Malformed& what) {
      wrong(what.what());
    }
  }

  void take(Event event) {
    if (auto* begin = std::get_if<BeginEvent>(&event)) {
      sink_.begin(begin->plan);
    } else if (auto* step = std::get_if<StepEvent>(&event)) {
      sink_.step(step->name, step->done);
    } else if (std::holds_alternative<EndEvent>(event)) {
      ended_ = true;
    } else if (++items_ > limits_.most_figures) {
      wrong(fmt::format("more than {} figures, skips and notes", limits_.most_figures));
    } else if (auto* figure = std::get_if<Figure>(&event)) {
      sink_.figure(std::move(*figure));
    } else if (auto* skip = std::get_if<Skip>(&event)) {
      sink_.skip(std::move(*skip));
    } else if (auto* note = std::get_if<Note>(&event)) {
      sink_.note(std::move(*note));
    }
  }

  void wrong(std::string why) {
    if (wrong_++ == 0) first_wrong_ = std::move(why);
  }

  Sink& sink_;
  const ProgramLimits& limits_;
  std::string line_;
  std::string first_wrong_;
  std::size_t items_ = 0;
  std::size_t wrong_ = 0;
  bool overlong_ = false;
  bool ended_ = false;
};

ProgramResult verdict(std::optional<int> status, bool ended, bool stopped) {
  if (stopped) return {ProgramEnd::kInterrupted, ""};
  if (!status) return {ProgramEnd::kFailed, "it could not be ended"};
  if (WIFSIGNALED(*status))
    return {ProgramEnd::kFailed,
            fmt::format("it was ended by signal {} ({})", WTERMSIG(*status), strsignal(WTERMSIG(*status)))};
  switch (WEXITSTATUS(*status)) {
    case 0:
      return ended ? ProgramResult{ProgramEnd::kMeasured, ""}
                   : ProgramResult{ProgramEnd::kInterrupted, "it stopped without saying that it was done"};
    case 75:
      return {ProgramEnd::kCannotHere, ""};
    case 127:
      return {ProgramEnd::kFailed, "it could not be started"};
    default:
      return {ProgramEnd::kFailed, fmt::format("it ended with status {}", WEXITSTATUS(*status))};
  }
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& argv, Sink& sink, const ProgramLimits& limits) {
  Child child(argv);
  if (!child.started())
    return {ProgramEnd::kFailed, fmt::format("no process could be made: {}", std::strerror(errno))};
  Listener listener(sink, limits);
  std::array<char, 65536> buffer;
  auto heard = Clock::now();
  std::optional<Clock::time_point> leaving;  // since when it knows that it should end
  bool hangs = false;
  for (;;) {
    pollfd p{child.output(), POLLIN, 0};
    const int ready = poll(&p, 1, 50);
    if (ready > 0) {
      const ssize_t n = read(child.output(), buffer.data(), buffer.size());
      if (n == 0 || (n < 0 && errno != EINTR)) break;
      if (n > 0) listener.hear({buffer.data(), static_cast<std::size_t>(n)});
      heard = Clock::now();
    }
    if (!leaving && (Stop::asked() != 0 || Clock::now() - heard > limits.silence)) {
      hangs = Stop::asked() == 0;
      leaving = Clock::now();
      child.end(SIGTERM);
    }
    if (leaving && (Clock::now() - *leaving > limits.farewell || Stop::times() > 1)) break;
    // Its own end may be gone while a grandchild still holds the pipe.
    if (ready == 0 && child.wait_for_end(std::chrono::milliseconds(0))) {
      while (poll(&p, 1, 0) > 0) {
        const ssize_t n = read(child.output(), buffer.data(), buffer.size());
        if (n <= 0) break;
        listener.hear({buffer.data(), static_cast<std::size_t>(n)});
      }
      break;
    }
  }
  // It closed its output: it has a moment to end by itself.
  auto status =
      leaving ? child.wait_for_end(std::chrono::milliseconds(200)) : child.wait_for_end(limits.farewell);
  if (!status) {
    child.end(SIGKILL);
    status = child.wait_for_end(std::chrono::seconds(5));
  }
  listener.finish();
  if (hangs)
    return {ProgramEnd::kFailed,
            fmt::format("it said nothing for {} s and was ended",
                        std::chrono::duration_cast<std::chrono::seconds>(limits.silence).count())};
  return verdict(status, listener.ended(), leaving.has_value());
}

}  // namespace hawser::bench
