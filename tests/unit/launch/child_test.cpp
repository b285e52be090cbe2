// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/party.hpp>

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

using namespace hawser::launch;

namespace {

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("hawser-child-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("a program that does not exist is one sentence, not a child") {
  CHECK_THROWS_WITH_AS(Child({"/nonexistent/program"}),
                       "can't start /nonexistent/program: No such file or directory", std::runtime_error);
}

TEST_CASE("a child is gone when its object is") {
  pid_t pid = 0;
  {
    Child child({"sleep", "100"});
    pid = child.pid();
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("the ending of a child is told apart: status or signal") {
  Child child({"sh", "-c", "exit 3"});
  std::optional<Ending> ending;
  for (int n = 0; n < 500 && !(ending = child.try_reap()); ++n) ::poll(nullptr, 0, 10);
  REQUIRE(ending.has_value());
  CHECK(ending->text() == "status 3");
  Child stubborn({"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"});
  ::poll(nullptr, 0, 300);
  CHECK(stubborn.stop().text().starts_with("signal 9"));
}

TEST_CASE("a party's console comes as whole lines and is kept in its log") {
  Folder folder;
  Party party(
      "device",
      {"sh", "-c", "printf 'one\\r\\ntw'; sleep 0.2; printf 'o\\n'; head -c 10000 /dev/zero | tr '\\0' x"},
      folder.path);
  party.start();
  std::vector<std::string> lines;
  const auto keep = [&](const Party&, std::string_view line) { lines.emplace_back(line); };
  for (int n = 0; n < 500 && !party.try_reap(); ++n) {
    party.read_lines(keep);
    ::poll(nullptr, 0, 10);
  }
  party.read_lines(keep);
  REQUIRE(lines.size() >= 4);
  CHECK(lines[0] == "one");
  CHECK(lines[1] == "two");
  CHECK(lines[2].size() == 4096);  // a console without line ends is cut, not collected
  CHECK(std::filesystem::file_size(party.log()) > 10000);
}
