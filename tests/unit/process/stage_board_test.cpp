// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Stage times as another process sees them. Here it is the same one: /proc/PID/fd is the way either way.
#include <hawser/process/stage_view.hpp>

#include <hawser/ivshmem/server/clock.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

using namespace hawser;
using namespace hawser::process;
using virtio::StageHistogram;
using virtio::StageRecord;
using virtio::StageSide;

namespace {

std::uint64_t monotonic() {
  return ivshmem::monotonic_now().ns;
}

/// Something under a board's name.
struct Impostor {
  explicit Impostor(std::size_t bytes, int seals = F_SEAL_SHRINK)
      : fd(memfd_create(std::string(StageBoard::kName).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    REQUIRE(ftruncate(fd.get(), static_cast<off_t>(bytes)) == 0);
    StageBoardHeader header{};
    header.magic = StageBoardHeader::kMagic;
    header.version = StageBoardHeader::kVersion;
    header.record_bytes = sizeof(StageRecord);
    header.records = StageBoard::kRecords;
    put(header);
    seal = seals;
  }
  void put(const StageBoardHeader& header) {
    REQUIRE(pwrite(fd.get(), &header, sizeof header, 0) == sizeof header);
  }
  std::size_t found() {
    REQUIRE(fcntl(fd.get(), F_ADD_SEALS, seal) == 0);
    return find_stage_views(getpid()).size();
  }
  OwnedFd fd;
  int seal;
};

}  // namespace

TEST_CASE("a board is found by its process, and shows what its queues do") {
  CHECK(find_stage_views(getpid()).empty());
  StageBoard board("serve", "ivshmem:/tmp/w.sock");
  REQUIRE(board.book() != nullptr);
  const auto views = find_stage_views();  // all processes: ours among them
  const auto ours =
      std::find_if(views.begin(), views.end(), [](auto& view) { return view->pid() == getpid(); });
  REQUIRE(ours != views.end());
  const StageView& view = **ours;
  CHECK(view.verb() == "serve");
  CHECK(view.link() == "ivshmem:/tmp/w.sock");
  CHECK(view.alive());
  CHECK(view.records().empty());

  auto* probe = board.book()->open({StageSide::kDevice, 2, 1, 4, 128, true});
  REQUIRE(probe != nullptr);
  const auto before = monotonic();
  probe->taken(0);
  probe->completed(0);
  probe->published(false);
  const auto took = monotonic() - before;
  const auto records = view.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].side == StageSide::kDevice);
  CHECK(records[0].device == 2);
  CHECK(records[0].queue == 1);
  CHECK(records[0].device_id == 4);
  CHECK(records[0].size == 128);
  CHECK(records[0].packed == 1);
  CHECK(records[0].requests == 1);
  CHECK(records[0].times[0].total == 1);
  CHECK(records[0].times[0].sum <= took);
  CHECK(records[0].recent[0].seal == 1);
  CHECK(records[0].recent[0].moments.at[0] >= before);
}

TEST_CASE("who looks at a board can not change it") {
  StageBoard board("use", "x");
  bool found = false;
  for (int number = 3; number < 64; ++number) {
    const std::string path = "/proc/self/fd/" + std::to_string(number);
    char target[64] = {};
    if (readlink(path.c_str(), target, sizeof target - 1) < 0 ||
        std::string_view(target).find(StageBoard::kName) == std::string_view::npos)
      continue;
    found = true;
    const OwnedFd fd(open(path.c_str(), O_RDWR));
    REQUIRE(fd);
    CHECK(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0) == MAP_FAILED);
    CHECK(ftruncate(fd.get(), 0) != 0);
    CHECK(pwrite(fd.get(), "x", 1, 0) < 0);
  }
  CHECK(found);
}

TEST_CASE("what only has a board's name is left alone") {
  CHECK(Impostor(StageBoard::bytes()).found() == 1);  // nothing is wrong with this one
  CHECK(Impostor(StageBoard::bytes() - 1).found() == 0);
  CHECK(Impostor(sizeof(StageBoardHeader)).found() == 0);
  CHECK(Impostor(StageBoard::bytes(), 0).found() == 0);  // could be cut off
  StageBoardHeader good{};
  good.magic = StageBoardHeader::kMagic;
  good.version = StageBoardHeader::kVersion;
  good.record_bytes = sizeof(StageRecord);
  good.records = StageBoard::kRecords;
  for (int what = 0; what < 4; ++what) {
    CAPTURE(what);
    auto bad = good;
    if (what == 0) bad.magic[7] = 'x';
    if (what == 1) ++bad.version;
    if (what == 2) --bad.record_bytes;
    if (what == 3) ++bad.records;
    Impostor impostor(StageBoard::bytes());
    impostor.put(bad);
    CHECK(impostor.found() == 0);
  }
}

TEST_CASE("what a board is called is harmless on a terminal") {
  Impostor impostor(StageBoard::bytes());
  StageBoardHeader header{};
  header.magic = StageBoardHeader::kMagic;
  header.version = StageBoardHeader::kVersion;
  header.record_bytes = sizeof(StageRecord);
  header.records = StageBoard::kRecords;
  header.verb.fill('v');  // no zero at its end
  std::memcpy(header.link.data(), "a\x1b[2Jb", 6);
  impostor.put(header);
  REQUIRE(impostor.found() == 1);
  const auto views = find_stage_views(getpid());
  CHECK(views[0]->verb() == std::string(16, 'v'));
  CHECK(views[0]->link() == "a?[2Jb");
}

TEST_CASE("percentiles are at most an eighth too long") {
  StageHistogram times{};
  for (std::uint64_t ns = 1; ns <= 1000; ++ns) {
    ++times.counts[StageHistogram::bucket(ns)];
    ++times.total;
  }
  times.longest = 1000;
  CHECK(at_most_for(times, 0.5) >= 500);
  CHECK(at_most_for(times, 0.5) <= 563);
  CHECK(at_most_for(times, 0.99) >= 990);
  CHECK(at_most_for(times, 1.0) == 1000);
  CHECK(at_most_for(StageHistogram{}, 0.5) == 0);
  CHECK(longer_than(times, 5) == 995);
  CHECK(longer_than(times, 1000) == 0);
  StageHistogram before = times;
  times.counts[StageHistogram::bucket(7)] += 4;
  times.total += 4;
  CHECK(since(times, before).total == 4);
  CHECK(at_most_for(since(times, before), 0.5) == 7);
}

TEST_CASE("both sides' times of one request are put together, and no others'") {
  StageRecord driver{}, device{};
  driver.recent[0] = {.seal = 10, .life = 1, .moments = {{100, 200, 900}, 0}};
  driver.recent[1] = {.seal = 11, .life = 1, .moments = {{1100, 1200, 1900}, 0}};
  driver.recent[2] = {.seal = 12, .life = 1, .moments = {{2100, 2200, 2900}, 0}};
  device.recent[5] = {.seal = 10, .life = 4, .moments = {{250, 300, 400}, 0}};
  device.recent[6] = {
      .seal = 11, .life = 4, .moments = {{1100, 1300, 1400}, 0}};  // seen before it was published
  device.recent[7] = {
      .seal = 12, .life = 4, .moments = {{2300, 2400, 2950}, 0}};  // published after it was reaped
  const auto both = join(driver, device);
  CHECK(both.there == std::vector<std::uint64_t>{50});
  CHECK(both.back == std::vector<std::uint64_t>{500});
}
