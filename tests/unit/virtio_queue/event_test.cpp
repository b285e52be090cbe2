// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/queue/event.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace hawser::virtio;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint32_t kStride =
    61;  // nothing here that a sanitizer could see; the plain build does them all
#else
constexpr std::uint32_t kStride = 1;
#endif

/// How many 16-bit events get the wrong answer for a step of `batch` entries that ends at `now`. The right
/// answer is written down entry by entry: those that were passed want a notification, the others do not.
std::uint32_t wrong_answers(std::uint16_t now, std::uint32_t batch, std::vector<std::uint16_t>& passed) {
  const auto before = static_cast<std::uint16_t>(now - batch);
  for (std::uint32_t n = 0; n < batch; ++n) passed[static_cast<std::uint16_t>(before + n)] = 1;
  std::uint32_t wrong = 0;
  for (std::uint32_t first = 0; first < 65536; first += 4096) {
    const std::uint16_t* const part = passed.data() + first;
    std::uint16_t in_this_part = 0;  // 16 bits throughout, so that the compiler takes many events at once
    for (std::size_t n = 0; n < 4096; ++n) {
      const std::uint16_t told = need_event(static_cast<std::uint16_t>(first + n), now, before) ? 1 : 0;
      in_this_part = static_cast<std::uint16_t>(in_this_part + (told ^ part[n]));
    }
    wrong += in_this_part;
  }
  for (std::uint32_t n = 0; n < batch; ++n) passed[static_cast<std::uint16_t>(before + n)] = 0;
  return wrong;
}

}  // namespace

TEST_CASE("need_event is right for every pair of 16-bit indices and several steps") {
  std::vector<std::uint16_t> passed(65536);
  for (std::uint32_t batch : {1U, 2U, 8U, 64U}) {
    CAPTURE(batch);
    std::uint64_t wrong = 0;
    for (std::uint32_t now = 0; now < 65536; now += kStride) {
      wrong += wrong_answers(static_cast<std::uint16_t>(now), batch, passed);
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("need_event is right for every length of step") {
  std::vector<std::uint16_t> passed(65536);
  std::uint64_t wrong = 0;
  for (std::uint32_t batch = 0; batch <= 32768; batch += batch < 300 || batch > 32500 ? 1 : 97) {
    for (std::uint16_t now :
         {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{32768}, std::uint16_t{65535}}) {
      wrong += wrong_answers(now, batch, passed);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("nothing passed, nothing to tell") {
  CHECK_FALSE(need_event(0, 0, 0));
  CHECK_FALSE(need_event(65535, 0, 0));
  CHECK_FALSE(need_event(7, 8, 8));
}

TEST_CASE("need_packed_event is right for every position, step and event of small rings") {
  std::uint64_t wrong = 0;
  for (std::uint16_t size = 1; size <= 17; ++size) {
    for (int lap = 0; lap < 2; ++lap) {
      for (std::uint16_t now = 0; now < size; ++now) {
        for (std::uint16_t step = 0; step <= size; ++step) {
          for (int event_lap = 0; event_lap < 2; ++event_lap) {
            for (std::uint16_t event = 0; event < size; ++event) {
              // Walk back from `now` over the descriptors that were passed.
              bool passed = false;
              int at = now;
              int at_lap = lap;
              for (std::uint16_t n = 0; n < step; ++n) {
                if (--at < 0) {
                  at = size - 1;
                  at_lap = 1 - at_lap;
                }
                passed |= at == event && at_lap == event_lap;
              }
              const auto off_wrap = static_cast<std::uint16_t>(event | (event_lap << 15));
              wrong += need_packed_event(off_wrap, now, lap == 1, step, size) != passed;
            }
          }
        }
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("need_packed_event holds at the largest ring's ends") {
  constexpr std::uint16_t kSize = 32768;
  CHECK(need_packed_event(0x8000 | 32767, 0, false, 1, kSize));
  CHECK_FALSE(need_packed_event(0x8000 | 32766, 0, false, 1, kSize));
  CHECK(need_packed_event(0x8000 | 32766, 0, false, 2, kSize));
  CHECK(need_packed_event(0x0000 | 32767, 0, true, 1, kSize));
  CHECK_FALSE(need_packed_event(0x8000, 0, true, 1, kSize));
  CHECK(need_packed_event(0x8000, 0, false, kSize, kSize));
}
