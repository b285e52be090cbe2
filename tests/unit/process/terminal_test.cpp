// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A console driver whose port is a real pseudo-terminal, or a program's standard input and output.
#include <hawser/process/terminal.hpp>

#include <hawser/virtio/device/console.hpp>
#include <hawser/virtio/driver/console.hpp>

#include <doctest/doctest.h>

#include "support/direct_transport.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace hawser;
using namespace hawser::virtio;
using hawser::process::OwnedFd;
using hawser::process::Pty;

namespace {

bool readable(int fd, int milliseconds = 0) {
  pollfd member{fd, POLLIN, 0};
  return ::poll(&member, 1, milliseconds) > 0;
}

struct Wired {
  using Device = device::Console<RegionMemory, process::Terminal>;

  Wired() {
    REQUIRE(driver.start(transport).ok());
    settle();
  }
  void settle() {
    for (int n = 0; n < 8; ++n) {
      transport.serve_all();
      (void)driver.poll();
    }
  }
  std::string read(std::size_t bytes) {
    std::string got;
    for (int idle = 0; got.size() < bytes && idle < 20;) {
      std::byte room[512];
      const std::size_t more = driver.read(0, room);
      got.append(reinterpret_cast<const char*>(room), more);
      if (more != 0) continue;
      if (!readable(pty.wake_fd(), 50)) ++idle;
      settle();
    }
    return got;
  }
  std::size_t write(std::string_view text) {
    const std::size_t done = driver.write(0, std::as_bytes(std::span(text)));
    transport.serve_all();
    return done;
  }

