// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The command line as key=value words.
#include <hawser/guest/arguments.hpp>
#include <hawser/guest/parameters.hpp>

#include <doctest/doctest.h>

#include <initializer_list>

using hawser::guest::Arguments;

TEST_CASE("a value is what follows the first equals sign of its word") {
  const Arguments arguments("disk=/a=b  name= last=x");
  CHECK(arguments.value("disk") == "/a=b");
  CHECK(arguments.value("name") == "");
  CHECK(arguments.value("last") == "x");
  CHECK_FALSE(arguments.value("nam"));
}

TEST_CASE("the last of several values counts") {
  CHECK(Arguments("a=1 b=2 a=3").value("a") == "3");
}

TEST_CASE("a flag is a whole word") {
  const Arguments arguments(" quiet verbose=1");
  CHECK(arguments.has("quiet"));
  CHECK_FALSE(arguments.has("quie"));
  CHECK_FALSE(arguments.has("verbose"));
  CHECK_FALSE(Arguments("").has(""));
}

TEST_CASE("numbers are decimal or hexadecimal, with a suffix or none") {
  const Arguments arguments("a=17 b=0x1F c=64K d=0x2M e=1G z=0");
  CHECK(arguments.number("a") == 17);
  CHECK(arguments.number("b") == 31);
  CHECK(arguments.number("c") == 65536);
  CHECK(arguments.number("d") == 2u << 20);
  CHECK(arguments.number("e") == 1u << 30);
  CHECK(arguments.number("z") == 0);
}

TEST_CASE("what is no number, or beyond 64 bits, is none") {
  for (const char* text : {"a=", "a=x", "a=0x", "a=K", "a=1f", "a=-1", "a=+1", "a=1KK",
                           "a=18446744073709551616", "a=0x10000000000000000", "a=17179869184G"}) {
    CAPTURE(text);
    CHECK_FALSE(Arguments(text).number("a"));
  }
  CHECK(Arguments("a=18446744073709551615").number("a") == UINT64_MAX);
  CHECK(Arguments("a=17179869183G").number("a") == UINT64_C(17179869183) << 30);
}

TEST_CASE("the first word that an image does not take is named, with what it would take instead") {
  using hawser::guest::find_wrong;
  static constexpr hawser::guest::Parameter kTaken[] = {{.key = "seconds", .most = 100},
                                                        {.key = "bytes", .least = 4096},
                                                        {.key = "link", .choices = "argo|xen-shm"}};
  for (const char* good :
       {"", "  ", "seconds=0", "seconds=100 bytes=4K link=argo", "link=xen-shm", "seconds=1 seconds=0x10"}) {
    CAPTURE(good);
    CHECK_FALSE(find_wrong(Arguments(good), kTaken));
  }
  for (const char* bad : {"seconds", "seconds=", "seconds=abc", "seconds=-1", "seconds=1.5", "seconds=101",
                          "seconds=1e1", "bytes=4095", "bytes=99999999999999999999", "bytes=4k", "link",
                          "link=", "link=arg", "link=argo|xen-shm", "link=argo|"}) {
    CAPTURE(bad);
    const auto wrong = find_wrong(Arguments(bad), kTaken);
    REQUIRE(wrong);
    CHECK(wrong->word == bad);
    REQUIRE(wrong->parameter != nullptr);
    CHECK(wrong->word.starts_with(wrong->parameter->key));
  }
  const auto unknown = find_wrong(Arguments("seconds=1 second=2 seconds=x"), kTaken);
  REQUIRE(unknown);
  CHECK(unknown->word == "second=2");
  CHECK(unknown->parameter == nullptr);
  // One that a later word replaces is wrong nonetheless.
  CHECK(find_wrong(Arguments("seconds=x seconds=1"), kTaken));
}
