// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The kernel module's end of a link in a window that somebody writes into: nearly right values in the places that it
// reads, anything anywhere in the two sections and the directory, between the calls that its carrier makes. Whatever
// happens, it keeps out of the data and of other links' areas, is in a state that exists, and meets an honest device
// once it is started anew.
#include "support/tape.hpp"
#include "unit/linux_ivshmem/kernel_end.hpp"

#if defined(__has_feature) && __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

namespace {

using namespace hawser;
using namespace hawser::test;

constexpr std::size_t kWindow = 96 << 10;
constexpr std::size_t kArea = 4096;
constexpr std::size_t kDriver = kArea + 8192;
constexpr std::size_t kData = kArea + 16384;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

/// What the module never touches. The core's end in the same process may.
struct Forbidden {
  explicit Forbidden(FakeWindow& window) : at(window.bytes().data() + kData), bytes(kWindow - kData) {
    ASAN_POISON_MEMORY_REGION(at, bytes);
  }
  ~Forbidden() { ASAN_UNPOISON_MEMORY_REGION(at, bytes); }
  Forbidden(const Forbidden&) = delete;
  Forbidden& operator=(const Forbidden&) = delete;
  std::byte* at;
  std::size_t bytes;
};

void poke(FakeWindow& window, std::size_t at, std::uint64_t value, std::size_t bytes) {
  if (at + bytes <= kData) std::memcpy(window.bytes().data() + at, &value, bytes);
}

/// A device end as it should be, or nearly.
void pose(Tape& tape, FakeWindow& window, const hawser_region& region) {
  const std::uint64_t epoch = tape.near(1);
  poke(window, kArea + 0x40, tape.near(0x444e4548), 4);
  poke(window, kArea + 0x44, tape.near(1), 2);
  poke(window, kArea + 0x46, tape.near(2), 2);
  poke(window, kArea + 0x48, tape.near(3), 4);
  poke(window, kArea + 0x4c, tape.near(4), 2);
  poke(window, kArea + 0x4e, tape.near(1 + tape.byte() % 2), 2);
  poke(window, kArea + 0x50, epoch << 32 | tape.near(region.own_epoch), 8);
}

void describe(Tape& tape, FakeWindow& window) {
  static constexpr std::uint32_t kRight[] = {0x4c4f, 64, 1, 1, 0x0801, 64, 64, 0};
  for (std::size_t field = 0; field < 8; ++field)
    poke(window, kArea + 2 * field, tape.near(kRight[field]), 2);
  static constexpr std::uint32_t kPlaces[] = {0x80, 0xc0, 0x1000, 0x2080, 0x20c0, 0x3000};
  for (std::size_t field = 0; field < 6; ++field)
    poke(window, kArea + 16 + 8 * field, tape.near(kPlaces[field], 8), 8);
}

void step(Tape& tape, FakeWindow& window, KernelEnd& end) {
  hawser_region& region = end.region();
  switch (tape.byte() % 16) {
    case 0:
    case 1:
    case 2:
      window.now_ns += std::uint64_t{tape.byte()} * 20'000'000;
      end.poll();
      break;
    case 3:
      pose(tape, window, region);
      break;
    case 4:
      describe(tape, window);
      break;
    case 5:  // indices
      poke(window, kArea + 0xc4, tape.near(tape.byte() % 64), 2);
      poke(window, kArea + 0xc6, tape.near(tape.byte() % 64), 2);
      poke(window, kArea + 0x1000, tape.near(tape.byte() % 62), 4);
      poke(window, kDriver + 0x1040, tape.near(tape.byte() % 62), 4);
      break;
    case 6:  // notification words
      for (std::size_t word = 0; word < 3; ++word)
        poke(window, kArea + 0x80 + 8 * word, std::uint64_t{tape.word()} << 32 | tape.word(), 8);
      break;
    case 7:
      poke(window, kArea + 0x58, tape.word(), 4);
      break;
    case 8: {  // anything, anywhere
      const std::size_t at = tape.word() % kData;
      poke(window, at & ~std::size_t{7}, std::uint64_t{tape.word()} << 32 | tape.word(), 8);
      break;
    }
    case 9: {  // our own end block
      poke(window, kDriver + 0x40 + (tape.byte() & 0x3c), tape.near(region.own_epoch), 4);
      break;
    }
    case 10:
      (void)end.send(tape.byte(), 1 + tape.byte() % 80);
      break;
    case 11:
      for (int n = tape.byte() % 70; n != 0; --n) (void)end.receive();
      break;
    case 12:
      hawser_region_ring(&region, tape.byte(), tape.byte());
      break;
    case 13:
      (void)hawser_region_take(&region);
      (void)hawser_region_stale(&region);
      break;
    case 14:
      if (tape.byte() < 200) {
        hawser_region_fail(&region, "asked to");
      } else {
        end.leave();
        (void)hawser_region_start(&region, window.now_ns);
      }
      break;
    case 15: {
      char name[HAWSER_NAME_BYTES + 1];
      hawser_region_peer_name(&region, name);
      check(std::strlen(name) <= HAWSER_NAME_BYTES);
      break;
    }
  }
  check(region.state >= HAWSER_REGION_OFF && region.state <= HAWSER_REGION_BROKEN);
  check((hawser_region_up_count(&region) != 0) == (region.state == HAWSER_REGION_UP));
  if (region.state == HAWSER_REGION_UP) check(region.own_epoch != 0 && region.seen != 0);
  if (region.state == HAWSER_REGION_BROKEN) check(region.reason != nullptr && *region.reason != '\0');
}

/// Whatever was written: started anew beside an honest device, it comes up.
void meets_an_honest_device(FakeWindow& window, KernelEnd& end) {
  end.leave();
  std::fill(window.words.begin(), window.words.end(), 0);
  (void)hawser_region_start(&end.region(), window.now_ns);
  end.poll();  // writes the directory again
  FakePort port(window, 3);
  ivshmem::Link<FakePort> device(port, {.role = ivshmem::Role::kDevice});
  for (int n = 0; n < 200 && !(end.up() && device.state() == LinkState::kUp); ++n) {
    window.now_ns += 20'000'000;
    end.poll();
    device.poll();
  }
  check(end.up() && device.state() == LinkState::kUp);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tape tape({data, size});
  FakeWindow window(kWindow);
  window.now_ns = 10'000'000'000;
  if (tape.byte() % 8 == 0)
    for (std::size_t at = 0; at < 48; at += 4) poke(window, at, tape.word(), 4);
  KernelEnd end(window);
  if (end.region().links > 1 || (end.region().links == 1 && end.region().area_offset != kArea)) return 0;
  {
    const Forbidden data_of_the_link(window);
    while (!tape.empty()) step(tape, window, end);
  }
  meets_an_honest_device(window, end);
  return 0;
}
