// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The second channel: in place, by credit, with few hypercalls.
#include "two_domains.hpp"

#include <hawser/transport/random.hpp>
#include "support/seed.hpp"

#include <doctest/doctest.h>

#include <deque>

namespace hawser::argo {

TEST_CASE("parcels pass whole and in order, of any size, held and released in any order, over many wraps") {
  HAWSER_TEST_SEED(seed);
  Random random(seed);
  TwoDomains two;
  REQUIRE(two.connect());
  struct Held {
    Parcel parcel;
    Bytes expected;
  };
  const std::size_t mtu = two.driver().parcels().mtu();
  CHECK(two.device().parcels().mtu() == mtu);
  CHECK(mtu == 16u << 10);
  std::deque<Bytes> on_the_way[2];
  std::vector<Held> held[2];
  const auto intact = [](const Held& h) {
    const auto& parts = h.parcel.parts;
    return h.parcel.size() == h.expected.size() &&
           std::equal(parts[0].begin(), parts[0].end(), h.expected.begin()) &&
           std::equal(parts[1].begin(), parts[1].end(),
                      h.expected.begin() + static_cast<std::ptrdiff_t>(parts[0].size()));
  };
  std::uint64_t passed = 0;
  for (int step = 0; step < 20'000; ++step) {
    const Role from = random.chance(50) ? Role::kDriver : Role::kDevice;
    const unsigned i = TwoDomains::index(from);
    auto& receiver = two.link(TwoDomains::other(from)).parcels();
    switch (random.below(3)) {
      case 0: {
        Bytes parcel(random.chance(10) ? mtu : random.below(random.chance(50) ? 64 : 4096));
        random.fill(parcel);
        const auto sent = two.send_parcel(from, parcel);
        if (sent.ok()) {
          on_the_way[i].push_back(std::move(parcel));
        } else {
          REQUIRE(sent.error() == SendError::kFull);
        }
        break;
      }
      case 1: {
        const auto got = receiver.try_receive();
        if (!got.ok()) {
          REQUIRE(got.error() == ReceiveError::kEmpty);
          REQUIRE((on_the_way[i].empty() || held[i].size() == 256));
          break;
        }
        held[i].push_back({*got, std::move(on_the_way[i].front())});
        on_the_way[i].pop_front();
        ++passed;
        break;
      }
      default: {
        if (held[i].empty()) break;
        const std::size_t which = random.below(held[i].size());
        REQUIRE(intact(held[i][which]));  // after all that was sent meanwhile
        receiver.release(held[i][which].parcel.number);
        held[i].erase(held[i].begin() + static_cast<std::ptrdiff_t>(which));
        break;
      }
    }
    if (step % 50 == 0) two.idle(milliseconds(2));
    REQUIRE(two.up());
  }
  CHECK(passed > 3000);
}

TEST_CASE("a parcel is too big by one byte or by one part, and the link says so, full or not") {
  TwoDomains two;
  REQUIRE(two.connect());
  auto& parcels = two.driver().parcels();
  const Bytes one(1);
  std::vector<std::span<const std::byte>> parts(TestLink::ParcelChannelType::kMaxParts, one);
  parts.insert(parts.begin() + 3, std::span<const std::byte>());  // empty ones do not count
  CHECK(parcels.try_send(parts).ok());
  parts.push_back(one);
  CHECK(parcels.try_send(parts).error() == SendError::kTooBig);
  CHECK(two.send_parcel(Role::kDriver, Bytes(parcels.mtu() + 1)).error() == SendError::kTooBig);
  while (two.send_parcel(Role::kDriver, Bytes(parcels.mtu())).ok()) {
  }
  CHECK(two.send_parcel(Role::kDriver, Bytes(parcels.mtu())).error() == SendError::kFull);
  CHECK(two.send_parcel(Role::kDriver, Bytes(parcels.mtu() + 1)).error() == SendError::kTooBig);
}

TEST_CASE("an empty parcel is a parcel") {
  TwoDomains two;
  REQUIRE(two.connect());
  REQUIRE(two.send_parcel(Role::kDriver, {}).ok());
  CHECK(two.receive_parcel(Role::kDevice) == Bytes{});
  CHECK_FALSE(two.receive_parcel(Role::kDevice).has_value());
}

TEST_CASE("the ends agree on the shorter of their longest parcels") {
  TwoDomains two;
  two.sizes.max_parcel = 5000;
  two.start(Role::kDevice);
  REQUIRE(two.connect());
  CHECK(two.driver().parcels().mtu() == 5000);
  CHECK(two.device().parcels().mtu() == 5000);
  CHECK(two.works());
}

TEST_CASE("rings so small that a parcel hardly fits still work") {
  TwoDomains two;
  two.sizes = {.control_bytes = 4096, .data_bytes = 4096, .max_parcel = 64u << 10};
  two.start(Role::kDriver);
  REQUIRE(two.connect());
  const std::size_t mtu = two.driver().parcels().mtu();
  CHECK(mtu == 4096 - 64 - 32);
  for (int i = 0; i < 20; ++i) {
    for (const Role from : {Role::kDriver, Role::kDevice}) {
      const Bytes parcel(mtu, std::byte(i));
      REQUIRE(two.send_parcel(from, parcel).ok());
      CHECK(two.receive_parcel(TwoDomains::other(from)) == parcel);
    }
  }
}

TEST_CASE("parcels from the port's memory are copied by the hypervisor alone, and arrive in the ring") {
  TwoDomains two;
  REQUIRE(two.connect());
  const auto payload = two.port(Role::kDriver).memory().last(8000);
  std::fill(payload.begin(), payload.end(), std::byte{0x5a});
  const auto before = two.driver().argo_counters();
  const std::array<std::span<const std::byte>, 2> parts = {payload.first(3000), payload.subspan(3000)};
  REQUIRE(two.driver().parcels().try_send(parts).ok());
  const auto after = two.driver().argo_counters();
  CHECK(after.bytes_staged == before.bytes_staged);
  CHECK(after.bytes_sent == before.bytes_sent + 8000);
  CHECK(after.hypercalls() == before.hypercalls() + 1);
  const auto got = two.device().parcels().try_receive();
  REQUIRE(got.ok());
  const auto ring = divide(two.port(Role::kDevice).memory(), two.options(Role::kDevice)).data;
  CHECK(got->parts[0].data() >= ring.data());
  CHECK(got->parts[0].data() + got->size() <= ring.data() + ring.size());
  CHECK(got->parts[0].front() == std::byte{0x5a});
}

TEST_CASE("at depth one a parcel costs its sender one hypercall and its receiver almost none") {
  TwoDomains two;
  REQUIRE(two.connect());
  const auto driver = two.driver().argo_counters().hypercalls();
  const auto device = two.device().argo_counters().hypercalls();
  constexpr int kParcels = 1000;
  for (int i = 0; i < kParcels; ++i) {
    REQUIRE(two.send_parcel(Role::kDriver, Bytes(1500)).ok());
    two.driver().bell().ring();
    (void)two.device().poll();
    REQUIRE(two.receive_parcel(Role::kDevice).has_value());
    two.device().bell().arm();
    (void)two.device().bell().wait(two.device().now());
    (void)two.driver().poll();
  }
  CHECK(two.driver().argo_counters().hypercalls() - driver == kParcels);
  CHECK(two.device().argo_counters().hypercalls() - device <= kParcels / 16);
}

TEST_CASE("a ring just after a send costs nothing, a later one is a ring of its own") {
  TwoDomains two;
  REQUIRE(two.connect());
  TestLink& link = two.driver();
  for (int i = 0; i < 3; ++i) {
    REQUIRE((i == 2 ? two.send_parcel(Role::kDriver, Bytes(9)) : two.send(Role::kDriver, Bytes(9))).ok());
    const auto before = link.argo_counters().sends;
    if (i == 1) (void)link.bell().wait(link.now());
    if (i == 2) (void)link.poll();
    while (two.device().bell().wait(two.device().now()) == Wake::kRung) {
    }
    link.bell().ring();
    CHECK(link.argo_counters().sends == before + (i == 0 ? 0 : 1));
    CHECK((two.device().bell().wait(two.device().now()) == Wake::kRung) == (i != 0));
    link.bell().ring();  // nothing was sent since
    CHECK(two.device().bell().wait(two.device().now()) == Wake::kRung);
  }
}

TEST_CASE("a flood costs the receiver a hypercall for a quarter of its ring, and no send is refused by Xen") {
  TwoDomains two;
  REQUIRE(two.connect());
  const auto device = two.device().argo_counters();
  // The ring is always as full as the driver end may make it, and the device end takes one parcel at a time.
  constexpr unsigned kParcels = 2000;
  for (unsigned received = 0; received < kParcels; ++received) {
    while (two.send_parcel(Role::kDriver, Bytes(1500)).ok()) {
    }
    (void)two.device().poll();
    REQUIRE(two.receive_parcel(Role::kDevice).has_value());
  }
  CHECK(two.driver().argo_counters().no_room == 0);
  CHECK(two.device().argo_counters().hypercalls() - device.hypercalls() <= kParcels / 10);
}

TEST_CASE("a parcel that would take the ring's last slot is not even tried") {
  TwoDomains two;
  REQUIRE(two.connect());
  const std::uint32_t length = two.sizes.data_bytes - kRingHeaderBytes;
  const Bytes parcel(length / 44 - 16);
  REQUIRE(44 * ring_cost(static_cast<std::uint32_t>(parcel.size())) == length);
  int sent = 0;
  while (two.send_parcel(Role::kDriver, parcel).ok()) ++sent;
  CHECK(sent == 43);
  CHECK(two.driver().argo_counters().no_room == 0);
}

TEST_CASE("who found the data ring full is rung once room was made") {
  TwoDomains two;
  REQUIRE(two.connect());
  for (int round = 0; round < 5; ++round) {
    while (two.send_parcel(Role::kDriver, Bytes(4000)).ok()) {
    }
    two.driver().bell().arm();
    while (two.driver().bell().wait(two.driver().now()) == Wake::kRung) {
    }
    CHECK(two.send_parcel(Role::kDriver, Bytes(4000)).error() == SendError::kFull);
    while (two.receive_parcel(Role::kDevice)) {
    }
    CHECK(two.driver().bell().wait(two.driver().now()) == Wake::kRung);
    CHECK(two.send_parcel(Role::kDriver, Bytes(4000)).ok());
  }
}

TEST_CASE("room that one release makes is told at the next wait or poll, not kept until more is released") {
  for (const bool waits : {true, false}) {
    TwoDomains two;
    REQUIRE(two.connect());
    while (two.send_parcel(Role::kDriver, Bytes(4000)).ok()) {
    }
    REQUIRE(two.receive_parcel(Role::kDevice).has_value());
    if (waits) {
      (void)two.device().bell().wait(two.device().now());
    } else {
      two.house.advance(milliseconds(2));
      (void)two.device().poll();
    }
    CHECK(two.driver().bell().wait(two.driver().now()) == Wake::kRung);
    CHECK(two.send_parcel(Role::kDriver, Bytes(4000)).ok());
  }
}

TEST_CASE("an end that holds as many parcels as it may does not sleep once it has released one") {
  TwoDomains two;
  REQUIRE(two.connect());
  for (int i = 0; i < 300; ++i) REQUIRE(two.send_parcel(Role::kDriver, Bytes(8)).ok());
  std::vector<std::uint32_t> numbers;
  while (true) {
    const auto got = two.device().parcels().try_receive();
    if (!got.ok()) break;
    numbers.push_back(got->number);
  }
  CHECK(numbers.size() == 256);
  two.device().bell().arm();
  while (two.device().bell().wait(two.device().now()) == Wake::kRung) {
  }
  two.device().parcels().release(numbers[7]);
  CHECK(two.device().bell().wait(two.device().now() + seconds(1)) == Wake::kRung);
  for (const auto number : numbers) two.device().parcels().release(number);
  int more = 0;
  while (two.receive_parcel(Role::kDevice)) ++more;
  CHECK(more == 300 - 256);
}

TEST_CASE("parcels stay readable until the poll after the one that reported the end of their time") {
  for (const bool broken : {false, true}) {
    TwoDomains two;
    REQUIRE(two.connect());
    const Bytes secret(5000, std::byte{0x42});
    REQUIRE(two.send_parcel(Role::kDriver, secret).ok());
    const auto got = two.device().parcels().try_receive();
    REQUIRE(got.ok());
    if (broken)
      two.port(Role::kDevice).refuse = [](Command command) {
        return command == Command::kSendv ? std::optional(1) : std::nullopt;
      };
    two.driver().reset();
    LinkEvent event = LinkEvent::kNothing;
    for (int i = 0; i < 100 && event == LinkEvent::kNothing; ++i) {
      if (broken) two.device().bell().ring();
      (void)two.driver().poll();
      event = two.device().poll();
      two.house.advance(milliseconds(1));
    }
    CHECK(event == (broken ? LinkEvent::kBroke : LinkEvent::kWentDown));
    CHECK(std::equal(secret.begin(), secret.end(), got->parts[0].begin(), got->parts[0].end()));
    two.device().parcels().release(got->number);  // too late, and harmless
    CHECK(two.device().parcels().try_receive().error() == ReceiveError::kDown);
  }
}

TEST_CASE("parcels of an epoch that is over are not received, and their room is free again") {
  TwoDomains two;
  REQUIRE(two.connect());
  // The device end begins anew; the driver end does not know yet and sends into the new ring.
  two.stop(Role::kDevice);
  two.restart(Role::kDevice);
  two.port(Role::kDevice).refuse = [](Command command) {
    return command == Command::kSendv ? std::optional(11) : std::nullopt;
  };
  (void)two.device().poll();
  int stale = 0;
  while (two.send_parcel(Role::kDriver, Bytes(4000, std::byte{0xee})).ok()) ++stale;
  CHECK(stale > 10);
  two.port(Role::kDevice).refuse = nullptr;
  REQUIRE(two.connect());
  CHECK_FALSE(two.receive_parcel(Role::kDevice).has_value());
  int fresh = 0;
  while (two.send_parcel(Role::kDriver, Bytes(4000, std::byte{1})).ok()) ++fresh;
  CHECK(fresh == stale);
  for (int i = 0; i < fresh; ++i) CHECK(two.receive_parcel(Role::kDevice) == Bytes(4000, std::byte{1}));
}

TEST_CASE("channel messages are not held up by parcels, nor parcels, rings and heartbeats by messages") {
  TwoDomains two;
  REQUIRE(two.connect());
  while (two.send_parcel(Role::kDriver, Bytes(4000)).ok()) {
  }
  CHECK(two.send(Role::kDriver, bytes_of("past them")).ok());
  CHECK(two.receive(Role::kDevice) == bytes_of("past them"));
  // Nobody receives: the channel fills up, and the link stays up for all that.
  while (two.send(Role::kDriver, bytes_of("unread")).ok()) {
  }
  two.idle(milliseconds(1600));  // four silences
  CHECK(two.up());
  for (int i = 0; i < 200; ++i) {
    two.driver().bell().ring(Mark(5));
    CHECK(two.send_parcel(Role::kDevice, Bytes(4000)).ok());
    CHECK(two.receive_parcel(Role::kDriver).has_value());
    two.idle(milliseconds(1));
    CHECK((two.device().bell().take() & Mark(5).bit()) != 0);
  }
}

}  // namespace hawser::argo
