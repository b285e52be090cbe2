// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One hostile party on a window, as hostile.py starts it: a whole driver side against whoever serves, or a whole device
// side against whoever uses. The seed decides what it does; it says what it reached and ends without a good-bye.
//
//     hostile-party SOCKET driver|driver-without-queues SEED SECONDS
//     hostile-party SOCKET device-silent|device-lies|device-rings|device-window SEED SECONDS
#include "driver.hpp"
#include "lying_link.hpp"

#include <hawser/app/use.hpp>
#include <hawser/process/served.hpp>
#include <hawser/virtio/msg/device_bus.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace hawser;
using test::LyingLink;

namespace {

/// Scribbles from another thread, while the honest code above the link works.
class Scribbler {
 public:
  Scribbler(std::span<std::byte> bytes, std::uint64_t seed)
      : thread_([bytes, seed](std::stop_token stop) {
          Random random(seed);
          while (!stop.stop_requested()) {
            const std::size_t at = random.below(bytes.size() / 8) * 8;
            for (std::size_t n = 0; n < 8; ++n)
              bytes[at + n] = static_cast<std::byte>(random.next() >> (random.chance(50) ? 0 : 60));
            if (random.chance(10)) std::this_thread::sleep_for(std::chrono::microseconds(50));
          }
        }) {}

 private:
  std::jthread thread_;
};

struct Deaf {
  void say(std::string_view) {}
  void row(const app::Row& row) { rows += row.verified ? 1 : 0; }
  unsigned rows = 0;
};

/// An honest driver side, but for what the link and the scribbler make of it.
unsigned use(LyingLink& link, unsigned lies, std::span<std::byte> scribbled, std::uint64_t seed,
             Duration soak) {
  std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(link.region().size()));
  Deaf deaf;
  app::UseOptions options{.disk_bytes = 1 << 20, .soak = soak};
  options.session.patience = milliseconds(200);
  link.channel().lies = lies;
  {
    const auto scribbler = scribbled.empty() ? nullptr : std::make_unique<Scribbler>(scribbled, seed);
    (void)std::make_unique<app::Use<LyingLink, Deaf>>(link, bitmap, deaf, options)->run();
  }
  link.channel().lies = 0;
  return deaf.rows;
}

void play_driver(LyingLink& link, std::uint64_t seed, Duration time) {
  test::Reached reached;
  test::HostileDriver driver(link, reached);
  unsigned rows = 0;
  const auto rings = [&] { return link.region().area(Offset(0), 1 << 20, 8)->bytes(); };
  link.reset();  // what uses it has to see it come up
  rows += use(link, 15, {}, seed, Duration{});
  link.reset();
  rows += use(link, 0, rings(), seed, Duration{});
  const Instant until = link.now() + time;
  while (link.now() < until) {
    driver.talk_nonsense();
    driver.poison_chains();
    driver.flood();
    driver.place_queues_anywhere();
  }
  driver.scribble(Duration{time.ns / 2});
  fmt::print(
      "sessions={} messages={} answers={} lies={} rows={} queues={} running={} poisoned={} completed={}\n",
      reached.sessions, reached.messages, reached.answers, link.channel().lies_told, rows, reached.queues,
      reached.running, reached.chains, reached.completed);
}

/// Lives, and that is all it does.
void play_driver_without_queues(LyingLink& link, Duration time) {
  test::Reached reached;
  test::HostileDriver driver(link, reached);
  fmt::print("{}\n", driver.start_without_queues() ? "running" : "not running");
  std::fflush(stdout);
  const Instant until = link.now() + time;
  while (link.now() < until && link.live()) (void)link.bell().wait(link.now() + milliseconds(20));
}

void play_device(LyingLink& link, std::string_view how, Duration time) {
  const process::Say quiet = [](std::string_view) {};
  std::vector<std::unique_ptr<process::Served>> devices;
  auto bus = std::make_unique<virtio::msg::DeviceBus<LyingLink, 32, process::kMaxQueues>>(link);
  for (const char* words : {"blk,memory=4M", "net,echo", "console,echo", "rng"}) {
    devices.push_back(process::parse_served(words)(quiet));
    (void)bus->add(devices.back()->model());
  }
  link.channel().lies = how == "device-lies" ? 20 : 0;
  const Instant until = link.now() + time;
  unsigned turns = 0, sessions = 0;
  bool up = false;
  while (link.now() < until) {
    // The bus polls the link: who else did would take its events away.
    if (how == "device-silent") (void)link.live();
    if (how != "device-silent") (void)bus->step();
    if (link.state() == LinkState::kBroken) link.reset();
    const bool was_up = std::exchange(up, link.state() == LinkState::kUp);
    sessions += up && !was_up ? 1 : 0;
    ++turns;
    if (how == "device-rings" && turns % 4 == 0)
      link.scribble(link.region().area(Offset(0), 256 << 10, 8)->bytes(), 32);
    if (how == "device-window" && turns % 4 == 0) link.scribble(link.port().memory(), 200);
    if (how != "device-silent" && turns % 64 == 0) link.ring_everything();
    (void)link.bell().wait(link.now() + microseconds(200));
  }
  fmt::print("sessions={} turns={} lies={}\n", sessions, turns, link.channel().lies_told);
}

std::uint64_t number(const char* text) {
  const std::string_view all(text);
  std::uint64_t out = 0;
  if (std::from_chars(all.data(), all.data() + all.size(), out).ptr != all.data() + all.size()) std::exit(64);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("hostile-party SOCKET driver|driver-without-queues|device-HOW SEED SECONDS\n", stderr);
    return 64;
  }
  const std::string_view how = argv[2];
  const std::uint64_t seed = number(argv[3]);
  const Duration time = seconds(number(argv[4]));
  ivshmem::SocketPort port({.socket = argv[1]});
  LyingLink link(port, how.starts_with("driver") ? ivshmem::Role::kDriver : ivshmem::Role::kDevice, seed);
  if (how == "driver")
    play_driver(link, seed, time);
  else if (how == "driver-without-queues")
    play_driver_without_queues(link, time);
  else
    play_device(link, how, time);
  std::fflush(stdout);
  ::_exit(0);  // no good-bye
}
