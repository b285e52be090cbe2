// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Copies, warm and cold.
#include "limits.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace hawser::bench {
namespace {

constexpr std::size_t kLine = 64;

/// Out of every cache.
void flush(std::span<const std::byte> bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kLine) {
#if defined(__x86_64__)
    __builtin_ia32_clflush(bytes.data() + at);
#elif defined(__aarch64__)
    asm volatile("dc civac, %0" : : "r"(bytes.data() + at) : "memory");
#endif
  }
#if defined(__x86_64__)
  __builtin_ia32_mfence();
#elif defined(__aarch64__)
  asm volatile("dsb sy" ::: "memory");
#endif
}

void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  asm volatile("" : : "r"(to) : "memory");
}

/// Far enough apart that fetching one does not fetch the next.
std::size_t cold_place(std::size_t bytes) {
  return bytes < 4096 ? 4096 + 2 * kLine : bytes + 4096;
}

}  // namespace

/// As many as fit in a few MiB between two flushes.
unsigned cold_copies(std::size_t bytes) {
  return static_cast<unsigned>(std::clamp<std::size_t>((4u << 20) / cold_place(bytes), 1, 256));
}

Run memcpy_warm(Cores cores, std::size_t bytes, unsigned units) {
  std::vector<std::byte> from(bytes + kLine), to(bytes + kLine);
  const auto measure = [&](Patience&, const Pass& pass) {
    for (unsigned n = 0; n < pass.units; ++n) copy_bytes(to.data(), from.data(), bytes);
  };
  return timed_pair(cores, units, nullptr, measure, [](Patience&, const Pass&) {});
}

Run memcpy_cold(Cores cores, std::size_t bytes, unsigned units) {
  const std::size_t place = cold_place(bytes);
  const unsigned several = cold_copies(bytes);
  static std::vector<std::byte> from, to;
  from.resize(std::max(from.size(), place * several));
  to.resize(std::max(to.size(), place * several));
  double inside = 0;
  const auto measure = [&](Patience&, const Pass& pass) {
    inside = 0;  // what warmed up does not count
    for (unsigned n = 0; n < pass.units;) {
      for (unsigned k = 0; k < several; ++k) {
        flush({from.data() + k * place, bytes});
        flush({to.data() + k * place, bytes});
      }
      const unsigned now = std::min(several, pass.units - n);
      const std::uint64_t start = clock_ns();
      for (unsigned k = 0; k < now; ++k) {
        // In an order that no prefetcher foresees: 167 is prime, so each has its turn.
        const std::size_t at = k * 167u % several * place;
        copy_bytes(to.data() + at, from.data() + at, bytes);
      }
      inside += static_cast<double>(clock_ns() - start);
      n += now;
    }
  };
  Run run = timed_pair(cores, units, nullptr, measure, [](Patience&, const Pass&) {});
  run.ns = inside;
  return run;
}

Point copy_point(Cores cores, std::size_t bytes, bool warm) {
  Point point;
  point.figure = {.name = std::string("memcpy.") + (warm ? "warm." : "cold.") + std::to_string(bytes),
                  .what = warm ? "copy within the caches" : "copy between places that no cache holds",
                  .unit = "byte/s",
                  .better = Better::kHigher,
                  .samples = {},
                  .limit = true,
                  .params = {{"payload", static_cast<double>(bytes)}, {"cache", warm ? "warm" : "cold"}}};
  if (!warm) point.most = cold_copies(bytes);
  point.run = [=](unsigned units, Histogram*) {
    return warm ? memcpy_warm(cores, bytes, units) : memcpy_cold(cores, bytes, units);
  };
  return point;
}

}  // namespace hawser::bench
