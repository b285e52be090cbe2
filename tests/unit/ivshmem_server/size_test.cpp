// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <doctest/doctest.h>

using namespace hawser::ivshmem;

namespace {
std::string refusal(const char* text) {
  try {
    parse_memory_size(text);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}
}  // namespace

TEST_CASE("a size is a number with an optional binary unit") {
  CHECK(parse_size("4096") == 4096);
  CHECK(parse_size("64K") == 65536);
  CHECK(parse_size("16M") == 16u << 20);
  CHECK(parse_size("1g") == 1u << 30);
  CHECK(parse_size("4GiB") == 4ull << 30);
  CHECK(parse_size("2TB") == 2ull << 40);
  CHECK(parse_size("7B") == 7);
}

TEST_CASE("anything else is refused by name") {
  for (const char* text : {"", "M", "16Q", "-1", "0x10", "16 M", "16MM", "1.5G", " 1", "16Mi"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_size(text), Error);
  }
  CHECK(refusal("banana").find("\"banana\" is not a size") == 0);
}

TEST_CASE("sizes that overflow 64 bits are refused instead of wrapping to a byte") {
  CHECK_THROWS_AS(parse_size("18446744073709551616"), Error);
  CHECK_THROWS_AS(parse_size("16777216T"), Error);
  CHECK(parse_size("4G") == 4294967296u);  // the reference server makes one byte of this
  CHECK(parse_memory_size("4194304T") == 1ull << 62);
  CHECK(refusal("8388608T").find("too large") != std::string::npos);
}

TEST_CASE("a shared object is a power of two of at least 4 KiB, and the message proposes one") {
  CHECK(refusal("3M") == "the size 3M is not a power of two, which a PCI BAR must be: use 2M or 4M");
  CHECK(refusal("2K") == "the size 2K is too small: a shared object has at least 4K");
  CHECK(refusal("0").find("too small") != std::string::npos);
  CHECK(parse_memory_size("4K") == 4096);
}

TEST_CASE("vectors and peers have the limits of MSI-X and of 16-bit ids") {
  CHECK_NOTHROW(check_vectors(1));
  CHECK_NOTHROW(check_vectors(2048));
  CHECK_THROWS_AS(check_vectors(0), Error);
  CHECK_THROWS_AS(check_vectors(2049), Error);
  CHECK_NOTHROW(check_max_peers(65536));
  CHECK_THROWS_AS(check_max_peers(65537), Error);
  CHECK_THROWS_AS(check_max_peers(0), Error);
}

TEST_CASE("sizes are shown in the largest unit that divides them") {
  CHECK(format_size(16u << 20) == "16M");
  CHECK(format_size(4097) == "4097");
  CHECK(format_size(1ull << 62) == "4194304T");
  CHECK(format_size(0) == "0");
}
