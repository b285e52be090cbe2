// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Parcels that no courier would send, at the courier in the kernel: one line in the log and a broken link, or nothing.
#include <doctest/doctest.h>

#include "support/seed.hpp"

#include <hawser/transport/random.hpp>

#include "world.hpp"

using namespace linux_argo;
using linux_bus::Driver;
using virtio::courier::Kind;
using Entry = virtio::courier::wire::Entry;

namespace {

/// A disk with one request on its way, chain 0 of device 3, queue 0: 4 bytes readable, 8 writable.
struct Attack {
  Driver driver;
  World world;
  std::string answer = "........";
  explicit Attack(const std::string& request = "1234", const Sizes& sizes = {}) : world(sizes) {
    world.start_device();
    REQUIRE(world.ready());
    world.model.asleep = true;
    Driver::add(0, request, &answer);
    for (int n = 0; n < 3; ++n) world.step();
    stub_log_lines = 0;
  }

  std::uint32_t control() {
    return static_cast<std::uint32_t>(world.device->link().counters().messages_sent);
  }

  bool say(Kind kind, std::uint32_t control, std::span<const Entry> entries, std::size_t payload,
           std::uint8_t version = 1) {
    std::vector<std::byte> bytes;
    const auto append = [&](const auto& value) {
      const auto more = wire_bytes(value);
      bytes.insert(bytes.end(), more.begin(), more.end());
    };
    append(virtio::courier::wire::ParcelHeader{static_cast<std::uint8_t>(kind), version,
                                               static_cast<std::uint16_t>(entries.size()), control});
    for (const auto& entry : entries) append(entry);
    bytes.resize(bytes.size() + payload, std::byte{0x5a});
    return say(bytes);
  }
  bool say(std::span<const std::byte> bytes) {
    const std::span<const std::byte> parts[] = {bytes};
    return world.device->link().parcels().try_send(parts).ok();
  }
  void settle() {
    for (int n = 0; n < 5; ++n) world.step();
  }
  bool broken() { return kernel_end_state(world.end) == KERNEL_BROKEN; }

  void expect_broken(const char* why) {
    settle();
    CAPTURE(std::string(why));
    CHECK(broken());
    CHECK(std::string(kernel_end_fault(world.end)) == why);
    CHECK(stub_log_lines == 1);
    CHECK_FALSE(Driver::completion());
    // Forgiven, with an honest device: the request is done.
    world.model.asleep = false;
    kernel_end_forgive(world.end);
    REQUIRE(world.completion());
    CHECK(answer.substr(0, 4) == std::string("123\0", 4));
  }
};

}  // namespace

TEST_CASE(
    "completions that make no sense break the link, each with its reason, and the next peer does the "
    "request") {
  struct Case {
    const char* reason;
    Entry entry;
    std::size_t payload;
  };
  const Case cases[] = {
      {"the peer completed a chain that is not on its way", {3, 0, 64, 0, 4, 0, 0, 4}, 4},
      {"the peer completed a chain that is not on its way", {3, 0, 0xffff, 0, 4, 0, 0, 4}, 4},
      {"the peer completed a chain that is not on its way", {3, 0, 5, 0, 4, 0, 0, 4}, 4},
      {"the peer wrote more than a chain has room for", {3, 0, 0, 0, 9, 0, 0, 9}, 9},
      {"the peer wrote more than a chain has room for", {3, 0, 0, 0, 0xffffffff, 0, 0, 9}, 9},
      {"the peer sent the pieces of a completion out of order", {3, 0, 0, 0, 8, 0, 4, 4}, 4},
      {"the peer sent the pieces of a completion out of order", {3, 0, 0, 0, 8, 0, 0, 0}, 0},
      {"the peer sent the pieces of a completion out of order", {3, 0, 0, 0, 4, 0, 0, 5}, 5},
      {"the peer sent a parcel that ends within its bytes", {3, 0, 0, 0, 8, 0, 0, 8}, 7},
      {"the peer sent a parcel that ends within its bytes", {3, 0, 0, 0, 8, 0, 0, 0xffffffff}, 7},
      {"the peer sent a parcel with bytes that belong to nothing", {3, 0, 1, 0, 8, 0, 0, 0}, 1},
  };
  for (const Case& c : cases) {
    Attack attack;
    REQUIRE(attack.say(Kind::kCompletions, attack.control(), std::span(&c.entry, 1), c.payload));
    // The one whose entry is in order is found out by what is behind it, when the request is done.
    if (c.entry.chain == 1) {
      attack.settle();
      CHECK(attack.broken());
      continue;
    }
    attack.expect_broken(c.reason);
  }
}

