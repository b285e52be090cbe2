// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A window of one's own, seen from its socket. Time is the test's.
#include <hawser/ivshmem/server/served_window.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "fixture.hpp"

using namespace hawser;
using namespace hawser::ivshmem;
using namespace hawser::ivshmem::test;

namespace {

constexpr uid_t kNobody = 65534;

/// Runs `body` as nobody, who is exempt from no limit, in a process of its own. @return what that says.
template <class Body>
std::string as_nobody(rlim_t files, Body body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{files, files};
    std::string words = "it could not become nobody";
    try {
      if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 && ::setgroups(0, nullptr) == 0 && ::setgid(kNobody) == 0 &&
          ::setuid(kNobody) == 0)
        words = body();
    } catch (const std::exception& e) {
      words = e.what();
    }
    (void)!::write(writer.raw(), words.data(), words.size());
    ::_exit(0);
  }
  writer.reset();
  std::string words;
  char buffer[512];
  for (ssize_t n; (n = ::read(reader.raw(), buffer, sizeof buffer)) > 0;)
    words.append(buffer, static_cast<std::size_t>(n));
  ::waitpid(child, nullptr, 0);
  return words;
}

/// What becomes of one client while so many descriptors of the server's user lie unread elsewhere that the kernel takes
/// no more of them.
std::string who_joins_in_a_jam() {
  const TempDir dir;
  std::string log;
  const auto options = [&](const char* name) {
    return ServedWindowOptions{.name = name,
                               .socket = dir / name,
                               .size = 65536,
                               .vectors = 4,
                               .log =
                                   [&](std::string_view line) {
                                     if (line.starts_with("b: ")) log.append(line).push_back('\n');
                                   },
                               .inherited = {}};
  };
  const ServedWindow::Events events{[] {}, [] {}, [](std::uint16_t) {}};
  ServedWindow a(options("a"), events), b(options("b"), events);
  Instant now{1'000'000'000'000};
  const auto join = [&](ServedWindow& window, const char* name) {
    UniqueFd socket = connect_to(dir / name);
    window.poll(now);
    (void)read_message(socket.raw());
    window.poll(now);
    return socket;
  };
  std::vector<UniqueFd> hoard;
  for (int i = 0; i < 10; ++i) {
    hoard.push_back(join(a, "a"));
    ::shutdown(hoard.back().raw(), SHUT_WR);
    a.poll(now);
  }
  const UniqueFd honest = join(b, "b");
  for (int i = 0; i < 5 && b.occupied(); ++i) {
    now = now + seconds(50);
    b.poll(now);
  }
  if (!b.occupied()) return log;
  hoard.clear();
  b.poll(now);
  const auto told = log.find("has to wait");
  const bool once = told != std::string::npos && log.find("has to wait", told + 1) == std::string::npos;
  return text(read_messages(honest.raw(), 10)) + (once ? ", told once" : ", told otherwise:\n" + log);
}

}  // namespace

TEST_CASE(
    "a client that waits because others leave descriptors unread is not taken for one that does not read") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can become a user whom the kernel limits");
    return;
  }
  CHECK(as_nobody(64, who_joins_in_a_jam) == "1 -1+ 0+ 0+ 0+ 0+ 1+ 1+ 1+ 1+, told once");
}
