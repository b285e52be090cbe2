// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Memory: the copy functions, the initrd, spare RAM.
#include "checks.hpp"
#include "sum.hpp"

#include <array>
#include <cstring>

namespace hawser::guest::selftest {
namespace {

constexpr std::size_t kSize = 160;
using Buffer = std::array<unsigned char, kSize>;

// Calls the function, not what the compiler knows about it.
void* (*volatile copy)(void*, const void*, std::size_t) = std::memcpy;
void* (*volatile move)(void*, const void*, std::size_t) = std::memmove;
void* (*volatile fill)(void*, int, std::size_t) = std::memset;
int (*volatile compare)(const void*, const void*, std::size_t) = std::memcmp;

Buffer numbered() {
  Buffer bytes{};
  for (std::size_t i = 0; i < kSize; ++i) bytes[i] = static_cast<unsigned char>(i + 1);
  return bytes;
}

// Every pair of offsets below 10 and every length below 33, and those around two blocks: all phases, with and
// without overlap.
template <class Try>
bool every_small_case(Try attempt) {
  for (std::size_t to = 0; to < 10; ++to) {
    for (std::size_t from = 0; from < 10; ++from) {
      for (std::size_t n = 0; n < 33; ++n)
        if (!attempt(to, from, n)) return false;
      for (std::size_t n = 120; n < 140; ++n)
        if (!attempt(to, from, n)) return false;
    }
  }
  return true;
}

bool moves_rightly(std::size_t to, std::size_t from, std::size_t n) {
  const Buffer before = numbered();
  Buffer after = before;
  move(after.data() + to, after.data() + from, n);
  for (std::size_t i = 0; i < kSize; ++i) {
    const bool inside = i >= to && i - to < n;
    if (after[i] != (inside ? before[i - to + from] : before[i])) return false;
  }
  return true;
}

bool copies_rightly(std::size_t to, std::size_t from, std::size_t n) {
  const Buffer source = numbered();
  Buffer after{};
  copy(after.data() + to, source.data() + from, n);
  for (std::size_t i = 0; i < kSize; ++i) {
    const bool inside = i >= to && i - to < n;
    if (after[i] != (inside ? source[i - to + from] : 0)) return false;
  }
  return true;
}

bool fills_rightly(std::size_t to, std::size_t value, std::size_t n) {
  Buffer after{};
  fill(after.data() + to, static_cast<int>(value + 0x1f0), n);
  for (std::size_t i = 0; i < kSize; ++i) {
    const bool inside = i >= to && i - to < n;
    if (after[i] != (inside ? static_cast<unsigned char>(value + 0xf0) : 0)) return false;
  }
  return true;
}

bool holds_what_is_written(std::span<std::byte> memory) {
  for (const std::size_t at : {std::size_t{0}, memory.size() / 2, memory.size() - 1}) {
    auto* byte = reinterpret_cast<volatile unsigned char*>(memory.data() + at);
    *byte = 0x5a;
    if (*byte != 0x5a) return false;
    *byte = 0xa5;
    if (*byte != 0xa5) return false;
  }
  return true;
}

}  // namespace

void check_bytes(Machine& machine, Report& report) {
  report.check(every_small_case(moves_rightly), "memmove moves exactly what overlaps");
  report.check(every_small_case(copies_rightly), "memcpy copies exactly what it is told to");
  report.check(every_small_case(fills_rightly), "memset sets exactly what it is told to");
  const Buffer low = {1, 2, 200};
  const Buffer high = {1, 2, 201};
  report.check(compare(low.data(), high.data(), 2) == 0 && compare(low.data(), high.data(), 3) < 0 &&
                   compare(high.data(), low.data(), 3) > 0,
               "memcmp compares bytes as unsigned");

  const auto size = machine.arguments().number("initrd-size").value_or(0);
  const auto sum = machine.arguments().number("initrd-sum").value_or(sum_of({}));
  report.check(machine.initrd().size() == size, "the initrd has the size of the file");
  report.check(sum_of(machine.initrd()) == sum, "the initrd holds the bytes of the file");

  const auto spare = machine.spare_memory();
  report.say("spare memory ", spare.size() / 1024, " KiB at ",
             hex(reinterpret_cast<std::uint64_t>(spare.data())));
  if (report.check(spare.size() >= 8u << 20, "8 MiB of RAM at least are spare")) {
    report.check(holds_what_is_written(spare), "spare RAM holds what is written at both of its ends");
    report.check(sum_of(machine.initrd()) == sum, "the initrd is no part of spare RAM");
  }
}

}  // namespace hawser::guest::selftest
