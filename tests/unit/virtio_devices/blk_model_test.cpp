// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Random requests in random framings, valid and not, against a vector of bytes that does the same.
#include "support/blk_rig.hpp"
#include "support/seed.hpp"
#include "support/slow_disk.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

using namespace hawser;
using namespace hawser::virtio;
using namespace hawser::test;

namespace {

constexpr std::uint64_t kModelSectors = 40;

struct Step {
  std::uint32_t type;
  std::uint64_t sector;
  std::uint32_t sectors;
  unsigned seed;
  Cuts in;
  Cuts out;
  bool slip;  ///< One byte too many of data.
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  out << "type " << step.type << " sector " << step.sector << " sectors " << step.sectors << " seed "
      << step.seed << (step.slip ? " slips" : "") << " cuts";
  for (const auto cut : step.in) out << ' ' << cut;
  out << " /";
  for (const auto cut : step.out) out << ' ' << cut;
  return out;
}

rc::Gen<Step> any_step() {
  const auto cuts = [] { return rc::gen::resize(5, rc::gen::container<Cuts>(rc::gen::inRange(0u, 700u))); };
  return rc::gen::build<Step>(
      rc::gen::set(&Step::type,
                   rc::gen::element(VIRTIO_BLK_T_IN, VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_OUT,
                                    VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID, 3u)),
      rc::gen::set(&Step::sector, rc::gen::weightedOneOf<std::uint64_t>(
                                      {{9, rc::gen::inRange<std::uint64_t>(0, kModelSectors + 2)},
                                       {1, rc::gen::arbitrary<std::uint64_t>()}})),
      rc::gen::set(&Step::sectors, rc::gen::inRange(0u, 6u)),
      rc::gen::set(&Step::seed, rc::gen::inRange(0u, 99u)), rc::gen::set(&Step::in, cuts()),
      rc::gen::set(&Step::out, cuts()),
      rc::gen::set(&Step::slip, rc::gen::weightedElement<bool>({{9, false}, {1, true}})));
}

/// The reference: what the request does to `disk`, and what must come back.
struct Expected {
  std::uint8_t status = VIRTIO_BLK_S_OK;
  Bytes data;
};

Bytes readable_of(const Step& step) {
  Bytes all = blk_header(step.type, step.sector);
  if (step.type == VIRTIO_BLK_T_OUT) all = all + pattern(step.sectors * 512 + (step.slip ? 1 : 0), step.seed);
  if (step.type == VIRTIO_BLK_T_WRITE_ZEROES)
    all = all + blk_range(step.sector, step.sectors, step.slip ? 2 : 0);
  return all;
}

std::size_t writable_of(const Step& step) {
  if (step.type == VIRTIO_BLK_T_IN) return step.sectors * 512 + (step.slip ? 1 : 0) + 1;
  return step.type == VIRTIO_BLK_T_GET_ID ? 21 : 1;
}

Expected apply(const Step& step, Bytes& disk) {
  Expected expected;
  expected.data = Bytes(writable_of(step) - 1);
  const bool inside = step.sectors <= kModelSectors && step.sector <= kModelSectors - step.sectors;
  const auto at = disk.begin() + static_cast<std::ptrdiff_t>(inside ? step.sector * 512 : 0);
  const auto count = static_cast<std::ptrdiff_t>(std::uint64_t{step.sectors} * 512);
  switch (step.type) {
    case VIRTIO_BLK_T_IN:
      if (!inside || step.slip) expected.status = VIRTIO_BLK_S_IOERR;
      if (expected.status == VIRTIO_BLK_S_OK) expected.data = Bytes(at, at + count);
      break;
    case VIRTIO_BLK_T_OUT: {
      if (!inside || step.slip) expected.status = VIRTIO_BLK_S_IOERR;
      const Bytes data = pattern(static_cast<std::size_t>(count), step.seed);
      if (expected.status == VIRTIO_BLK_S_OK) std::copy(data.begin(), data.end(), at);
      break;
    }
    case VIRTIO_BLK_T_WRITE_ZEROES:
      if (step.slip) {
        expected.status = VIRTIO_BLK_S_UNSUPP;
      } else if (!inside) {
        expected.status = VIRTIO_BLK_S_IOERR;
      } else {
        std::fill(at, at + count, std::byte{0});
      }
      break;
    case VIRTIO_BLK_T_FLUSH:
      break;
    case VIRTIO_BLK_T_GET_ID:
      std::memcpy(expected.data.data(), "hawser", 6);
      break;
    default:
      expected.status = VIRTIO_BLK_S_UNSUPP;
  }
  return expected;
}

}  // namespace

#define SEEDED()          \
  HAWSER_TEST_SEED(seed); \
  setenv("RC_PARAMS", ("seed=" + std::to_string(seed)).c_str(), 0)

TEST_CASE("the disk does what a vector of bytes does, request by request, in every ring") {
  SEEDED();
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    CHECK(rc::check(kind.name, [&] {
      const auto steps = *rc::gen::container<std::vector<Step>>(any_step());
      Bytes disk_bytes = pattern(kModelSectors * 512, 1);
      Bytes reference = disk_bytes;
      device::MemoryDisk disk(disk_bytes);
      BlkRig<> rig(disk);
      rig.start(kind.features);
      for (const Step& step : steps) {
        const auto answer = rig.ask(readable_of(step), writable_of(step), step.in, step.out);
        const Expected expected = apply(step, reference);
        RC_ASSERT(answer.has_value());
        RC_ASSERT(answer->status() == expected.status);
        RC_ASSERT(answer->data() == expected.data);
        RC_ASSERT(answer->written == writable_of(step));
      }
      RC_ASSERT(disk_bytes == reference);
      RC_ASSERT(!rig.device.needs_reset());
    }));
  }
}

TEST_CASE(
    "with a backend that finishes in any order every request is answered once and changes what it should") {
  SEEDED();
  for (const RingKind& kind : ring_kinds()) {
    CAPTURE(kind.name);
    CHECK(rc::check(kind.name + ", slow backend", [&] {
      Bytes disk_bytes(kModelSectors * 512);
      SlowDisk disk(disk_bytes, 5);
      BlkRig<SlowDisk, 2, 4> rig(disk);
      rig.start(kind.features);
      Bytes reference(kModelSectors * 512);
      // Each sector is written at most once, so the order does not matter.
      const auto count = *rc::gen::inRange(1u, static_cast<unsigned>(kModelSectors));
      std::map<std::size_t, unsigned> answers;
      unsigned sent = 0;
      const auto reap = [&] {
        for (std::uint16_t queue = 0; queue < 2; ++queue) {
          std::size_t number = 0;
          while (const auto answer = rig.receive(queue, &number)) {
            RC_ASSERT(answer->status() == VIRTIO_BLK_S_OK);
            ++answers[number];
          }
        }
      };
      while (answers.size() < count) {
        const auto what = *rc::gen::inRange(0u, 3u);
        if (what == 0 && sent < count) {
          const Bytes data = pattern(512, sent);
          RC_ASSERT(rig.send(blk_header(VIRTIO_BLK_T_OUT, sent) + data, 1, {}, {}, sent % 2));
          std::copy(data.begin(), data.end(), reference.begin() + sent * 512);
          ++sent;
        } else if (!disk.pending.empty()) {
          disk.finish(*rc::gen::inRange<std::size_t>(0, disk.pending.size()));
          rig.transport.serve_all();
        } else if (sent == count) {
          rig.transport.serve_all();
        }
        reap();
      }
      for (const auto& [number, times] : answers) RC_ASSERT(times == 1u);
      RC_ASSERT(disk_bytes == reference);
    }));
  }
}
