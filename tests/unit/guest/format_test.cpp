// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Text out of values.
#include <hawser/guest/format.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hawser::guest;

namespace {

struct Text {
  void write(std::string_view more) { all += more; }
  std::string all;
};

template <class... T>
std::string printed(const T&... parts) {
  Text text;
  print(text, parts...);
  return text.all;
}

}  // namespace

TEST_CASE("strings, characters and truth values print as themselves") {
  CHECK(printed("a", 'b', std::string_view("cd"), true, false) == "abcdtruefalse");
}

TEST_CASE("integers print in decimal to both ends of their range") {
  CHECK(printed(0, " ", -1, " ", 255u) == "0 -1 255");
  CHECK(printed(UINT64_MAX) == "18446744073709551615");
  CHECK(printed(INT64_MIN) == "-9223372036854775808");
  CHECK(printed(std::int8_t{-128}, std::uint8_t{200}) == "-128200");
}

TEST_CASE("hexadecimal numbers have as many digits as they need, or as they are told") {
  CHECK(printed(hex(0)) == "0x0");
  CHECK(printed(hex(0x1af4)) == "0x1af4");
  CHECK(printed(hex(0x1, 4)) == "0x0001");
  CHECK(printed(hex(UINT64_MAX, 99)) == "0xffffffffffffffff");
}
