// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/argo/broker/rules.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace hawser;
using namespace hawser::argo::broker;

TEST_CASE("a rule is read as it is written") {
  const Rule pair = parse_rule("1:2");
  CHECK(pair.covers(1, 2, 0));
  CHECK(pair.covers(1, 2, UINT32_MAX));
  CHECK(!pair.covers(2, 1, 0));
  CHECK(!pair.covers(1, 3, 0));
  const Rule range = parse_rule("*:0x2:0x10-31,bytes=2M,messages=5");
  CHECK(range.covers(7, 2, 0x10));
  CHECK(range.covers(7, 2, 31));
  CHECK(!range.covers(7, 2, 32));
  CHECK(range.budget.bytes_per_second == 2 << 20);
  CHECK(range.budget.messages_per_second == 5);
  CHECK(parse_rule("1:*:7").covers(1, 9, 7));
  CHECK(!parse_rule("1:*:7").covers(1, 9, 8));
}

TEST_CASE("a rule is written as it is read") {
  for (const char* text :
       {"1:2", "*:2", "1:*:0x7", "*:*:0x10-0x1f", "1:2,bytes=1024", "1:2:0x0,bytes=5,messages=6"}) {
    CHECK(format_rule(parse_rule(text)) == text);
  }
}

TEST_CASE("what is no rule is named in one sentence") {
  for (const char* text :
       {"", "1", "1:", ":2", "a:2", "1:2:", "1:2:x", "1:2:5-", "1:2:5-4", "1:2:0x100000000", "32752:1",
        "1:2,bytes", "1:2,bytes=", "1:2,bytes=0", "1:2,bytes=99999999999G", "1:2,speed=4", "1:2,,"}) {
    CAPTURE(std::string(text));
    CHECK_THROWS_AS(parse_rule(text), std::invalid_argument);
  }
  CHECK_THROWS_WITH(parse_rule("1:2:5-4"), "the ports in the rule \"1:2:5-4\" are the wrong way round");
}

TEST_CASE("a meter lets a tenth of a second's worth through at once, and the rate over time") {
  Meter meter;
  Instant now{seconds(5).ns};
  std::uint64_t spent = 0;
  for (std::uint64_t ms = 0; ms < 2000; ++ms, now = now + milliseconds(1)) {
    while (meter.open_at() <= now) {
      meter.spend(100, 100'000, now);
      spent += 100;
    }
  }
  CHECK(spent >= 200'000);
  CHECK(spent <= 200'000 + 10'000 + 2 * 100);
}

TEST_CASE("a meter takes what is larger than its burst, and makes up for it") {
  Meter meter;
  const Instant now{seconds(5).ns};
  meter.spend(1'000'000, 100'000, now);
  CHECK(meter.open_at() == now + milliseconds(9900));
}
