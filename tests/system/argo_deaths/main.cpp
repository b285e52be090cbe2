// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both sides of a link over a real broker, each a process that is killed outright at a step of its choice and started
// again, hundreds of times: no block write that was acknowledged is lost.
//
//   argo-deaths HAWSER [PERCENT]     PERCENT of the points; HAWSER_SEED chooses which, and in which order
//   argo-deaths PARTY WORDS...       what it starts itself
#include "shared.hpp"

#include <hawser/launch/child.hpp>
#include <hawser/transport/random.hpp>

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace hawser::test {
namespace {

using launch::Child;
using Clock = std::chrono::steady_clock;
using app::Ledger, app::Step;
using std::chrono::milliseconds;

struct Point {
  Step step;
  std::uint32_t at;
};

/// How many points of each kind of step, on each side, are wanted.
constexpr std::array<unsigned, app::kSteps> kWanted = {40, 40, 40, 30, 20};
constexpr std::uint32_t kOperations = 60;  // requests of the quiet run, and after the last death
constexpr auto kLifetime = milliseconds(1000);
constexpr auto kPatience = std::chrono::seconds(30);

class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/hawser-deaths-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("there is no room for a folder in /tmp");
    path_ = name;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  std::string operator/(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

 private:
  std::string path_;
};

std::string read_all(const Child& child) {
  std::string text;
  char piece[512];
  for (ssize_t n; (n = ::read(child.output_fd(), piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<std::size_t>(n));
  return text;
}

struct Side {
  const char* name;
  std::uint16_t domain;
  std::uint16_t peer;
  std::vector<Point> points;  // to come, the last one first
  Child child;
  std::optional<Point> point;
  Clock::time_point since;
  std::array<unsigned, app::kSteps> deaths{};
  unsigned late = 0;  ///< Lives that did not get to their point in time, and were killed then.
};

class Exchange {
 public:
  Exchange(std::string self, const std::string& hawser, std::uint64_t seed, bool lying)
      : self_(std::move(self)), seed_(seed), lying_(lying), page_(folder_ / "page") {
    std::vector<std::string> command = {hawser, "argo-broker"};
    for (const Side* side : {&driver_, &device_}) {
      command.insert(command.end(),
                     {"--domain", fmt::format("{}:{},size=4M", side->domain, socket(*side)), "--allow",
                      fmt::format("{}:{}:0x48570000-0x48570003", side->domain, side->peer)});
    }
    broker_ = Child(command);
    std::filesystem::resize_file((std::fclose(std::fopen(disk().c_str(), "w")), disk()),
                                 Ledger::total_sectors() * Ledger::kSectorBytes);
  }

  Side& driver() { return driver_; }
  Side& device() { return device_; }
  const Shared& page() const { return *page_; }

  /// Until every point has been died at, and both sides have lived on. Throws with one sentence.
  void run() {
    page_->stop = 0;
    start(driver_);
    start(device_);
    bool quiet = false;
    std::uint32_t enough = kOperations;
    while (true) {
      look_after(device_);
      if (look_after(driver_)) break;
      if (!quiet && !driver_.point && !device_.point) {
        quiet = true;
        quiet_since_ = Clock::now();
        enough = ended() + kOperations;
      }
      if (quiet && ended() >= enough) std::atomic_ref(page_->stop).store(1);
      if (quiet && Clock::now() - quiet_since_ > kPatience)
        throw std::runtime_error("the work does not get on");
      ::poll(nullptr, 0, 1);
    }
    device_.child = Child();
    look_at_disk();
  }

 private:
  std::string disk() const { return folder_ / "disk"; }
  std::string socket(const Side& side) const { return folder_ / side.name; }
  std::uint32_t ended() { return std::atomic_ref(page_->driver_ended).load(); }

  void start(Side& side) {
    side.point.reset();
    if (!side.points.empty()) {
      side.point = side.points.back();
      side.points.pop_back();
    }
    const Point point = side.point.value_or(Point{Step::kHandshake, 0});
    if (&side == &driver_) std::atomic_ref(page_->driver_ended).store(0);
    side.child = Child({self_, side.name, socket(side), std::to_string(side.peer), folder_ / "page", disk(),
                        std::to_string(static_cast<unsigned>(point.step)), std::to_string(point.at),
                        std::to_string(seed_ + ++lives_), lying_ ? "lying" : ""});
    side.since = Clock::now();
  }

  /// True: it has ended by itself, well.
  bool look_after(Side& side) {
    const bool late = side.point && Clock::now() - side.since > kLifetime;
    if (late) side.child.signal(SIGKILL);
    const int output = side.child.output_fd();
    const auto ending = side.child.try_reap();
    if (!ending) return false;
    const bool killed = ending->by_signal && ending->number == SIGKILL;
    if (!side.point || !killed) {
      if (!ending->by_signal && ending->number == 0 && &side == &driver_) return true;
      throw std::runtime_error(fmt::format("the {} ended with {}: {} {}", side.name, ending->text(),
                                           page_->verdict, output >= 0 ? read_all(side.child) : ""));
    }
    if (late) {
      ++side.late;
    } else {
      ++side.deaths[static_cast<std::size_t>(side.point->step)];
    }
    if (&side == &device_) look_at_disk();
    start(side);
    return false;
  }

  /// What is in the file while nobody serves it. What a process had begun when it was killed may still be written: the kernel
  /// finishes requests of io_uring after their process is gone. So what is wrong is looked at again, and stays wrong if it is.
  void look_at_disk() {
    std::string wrong;
    for (int tries = 0; tries < 50; ++tries) {
      wrong = what_is_wrong();
      if (wrong.empty()) return;
      (void)::poll(nullptr, 0, 20);
    }
    throw std::runtime_error(wrong);
  }

  std::string what_is_wrong() {
    Ledger known = page_->ledger;
    std::vector<std::byte> bytes(Ledger::total_sectors() * Ledger::kSectorBytes);
    const process::OwnedFd fd(::open(disk().c_str(), O_RDONLY | O_CLOEXEC));
    if (::pread(fd.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("the disk's file can't be read");
    for (std::size_t chunk = 0; chunk < Ledger::kChunks; ++chunk)
      known.chunks[chunk].begun = page_->ledger.chunks[chunk].begun;  // the driver may be at it
    for (std::size_t chunk = 0; chunk < Ledger::kChunks; ++chunk) {
      app::Loss loss;
      const auto part = std::span(bytes).subspan(Ledger::first_sector(chunk) * Ledger::kSectorBytes,
                                                 Ledger::sectors(chunk) * Ledger::kSectorBytes);
      if (app::agrees(known, chunk, part, loss)) continue;
      return fmt::format(
          "an acknowledged write is lost: sector {} of chunk {} has version {}, acknowledged was "
          "{}, begun {}",
          loss.sector, chunk, loss.version, loss.known.acknowledged, loss.known.begun);
    }
    return {};
  }

  const std::string self_;
  const std::uint64_t seed_;
  const bool lying_;
  TempDir folder_;
  SharedPage page_;
  Child broker_;
  Side driver_{.name = "driver", .domain = 1, .peer = 2};
  Side device_{.name = "device", .domain = 2, .peer = 1};
  Clock::time_point quiet_since_;
  std::uint64_t lives_ = 0;
};

/// Points of every kind of step that a quiet life makes, no two the same.
std::vector<Point> choose(const LifeCount& quiet, unsigned percent, Random& random) {
  std::vector<Point> points;
  for (std::size_t step = 0; step < app::kSteps; ++step) {
    std::vector<std::uint32_t> all(quiet.steps[step]);
    for (std::uint32_t n = 0; n < all.size(); ++n) all[n] = n + 1;
    for (std::size_t n = all.size(); n > 1; --n) std::swap(all[n - 1], all[random.below(n)]);
    all.resize(std::min<std::size_t>(all.size(), kWanted[step] * percent / 100));
    for (const auto at : all) points.push_back({static_cast<Step>(step), at});
  }
  for (std::size_t n = points.size(); n > 1; --n) std::swap(points[n - 1], points[random.below(n)]);
  return points;
}

unsigned print(const Side& side) {
  unsigned all = 0;
  std::string line = fmt::format("  {:<7}", side.name);
  for (std::size_t step = 0; step < app::kSteps; ++step) {
    all += side.deaths[step];
    line += fmt::format(" {} {:<4}", app::describe(static_cast<Step>(step)), side.deaths[step]);
  }
  fmt::print("{} and {} at any moment\n", line, side.late);
  return all;
}

struct Program {
  std::string self, hawser;
  unsigned percent = 100;
  std::uint64_t seed = 1;
  LifeCount driver{}, device{};
  unsigned passed = 0, failed = 0;

  template <class Body>
  void test(const char* name, Body body) {
    const auto start = Clock::now();
    std::string why;
    try {
      why = body();
    } catch (const std::exception& error) {
      why = error.what();
    }
    const std::chrono::duration<double> took = Clock::now() - start;
    fmt::print("{} {} ({:.1f} s){}{}\n", why.empty() ? "ok     " : "not ok ", name, took.count(),
               why.empty() ? "" : ": ", why);
    std::fflush(stdout);
    ++(why.empty() ? passed : failed);
  }

  std::string quiet_life() {
    Exchange exchange(self, hawser, seed, false);
    exchange.run();
    driver = exchange.page().driver;
    device = exchange.page().device;
    for (const auto* count : {&driver, &device})
      for (std::size_t step = 0; step < app::kSteps; ++step)
        if (count->steps[step] == 0)
          return fmt::format("no step of {}", app::describe(static_cast<Step>(step)));
    return {};
  }

  std::string deaths() {
    Random random(seed);
    Exchange exchange(self, hawser, seed, false);
    exchange.driver().points = choose(driver, percent, random);
    exchange.device().points = choose(device, percent, random);
    exchange.run();
    const unsigned points = print(exchange.driver()) + print(exchange.device());
    fmt::print("  {} deaths at steps, {} writes acknowledged\n", points,
               exchange.page().ledger.acknowledgements);
    return points * 100 >= 200 * percent ? "" : fmt::format("only {} deaths at steps", points);
  }

  std::string liar() {
    Random random(seed);
    Exchange exchange(self, hawser, seed, true);
    exchange.device().points = choose(device, 50, random);
    try {
      exchange.run();
    } catch (const std::exception& error) {
      fmt::print("  {}\n", error.what());
      return std::string_view(error.what()).find("acknowledged was") != std::string_view::npos ? ""
                                                                                               : error.what();
    }
    return "nobody noticed";
  }
};

int watch_over(int argc, char** argv) {
  Program program{.self = std::filesystem::read_symlink("/proc/self/exe"), .hawser = argv[1]};
  if (argc > 2) program.percent = static_cast<unsigned>(std::stoul(argv[2]));
  if (const char* seed = std::getenv("HAWSER_SEED"); seed != nullptr && *seed != '\0') {
    program.seed = std::string_view(seed) == "random"
                       ? static_cast<std::uint64_t>(Clock::now().time_since_epoch().count())
                       : std::stoull(seed, nullptr, 0);
  }
  program.test("both sides work and end when nobody is killed", [&] { return program.quiet_life(); });
  program.test("a disk that acknowledges before it writes is found out", [&] { return program.liar(); });
  program.test("no acknowledged write is lost by killing either side at any step",
               [&] { return program.deaths(); });
  if (program.failed != 0) fmt::print("to repeat: HAWSER_SEED={}\n", program.seed);
  fmt::print("{} passed, {} failed\n", program.passed, program.failed);
  return program.failed == 0 ? 0 : 1;
}

int be_party(char** argv) {
  const PartyWords words{.socket = argv[2],
                         .peer = static_cast<std::uint16_t>(std::stoul(argv[3])),
                         .page = argv[4],
                         .disk = argv[5],
                         .step = static_cast<Step>(std::stoul(argv[6])),
                         .at = static_cast<std::uint32_t>(std::stoul(argv[7])),
                         .seed = std::stoull(argv[8]),
                         .lying = *argv[9] != '\0'};
  return std::string_view(argv[1]) == "driver" ? run_driver(words) : run_device(words);
}

}  // namespace
}  // namespace hawser::test

int main(int argc, char** argv) try {
  if (argc == 10) return hawser::test::be_party(argv);
  if (argc == 2 || argc == 3) return hawser::test::watch_over(argc, argv);
  throw std::invalid_argument("argo-deaths HAWSER [PERCENT]");
} catch (const std::exception& error) {
  std::fputs(fmt::format("{}\n", error.what()).c_str(), stderr);
  return 2;
}