  Pty pty;
  Device device{pty};
  test::TestRegion region;
  test::DirectTransport<Device> transport{region, device, kQueueFeatures};
  driver::Console<test::DirectTransport<Device>> driver;
};

/// Descriptors as standard input and output are: nobody comes or goes.
struct Plain : process::Terminal {
  Plain(int in, int out) { use(in, out, ""); }
};

int to_empty = -1;  // what the signal's handler reads from

/// Somebody who opens the other end.
class Visitor {
 public:
  explicit Visitor(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    REQUIRE(fd_);
  }
  int fd() const { return fd_.get(); }
  void say(std::string_view text) {
    REQUIRE(::write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  std::string hear(std::size_t bytes) {
    std::string got;
    while (got.size() < bytes && readable(fd_.get(), 1000)) {
      char room[512];
      const ssize_t more = ::read(fd_.get(), room, sizeof(room));
      if (more <= 0) break;
      got.append(room, static_cast<std::size_t>(more));
    }
    return got;
  }

 private:
  OwnedFd fd_;
};

constexpr int kVisits = 3000;

std::string all_bytes() {
  std::string made;
  for (int c = 0; c < 256; ++c) made += static_cast<char>(c);
  return made;
}

}  // namespace

TEST_CASE("every byte goes through a pseudo-terminal unchanged, both ways") {
  Wired wired;
  Visitor visitor(wired.pty.path());
  visitor.say(all_bytes());
  CHECK(wired.read(256) == all_bytes());
  CHECK(wired.write(all_bytes()) == 256);
  CHECK(visitor.hear(256) == all_bytes());
}

TEST_CASE("visitors come and go, and the driver is told") {
  Wired wired;
  CHECK_FALSE(wired.driver.port(0).connected);
  for (int round = 0; round < 3; ++round) {
    {
      Visitor visitor(wired.pty.path());
      CHECK(readable(wired.pty.wake_fd(), 1000));
      wired.settle();
      CHECK(wired.driver.port(0).connected);
      visitor.say("hello");
      CHECK(wired.read(5) == "hello");
      wired.write("and back");
      CHECK(visitor.hear(8) == "and back");
    }
    CHECK(readable(wired.pty.wake_fd(), 1000));
    wired.settle();
    CHECK_FALSE(wired.driver.port(0).connected);
    CHECK_FALSE(readable(wired.pty.wake_fd(), 20));  // a hang-up does not ring for ever
  }
}

TEST_CASE("a visitor who leaves while we look is gone when he is, and does not ring for ever") {
  for (const bool wanted : {true, false}) {
    Pty pty;
    pty.driver_open(true);
    pty.want_input(wanted);
    std::atomic<int> asked = 0;
    std::atomic<int> left = 0;
    std::thread visitors([&] {
      for (int n = 1; n <= kVisits; ++n) {
        while (asked.load() < n) {
        }
        {
          const OwnedFd other(::open(pty.path().c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK));
          (void)!::write(other.get(), "hello", 5);
        }
        left.store(n);
      }
    });
    int stayed = 0;
    int rang = 0;
    std::byte room[64];
    for (int n = 1; n <= kVisits; ++n) {
      asked.store(n);
      while (left.load() < n) {
        (void)pty.connected();
        if (wanted) (void)pty.read(room);
      }
      // What a device does once it is woken, and no more.
      for (int turns = 0; turns < 4 && readable(pty.wake_fd()); ++turns) {
        while (pty.read(room) != 0) {
        }
        (void)pty.connected();
      }
      rang += readable(pty.wake_fd());
      stayed += pty.connected();
    }
    visitors.join();
    CHECK(stayed == 0);
    CHECK(rang == 0);
  }
}

TEST_CASE("with nobody there a driver's bytes are taken and gone, so it never stands still") {
  Wired wired;
  for (int n = 0; n < 100; ++n) REQUIRE(wired.write(std::string(1000, 'x')) == 1000);
  Visitor visitor(wired.pty.path());
  wired.settle();
  wired.write("now");
  CHECK(visitor.hear(3) == "now");
}

TEST_CASE("a visitor who does not read holds the driver up, and then reads everything") {
  Wired wired;
  Visitor visitor(wired.pty.path());
  wired.settle();
  std::string all;
  for (int n = 0; n < 40000; ++n) all += static_cast<char>('a' + n % 26);
  std::size_t written = 0;
  while (const std::size_t done = wired.write(std::string_view(all).substr(written))) {
    written += done;
    REQUIRE(written < all.size());
  }
  CHECK(wired.driver.unwritten(0) > 0);
  CHECK_FALSE(readable(wired.pty.wake_fd()));
  std::string heard;
  for (int n = 0; n < 10000 && heard.size() < all.size(); ++n) {
    heard += visitor.hear(1);
    (void)readable(wired.pty.wake_fd(), 1);
    written += wired.write(std::string_view(all).substr(written));
  }
  CHECK(heard == all);
}

TEST_CASE("input wakes the device once the driver can take it, and not before") {
  Pty pty;
  Visitor visitor(pty.path());
  visitor.say("early");
  CHECK_FALSE(readable(pty.wake_fd(), 20));
  pty.driver_open(true);
  (void)pty.connected();
  CHECK_FALSE(readable(pty.wake_fd(), 20));
  pty.want_input(true);
  CHECK(readable(pty.wake_fd(), 1000));
  pty.want_input(false);
  CHECK_FALSE(readable(pty.wake_fd(), 20));
  pty.want_input(true);
  pty.driver_open(false);
  CHECK_FALSE(readable(pty.wake_fd(), 20));
}

TEST_CASE("the window's size reaches the driver") {
  Wired wired;
  Visitor visitor(wired.pty.path());
  const winsize window{.ws_row = 43, .ws_col = 132, .ws_xpixel = 0, .ws_ypixel = 0};
  REQUIRE(::ioctl(visitor.fd(), TIOCSWINSZ, &window) == 0);
  for (int n = 0; n < 100 && wired.driver.port(0).columns != 132; ++n) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    wired.settle();
  }
  CHECK(wired.driver.port(0).columns == 132);
  CHECK(wired.driver.port(0).rows == 43);
}

TEST_CASE("a link leads to the pseudo-terminal as long as it lives, and replaces nothing but links") {
  char folder[] = "/tmp/hawser-terminal-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string link = std::string(folder) + "/console";
  REQUIRE(::symlink("/nowhere", link.c_str()) == 0);
  {
    Pty pty(link);
    CHECK(std::filesystem::read_symlink(link) == pty.path());
  }
  CHECK_FALSE(std::filesystem::is_symlink(link));
  std::ofstream(link) << "precious";
  CHECK_THROWS_WITH_AS(Pty{link}, doctest::Contains("File exists"), std::system_error);
  CHECK(std::filesystem::file_size(link) == 8);
  std::filesystem::remove_all(folder);
}

TEST_CASE("a link that leads to a successor by now is left alone") {
  char folder[] = "/tmp/hawser-terminal-XXXXXX";
  REQUIRE(::mkdtemp(folder) != nullptr);
  const std::string link = std::string(folder) + "/console";
  {
    std::optional<Pty> first(link);
    Pty second(link);
    first.reset();
    CHECK(std::filesystem::is_symlink(link));
    if (std::filesystem::is_symlink(link)) CHECK(std::filesystem::read_symlink(link) == second.path());
  }
  CHECK_FALSE(std::filesystem::is_symlink(link));
  std::filesystem::remove_all(folder);
}

TEST_CASE("an input that only fails is at its end, and does not ring for ever") {
  const OwnedFd broken(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  REQUIRE(::grantpt(broken.get()) == 0);
  REQUIRE(::unlockpt(broken.get()) == 0);
  { Visitor visitor(::ptsname(broken.get())); }  // from now on reading it is EIO
  const OwnedFd out(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  Plain plain(broken.get(), out.get());
  plain.driver_open(true);
  plain.want_input(true);
  CHECK(readable(plain.wake_fd(), 1000));
  std::byte room[16];
  CHECK(plain.read(room) == 0);
  CHECK_FALSE(readable(plain.wake_fd(), 20));
}

TEST_CASE("a signal in the middle of a write costs no bytes") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const OwnedFd from(ends[0]);
  const OwnedFd to(ends[1]);
  Plain plain(from.get(), to.get());
  const std::vector<std::byte> fill(static_cast<std::size_t>(::fcntl(to.get(), F_GETPIPE_SZ)));
  REQUIRE(plain.write(fill) == fill.size());
  to_empty = from.get();
  struct sigaction action {};
  action.sa_handler = [](int) {
    char room[65536];
    (void)!::read(to_empty, room, sizeof(room));
  };
  struct sigaction before {};
  REQUIRE(::sigaction(SIGALRM, &action, &before) == 0);  // without SA_RESTART
  const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 50'000}};
  REQUIRE(::setitimer(ITIMER_REAL, &soon, nullptr) == 0);
  const std::string_view text = "kept";
  CHECK(plain.write(std::as_bytes(std::span(text))) == text.size());
  REQUIRE(::sigaction(SIGALRM, &before, nullptr) == 0);
  int held = 0;
  REQUIRE(::ioctl(from.get(), FIONREAD, &held) == 0);
  CHECK(held == static_cast<int>(fill.size() - std::min<std::size_t>(fill.size(), 65536) + text.size()));
}

TEST_CASE("standard input and output serve as a port, raw while they do, and are set back after") {
  const OwnedFd controller(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(::grantpt(controller.get()) == 0);
  REQUIRE(::unlockpt(controller.get()) == 0);
  const std::string path = ::ptsname(controller.get());
  const OwnedFd other(::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(other);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::dup2(other.get(), STDIN_FILENO);
    ::dup2(other.get(), STDOUT_FILENO);
    process::Stdio stdio;
    stdio.driver_open(true);
    stdio.want_input(true);
    std::string got;
    while (got.find('q') == std::string::npos && readable(stdio.wake_fd(), 5000)) {
      std::byte room[64];
      const std::size_t more = stdio.read(room);
      got.append(reinterpret_cast<const char*>(room), more);
      (void)stdio.write(std::span(room).first(more));
    }
    stdio.~Stdio();
    ::_exit(0);
  }
  const std::string typed = "no line end, no echo \x7f q";
  // Raw mode is on when the child is ready.
  termios mode{};
  for (int n = 0; n < 500; ++n) {
    REQUIRE(::tcgetattr(other.get(), &mode) == 0);
    if ((mode.c_lflag & ICANON) == 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK((mode.c_lflag & (ICANON | ECHO)) == 0);
  CHECK((mode.c_lflag & ISIG) != 0);
  REQUIRE(::write(controller.get(), typed.data(), typed.size()) == static_cast<ssize_t>(typed.size()));
  std::string heard;
  while (heard.size() < typed.size() && readable(controller.get(), 5000)) {
    char room[64];
    const ssize_t more = ::read(controller.get(), room, sizeof(room));
    if (more <= 0) break;
    heard.append(room, static_cast<std::size_t>(more));
  }
  CHECK(heard == typed);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  REQUIRE(::tcgetattr(other.get(), &mode) == 0);
  CHECK((mode.c_lflag & (ICANON | ECHO)) == (ICANON | ECHO));
}
