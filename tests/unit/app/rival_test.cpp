// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Another party plays our end of the link, to the letter.
#include <hawser/app/attached.hpp>
#include <hawser/app/driver_session.hpp>
#include <hawser/app/link_watch.hpp>
#include <hawser/ivshmem/link.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <support/fake_port.hpp>
#include <vector>

using namespace hawser;
using app::LinkNews;
using hawser::test::FakePort;
using hawser::test::FakeWindow;
using ivshmem::Role;

namespace {

using FakeLink = ivshmem::Link<FakePort>;

/// A party of that role which takes the end without looking whether it is held.
struct Rival {
  Rival(FakeWindow& window, Role role)
      : port(window, 9), link(port, {.role = role, .takeover = Duration{}}) {}
  FakePort port;
  FakeLink link;
};

struct Server {
  FakeWindow window{1 << 20};
  FakePort port{window, 3};
  FakeLink link{port, {.role = Role::kDevice}};
  app::LinkWatch<FakeLink> watch{link};
  std::optional<Rival> rival;
  std::string news;

  void run(unsigned milliseconds) {
    for (unsigned n = 0; n < milliseconds; ++n) {
      window.now_ns += 1'000'000;
      if (rival) rival->link.poll();
      link.poll();
      switch (watch.look(link.state() == LinkState::kUp)) {
        case LinkNews::kNothing:
          break;
        case LinkNews::kUp:
          news += "up ";
          break;
        case LinkNews::kDown:
          news += "down ";
          break;
        case LinkNews::kBroken:
          news += "broken ";
          break;
        case LinkNews::kStandingBy:
          news += "standing-by ";
          break;
        case LinkNews::kOurs:
          news += "ours ";
          break;
        case LinkNews::kNotForUs:
          news += "not-for-us ";
          return;
      }
    }
  }
};

}  // namespace

TEST_CASE("who serves stands by while another party holds its end, and serves again when that has gone") {
  Server server;
  server.run(100);
  REQUIRE(server.link.holds_end());
  SUBCASE("by leaving") {
    server.rival.emplace(server.window, Role::kDevice);
    server.run(5000);
    CHECK(server.news == "broken standing-by ");
    CHECK_FALSE(server.link.holds_end());
    CHECK(server.rival->link.holds_end());  // nobody fought for it
    CHECK(server.rival->link.epoch().own == 2);
    CHECK(std::string(server.watch.reason()).find("already serves this link") != std::string::npos);
    server.rival.reset();
    server.run(100);
  }
  SUBCASE("by dying") {
    server.rival.emplace(server.window, Role::kDevice);
    server.run(5000);
    const auto words = server.window.words;
    server.rival.reset();
    server.window.words = words;  // it said no good-bye
    server.run(700);
  }
  CHECK(server.news == "broken standing-by ours ");
  CHECK(server.link.holds_end());
}

TEST_CASE("who comes to a link that is served is told so") {
  Server server;
  server.rival.emplace(server.window, Role::kDevice);
  server.link.leave();  // as if it had never come: the rival is the one who serves
  server.run(50);
  FakePort port(server.window, 5);
  FakeLink second(port, {.role = Role::kDevice});
  app::LinkWatch watch(second);
  LinkNews news = LinkNews::kNothing;
  for (unsigned n = 0; n < 1000 && news == LinkNews::kNothing; ++n) {
    server.window.now_ns += 1'000'000;
    server.rival->link.poll();
    second.poll();
    news = watch.look(false);
  }
  CHECK(news == LinkNews::kNotForUs);
}

TEST_CASE("a party that takes our end again and again is told of at a bounded rate") {
  Server server;
  server.run(100);
  for (unsigned round = 0; round < 60; ++round) {
    server.rival.emplace(server.window, Role::kDevice);
    server.run(900);
    server.rival.reset();
    server.run(100);
  }
  const auto lines = std::count(server.news.begin(), server.news.end(), ' ');
  CHECK(lines >= 20);
  CHECK(lines <= 20 + 61);
  server.run(3000);
  CHECK(server.link.holds_end());
  CHECK_FALSE(server.news.ends_with("standing-by "));  // what was told last is not wrong
}

TEST_CASE(
    "a newcomer waits for a directory that was scribbled over to be mended, even by one who stands by") {
  for (const bool standing_by : {false, true}) {
    Server server;
    server.run(100);
    if (standing_by) {
      server.rival.emplace(server.window, Role::kDevice);
      server.run(1500);
      REQUIRE_FALSE(server.link.holds_end());
    }
    std::memset(server.window.bytes().data(), 0xa5, 64);
    FakePort port(server.window, 5);
    const ivshmem::EndBlockView rival(*RegionMemory(server.window.bytes())
                                           .area(Offset(ivshmem::kDirectoryBytes + ivshmem::kEndBlockOffset),
                                                 sizeof(ivshmem::EndBlock), 8));
    port.idle = [&] {
      server.link.poll();
      (void)server.watch.look(false);
      // A rival that lives and mends nothing.
      if (standing_by) rival.beat(static_cast<std::uint32_t>(server.window.now_ns / 20'000'000));
    };
    FakeLink newcomer(port, {.role = Role::kDriver});
    REQUIRE(newcomer.state() == LinkState::kBroken);
    CHECK(app::attached(newcomer));
    CHECK(newcomer.state() == LinkState::kDown);
  }
}

TEST_CASE("a newcomer does not wait for ever for a directory that nobody mends") {
  FakeWindow window(1 << 20);
  std::memset(window.bytes().data(), 0xa5, 64);
  FakePort port(window, 5);
  FakeLink newcomer(port, {.role = Role::kDriver});
  CHECK_FALSE(app::attached(newcomer));
  CHECK(window.now_ns >= seconds(1).ns);
  CHECK(window.now_ns < seconds(2).ns);
}

namespace {

struct Driver {
  FakeWindow window{1 << 20};
  FakePort device_port{window, 3};
  FakeLink device{device_port, {.role = Role::kDevice}};
  FakePort port{window, 7};
  FakeLink link{port, {.role = Role::kDriver}};
  std::vector<std::uint64_t> bitmap =
      std::vector<std::uint64_t>(virtio::Arena::bitmap_words(link.region().size()));
  app::DriverSession<FakeLink> session{link, bitmap, {.patience = seconds(10)}};
  std::optional<Rival> rival;

  Driver() {
    port.idle = [this] {
      device.poll();
      if (rival) rival->link.poll();
      if (leave_at != 0 && window.now_ns >= leave_at) rival.reset();
    };
  }
  std::uint64_t leave_at = 0;
};

}  // namespace

TEST_CASE("a driver side waits for its end, as long as its patience lasts") {
  Driver driver;
  (void)driver.session.open();  // the device side says nothing: the link was up, that is enough
  REQUIRE(driver.link.holds_end());
  const std::uint64_t start = driver.window.now_ns;
  driver.rival.emplace(driver.window, Role::kDriver);
  SUBCASE("and has it back when the other party goes") {
    driver.leave_at = start + seconds(5).ns;
    (void)driver.session.open();
    CHECK(driver.link.holds_end());
    CHECK(driver.link.state() == LinkState::kUp);
    CHECK_FALSE(driver.session.ended());
  }
  SUBCASE("and ends with that reason when the other party stays") {
    CHECK_FALSE(driver.session.open().ok());
    CHECK(driver.session.why_ended() == "another living party already drives this link's devices");
    CHECK(driver.window.now_ns - start >= seconds(9).ns);
    CHECK(driver.window.now_ns - start <= seconds(12).ns);
    CHECK(driver.rival->link.holds_end());
  }
}
