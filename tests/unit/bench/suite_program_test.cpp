// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Suite programs that do what they should, and such that do not.
#include <hawser/bench/run.hpp>
#include <hawser/bench/stop.hpp>
#include <hawser/bench/suite_program.hpp>

#include <doctest/doctest.h>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

using namespace hawser::bench;
using namespace std::chrono_literals;

namespace {

const std::string kFigure =
    R"(echo '{"figure":{"name":"a","unit":"ns","better":"lower","samples":[1,2]}}'; )";
const std::string kEnd = R"(echo '{"end":{}}'; )";

struct ProgramHeard final : Sink {
  void begin(const Plan& plan) override { steps = plan.steps; }
  void step(const std::string& name, unsigned) override { last = name; }
  void figure(Figure figure) override { figures.push_back(std::move(figure)); }
  void skip(Skip skip) override { skips.push_back(std::move(skip)); }
  void note(Note note) override { notes.push_back(std::move(note)); }

  unsigned steps = 0;
  std::string last;
  std::vector<Figure> figures;
  std::vector<Skip> skips;
  std::vector<Note> notes;
};

ProgramResult shell(const std::string& script, ProgramHeard& heard, ProgramLimits limits = {}) {
  return run_program({"/bin/sh", "-c", script}, heard, limits);
}

bool alive(pid_t pid) {
  return kill(pid, 0) == 0;
}

/// A number that the script leaves in a file.
struct NumberFile {
  NumberFile() { close(mkstemp(path.data())); }
  ~NumberFile() { unlink(path.c_str()); }
  long read() const {
    long number = 0;
    std::ifstream(path) >> number;
    return number;
  }
  std::string path = "/tmp/hawser-bench-test-XXXXXX";
};

}  // namespace

TEST_CASE("a program that says everything is heard") {
  ProgramHeard heard;
  const auto result = shell(
      R"(echo '{"begin":{"suite":"x","steps":7,"seconds":1}}'; echo '{"step":{"name":"one","done":0}}'; )" +
          kFigure + kEnd,
      heard);
  CHECK(result.end == ProgramEnd::kMeasured);
  CHECK(heard.steps == 7);
  CHECK(heard.last == "one");
  REQUIRE(heard.figures.size() == 1);
  CHECK(heard.figures[0].samples == std::vector<double>{1, 2});
  CHECK(heard.notes.empty());
}

TEST_CASE("lines that make no sense are left out and told, and the others count") {
  ProgramHeard heard;
  const auto result = shell("echo garbage; echo '{\"figure\":{}}'; " + kFigure + kEnd, heard);
  CHECK(result.end == ProgramEnd::kMeasured);
  CHECK(heard.figures.size() == 1);
  REQUIRE(heard.notes.size() == 1);
  CHECK(heard.notes[0].text.find("2 of this suite's lines") != std::string::npos);
  CHECK(heard.notes[0].text.find("not JSON") != std::string::npos);
}

TEST_CASE("a line without end is not kept, and what comes after it is heard") {
  ProgramHeard heard;
  ProgramLimits limits;
  limits.longest_line = 100'000;
  const auto result = shell("head -c 5000000 /dev/zero | tr '\\0' x; echo; " + kFigure + kEnd, heard, limits);
  CHECK(result.end == ProgramEnd::kMeasured);
  CHECK(heard.figures.size() == 1);
  REQUIRE(heard.notes.size() == 1);
  CHECK(heard.notes[0].text.find("longer than 100000 bytes") != std::string::npos);
}

TEST_CASE("a program that is killed keeps its figures, but for the line it was at") {
  ProgramHeard heard;
  const auto result = shell(kFigure + "printf '{\"end\"'; kill -9 $$", heard);
  CHECK(result.end == ProgramEnd::kFailed);
  CHECK(result.why.find("signal 9") != std::string::npos);
  CHECK(heard.figures.size() == 1);
  REQUIRE(heard.notes.size() == 1);
  CHECK(heard.notes[0].text.find("cut off") != std::string::npos);
}

TEST_CASE("a program that hangs is ended, and what it started too") {
  NumberFile child;
  ProgramHeard heard;
  ProgramLimits limits;
  limits.silence = 300ms;
  limits.farewell = 300ms;
  const auto began = std::chrono::steady_clock::now();
  const auto result =
      shell("trap '' TERM; " + kFigure + "sleep 1000 & echo $! > " + child.path + "; wait; wait; sleep 1000",
            heard, limits);
  CHECK(result.end == ProgramEnd::kFailed);
  CHECK(result.why.find("said nothing") != std::string::npos);
  CHECK(heard.figures.size() == 1);
  CHECK(std::chrono::steady_clock::now() - began < 30s);
  REQUIRE(child.read() > 1);
  for (int n = 0; n < 500 && alive(static_cast<pid_t>(child.read())); ++n) std::this_thread::sleep_for(10ms);
  CHECK_FALSE(alive(static_cast<pid_t>(child.read())));
}

TEST_CASE("a program whose child holds its output is not waited for") {
  ProgramHeard heard;
  const auto began = std::chrono::steady_clock::now();
  const auto result = shell("sleep 1000 & " + kFigure + kEnd, heard);
  CHECK(result.end == ProgramEnd::kMeasured);
  CHECK(heard.figures.size() == 1);
  CHECK(std::chrono::steady_clock::now() - began < 20s);
}

TEST_CASE("how a program ends is understood") {
  ProgramHeard heard;
  CHECK(shell("exit 75", heard).end == ProgramEnd::kCannotHere);
  CHECK(shell("exit 1", heard).end == ProgramEnd::kFailed);
  CHECK(shell(kFigure, heard).end == ProgramEnd::kInterrupted);  // no end
  const auto none = run_program({"/nonexistent/hawser-bench-x"}, heard);
  CHECK(none.end == ProgramEnd::kFailed);
  CHECK(none.why == "it could not be started");
}

TEST_CASE("an interrupted program is told, cleans up, and its figures are kept") {
  NumberFile cleaned;
  ProgramHeard heard;
  Stop stop;
  std::thread interruption([] {
    std::this_thread::sleep_for(500ms);
    Stop::ask(SIGINT);
  });
  const auto result =
      shell("trap 'echo 1 > " + cleaned.path + "; exit 1' TERM; " + kFigure + "while :; do sleep 0.05; done",
            heard);
  interruption.join();
  CHECK(result.end == ProgramEnd::kInterrupted);
  CHECK(heard.figures.size() == 1);
  CHECK(cleaned.read() == 1);
}

TEST_CASE("a native suite that is interrupted, or fails, keeps its figures") {
  Stop stop;
  Suite suite;
  suite.name = "x";
  suite.run = [](const SuiteOptions&, Sink& sink) {
    sink.figure({.name = "a", .what = "", .unit = "ns", .samples = {1}});
    Stop::ask(SIGTERM);
  };
  SuiteResult interrupted;
  run_suite(suite, {}, interrupted, nullptr);
  CHECK(interrupted.status == SuiteStatus::kInterrupted);
  CHECK(interrupted.figures.size() == 1);
  suite.run = [](const SuiteOptions&, Sink& sink) {
    sink.figure({.name = "a", .what = "", .unit = "ns", .samples = {1}});
    throw std::runtime_error("no more");
  };
  SuiteResult failed;
  run_suite(suite, {}, failed, nullptr);
  CHECK(failed.status == SuiteStatus::kFailed);
  CHECK(failed.figures.size() == 1);
  CHECK(failed.notes.at(0).text.find("no more") != std::string::npos);
}