TEST_CASE("parcels that are none break the link") {
  const auto with = [](const char* why, auto deed) {
    Attack attack;
    REQUIRE(deed(attack));
    attack.expect_broken(why);
  };
  with("the peer sent a parcel without a header of this version",
       [](Attack& a) { return a.say(std::vector<std::byte>(7)); });
  with("the peer sent a parcel without a header of this version",
       [](Attack& a) { return a.say(Kind::kCompletions, 0, {}, 0, 2); });
  with("the peer sent a parcel of an unknown kind",
       [](Attack& a) { return a.say(Kind::kRequests, 0, {}, 0); });
  with("the peer sent a parcel of an unknown kind", [](Attack& a) { return a.say(Kind{0}, 0, {}, 0); });
  with("the peer sent a parcel with bytes that belong to nothing",
       [](Attack& a) { return a.say(Kind::kCompletions, 0, {}, 3); });
  with("the peer announced limits that make no sense",
       [](Attack& a) { return a.say(Kind::kLimits, 0, {}, 7); });
  with("the peer announced limits that make no sense", [](Attack& a) {
    std::array<std::byte, 16> parcel{std::byte{1}, std::byte{1}};
    return a.say(parcel);
  });
  with("the peer sent a parcel with too many entries", [](Attack& a) {
    const std::vector<Entry> entries(65);
    return a.say(Kind::kCompletions, a.control(), entries, 0);
  });
  with("the peer sent a parcel that ends within its entries", [](Attack& a) {
    std::array<std::byte, 16> parcel{std::byte{3}, std::byte{1}, std::byte{1}};
    return a.say(parcel);
  });
}

TEST_CASE("completions of what is not there, or was before, change nothing") {
  Attack attack;
  const Entry elsewhere{4, 0, 0, 0, 4, 0, 0, 4};
  const Entry other_queue{3, 9, 0, 0, 4, 0, 0, 4};
  const Entry good{3, 0, 0, 0, 4, 0, 0, 4};
  REQUIRE(attack.say(Kind::kCompletions, attack.control(), std::span(&elsewhere, 1), 4));
  REQUIRE(attack.say(Kind::kCompletions, attack.control(), std::span(&other_queue, 1), 4));
  REQUIRE(attack.say(Kind::kCompletions, 0, std::span(&good, 1), 4));
  attack.settle();
  CHECK_FALSE(attack.broken());
  CHECK_FALSE(Driver::completion());
  REQUIRE(attack.say(Kind::kCompletions, attack.control(), std::span(&good, 1), 4));
  attack.settle();
  CHECK(Driver::completion());
  // And once more: it is not on its way any longer.
  REQUIRE(attack.say(Kind::kCompletions, attack.control(), std::span(&good, 1), 4));
  attack.settle();
  CHECK(attack.broken());
  CHECK(stub_log_lines == 1);
}

