// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/terminal.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace hawser::process {

namespace {

constexpr auto kSizeEvery = std::chrono::milliseconds(100);

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

bool ready(int fd, short events) {
  pollfd member{fd, events, 0};
  return ::poll(&member, 1, 0) > 0 && (member.revents & events) != 0;
}

}  // namespace

void Terminal::use(int in, int out, const std::string& path) {
  in_ = in;
  out_ = out;
  connected_ = true;
  if (path.empty()) return;
  opens_ = OwnedFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!opens_ || ::inotify_add_watch(opens_.get(), path.c_str(), IN_OPEN | IN_CLOSE) < 0) {
    fail(fmt::format("watching {}", path));
  }
  connected_ = !ready(in_, POLLHUP);
}

/// Is there anybody now? That somebody closes the other end is told before its hang-up shows, so while there is
/// somebody this looks each time.
void Terminal::look_again() const {
  if (!opens_) return;
  alignas(inotify_event) std::array<char, 4096> events;
  bool any = false;
  while (::read(opens_.get(), events.data(), events.size()) > 0) any = true;
  if (!any && !connected_) return;
  const bool now = !ready(in_, POLLHUP);
  if (std::exchange(connected_, now) != now) watch();
}

/// A hang-up would wake us for ever, so an end that nobody holds is not watched.
void Terminal::watch() const {
  const std::uint32_t leaves = opens_ && connected_ && driver_open_ ? EPOLLHUP : 0u;
  const std::uint32_t input = leaves | (input_wanted_ && !at_end_ && connected_ ? EPOLLIN : 0u);
  const std::uint32_t output = full_ && connected_ && driver_open_ ? EPOLLOUT : 0u;
  if (in_ == out_) {
    wake_.watch(in_, input | output);
  } else {
    wake_.watch(in_, input);
    wake_.watch(out_, output);
  }
}

std::size_t Terminal::read(std::span<std::byte> out) {
  look_again();
  if (at_end_ || out.empty()) return 0;
  const ssize_t got = ::read(in_, out.data(), out.size());
  if (got > 0) return static_cast<std::size_t>(got);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (!opens_) {
    at_end_ = true;  // an error other than these stays, too
    watch();
  } else if (got < 0 && errno == EIO) {
    connected_ = false;
    watch();
  }
  return 0;  // nothing there, or nobody (EIO); who comes is noticed
}

std::size_t Terminal::write(std::span<const std::byte> in) {
  look_again();
  if (!connected_) return in.size();
  ssize_t put = -1;
  do {
    put = ::write(out_, in.data(), in.size());
  } while (put < 0 && errno == EINTR);
  const bool full = put < 0 && errno == EAGAIN;
  if (full != full_) {
    full_ = full;
    watch();
  }
  if (full) return 0;
  return put < 0 ? in.size() : static_cast<std::size_t>(put);  // any other error: there is nobody
}

bool Terminal::writable() const {
  return !full_ || !connected() || ready(out_, POLLOUT | POLLERR | POLLHUP);
}

bool Terminal::connected() const {
  look_again();
  return connected_;
}

virtio::device::ConsoleSize Terminal::size() const {
  const auto now = std::chrono::steady_clock::now();
  if (now - sized_ >= kSizeEvery) {
    sized_ = now;
    winsize window{};
    if (::ioctl(out_, TIOCGWINSZ, &window) == 0) size_ = {window.ws_col, window.ws_row};
  }
  return size_;
}

/// Without a driver nobody looks, so nothing here must wake anybody.
void Terminal::driver_open(bool on) {
  driver_open_ = on;
  if (!on) input_wanted_ = false;
  if (opens_) wake_.watch(opens_.get(), on ? EPOLLIN : 0u);
  watch();
}

void Terminal::want_input(bool on) {
  if (std::exchange(input_wanted_, on) != on) watch();
}

Pty::Pty(const std::string& link)
    : controller_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)), link_(link) {
  if (!controller_) fail("making a pseudo-terminal");
  std::array<char, 128> name{};
  if (::grantpt(controller_.get()) != 0 || ::unlockpt(controller_.get()) != 0 ||
      ::ptsname_r(controller_.get(), name.data(), name.size()) != 0) {
    fail("making a pseudo-terminal");
  }
  path_ = name.data();
  {
    // Raw from the start, so that nothing is echoed before somebody comes. It stays so when we close this.
    const OwnedFd other(::open(path_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios mode{};
    if (!other || ::tcgetattr(other.get(), &mode) != 0) fail(fmt::format("opening {}", path_));
    ::cfmakeraw(&mode);
    if (::tcsetattr(other.get(), TCSANOW, &mode) != 0) fail(fmt::format("setting {} to raw mode", path_));
  }
  use(controller_.get(), controller_.get(), path_);
  if (link_.empty()) return;
  struct stat found {};
  if (::lstat(link_.c_str(), &found) == 0 && S_ISLNK(found.st_mode)) ::unlink(link_.c_str());
  if (::symlink(path_.c_str(), link_.c_str()) != 0)
    fail(fmt::format("making the link {} to {}", link_, path_));
}

Pty::~Pty() {
  if (link_.empty()) return;
  std::array<char, 128> leads_to{};  // perhaps to a successor's by now
  const ssize_t bytes = ::readlink(link_.c_str(), leads_to.data(), leads_to.size());
  if (bytes > 0 && path_ == std::string_view(leads_to.data(), static_cast<std::size_t>(bytes)))
    ::unlink(link_.c_str());
}

Stdio::Stdio(bool keys_to_driver) {
  in_flags_ = ::fcntl(STDIN_FILENO, F_GETFL);
  out_flags_ = ::fcntl(STDOUT_FILENO, F_GETFL);
  if (in_flags_ < 0 || out_flags_ < 0) fail("standard input and output are needed for a console");
  termios mode{};
  if (::tcgetattr(STDIN_FILENO, &mode) == 0) {
    before_ = mode;
    ::cfmakeraw(&mode);
    mode.c_oflag = before_->c_oflag;  // our own messages go to the same screen
    if (!keys_to_driver) mode.c_lflag |= ISIG;
    (void)::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
  }
  (void)::fcntl(STDIN_FILENO, F_SETFL, in_flags_ | O_NONBLOCK);
  (void)::fcntl(STDOUT_FILENO, F_SETFL, out_flags_ | O_NONBLOCK);
  use(STDIN_FILENO, STDOUT_FILENO, "");
}

Stdio::~Stdio() {
  // In a terminal both are one open file, so both are set back before the mode is.
  (void)::fcntl(STDOUT_FILENO, F_SETFL, out_flags_ & ~O_NONBLOCK);
  (void)::fcntl(STDIN_FILENO, F_SETFL, in_flags_ & ~O_NONBLOCK);
  if (before_) (void)::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

}  // namespace hawser::process