TEST_CASE("a chain of which half has been sent can not be complete") {
  Attack attack(std::string(60'000, 'q'),
                {.data_bytes = 16u << 10, .max_parcel = 4096, .max_chain = 100'000});
  const Entry early{3, 0, 0, 0, 0, 0, 0, 0};
  REQUIRE(attack.say(Kind::kCompletions, attack.control(), std::span(&early, 1), 0));
  attack.settle();
  CHECK(attack.broken());
  CHECK_FALSE(Driver::completion());
}

// Else its driver would take back, and the kernel use again, memory that is still to be sent.
TEST_CASE("a chain that waits for room at the peer can not be complete, though others are") {
  for (const std::size_t bytes : {4u, 1000u, 40'000u}) {
    Attack attack("1234", {.data_bytes = 64u << 10, .max_parcel = 16u << 10, .max_chain = 100'000});
    const auto complete = [&](std::uint16_t chain) {
      const Entry entry{3, 0, chain, 0, 4, 0, 0, 4};
      REQUIRE(attack.say(Kind::kCompletions, attack.control(), std::span(&entry, 1), 4));
      attack.settle();
    };
    attack.world.refuse = -11;
    std::string answer = "........";
    Driver::add(0, std::string(bytes, 'q'), &answer);
    for (int n = 0; n < 3; ++n) attack.world.step();
    complete(0);
    CHECK_FALSE(attack.broken());
    CHECK(Driver::completion());
    complete(1);
    CHECK(attack.broken());
    CHECK(std::string(kernel_end_fault(attack.world.end)) ==
          "the peer completed a chain that is not on its way");
    CHECK_FALSE(Driver::completion());
  }
}

TEST_CASE("a parcel that waits for a message which never comes holds up the link, not the kernel") {
  Attack attack;
  const Entry good{3, 0, 0, 0, 4, 0, 0, 4};
  REQUIRE(attack.say(Kind::kCompletions, attack.control() + 1, std::span(&good, 1), 4));
  attack.settle();
  CHECK_FALSE(Driver::completion());
  CHECK(attack.world.up());
  attack.world.unload();
}

TEST_CASE(
    "a flood of messages is taken a few at a time, so that whoever takes them sees to all else meanwhile") {
  Attack attack;
  constexpr std::uint32_t kEach = 32;  // an empty message, which no bus has anything to say to
  const std::span<const std::byte> nothing[] = {std::span<const std::byte>()};
  unsigned sent = 0;
  while (attack.world.device->link().channel().try_send(nothing).ok()) ++sent;
  REQUIRE(sent > 200);
  kernel_end_turn(attack.world.end);
  CHECK(kernel_end_inbox(attack.world.end) == (sent - 64) * kEach);
  // The rest needs neither time nor another signal.
  stub_run();
  CHECK(kernel_end_inbox(attack.world.end) == 0);
  CHECK(attack.world.up());
}

TEST_CASE("a peer that takes the shortest parcels there are is sent a long chain a few at a time") {
  Attack attack("1234", {.data_bytes = 256u << 10, .max_parcel = 64, .max_chain = 100'000});
  auto& world = attack.world;
  world.model.asleep = false;
  REQUIRE(world.completion());
  const std::string question(20'000, 'q');
  world.refuse = -11;
  Driver::add(0, question, &attack.answer);
  world.refuse.reset();
  world.payloads.clear();
  kernel_end_turn(world.end);
  CHECK(world.payloads.size() == 1 + 32);  // of 32 bytes each; one was waiting
  REQUIRE(world.completion());
  CHECK(world.model.served.back() == question);
  CHECK(world.up());
}

TEST_CASE("random completions never do more than break the link") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  unsigned broken = 0;
  for (unsigned round = 0; round < 200; ++round) {
    Attack attack;
    const auto noise = [&] { return static_cast<std::uint32_t>(random.next()); };
    for (unsigned n = 0; n < 20 && !attack.broken(); ++n) {
      std::vector<Entry> entries(random.below(4));
      std::size_t payload = 0;
      for (auto& entry : entries) {
        const auto bytes = static_cast<std::uint32_t>(random.below(10));
        entry = {static_cast<std::uint16_t>(random.chance(90) ? 3 : noise()),
                 static_cast<std::uint16_t>(random.chance(90) ? 0 : noise()),
                 static_cast<std::uint16_t>(random.chance(80) ? random.below(2) : noise()),
                 0,
                 random.chance(80) ? bytes : noise(),
                 0,
                 random.chance(80) ? 0 : static_cast<std::uint32_t>(random.below(10)),
                 random.chance(95) ? bytes : noise()};
        payload += bytes;
      }
      (void)attack.say(Kind::kCompletions, random.chance(90) ? attack.control() : noise(), entries,
                       random.chance(95) ? payload : random.below(100));
      if (random.chance(20)) Driver::add(0, "more", &attack.answer);
      attack.world.step();
    }
    broken += attack.broken() ? 1 : 0;
    CHECK(stub_log_lines <= 1);
  }
  CHECK(broken > 100);
}

TEST_CASE("a peer that takes no messages, and says that it lives, does not keep the kernel busy") {
  Attack attack;
  attack.world.refuse_control = -11;
  const auto before = attack.world.hypercalls;
  for (int ms = 0; ms < 900; ++ms) attack.world.step();
  CHECK(attack.world.up());
  CHECK(attack.world.hypercalls - before < 100);
}

TEST_CASE("console output that finds another queue's parcel in its way goes as soon as that has gone") {
  Driver driver;
  World world({}, {.id = 3, .queues = 2});
  world.start_device();
  REQUIRE(world.ready());
  world.model.asleep = true;
  world.refuse = -11;
  std::string input(64, '.');
  Driver::add(0, "", &input);
  world.refusals = 40;
  Driver::add(1, "output", nullptr);
  CHECK(world.refusals == 0);
  CHECK(Driver::completion(1));
  world.model.asleep = false;
  REQUIRE(world.until([&] { return std::ranges::count(world.model.served, "output") == 1; }));
}
