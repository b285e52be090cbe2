// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/stage_view.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <span>
#include <system_error>

namespace hawser::process {
namespace {

namespace fs = std::filesystem;

/// A word that its writer may change at this moment.
template <class T>
T look(const T& word) {
  return __atomic_load_n(&word, __ATOMIC_RELAXED);
}

template <std::size_t N>
std::string text(const std::array<char, N>& field) {
  std::string words(field.data(), strnlen(field.data(), N));
  for (char& c : words)  // it goes to a terminal
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  return words;
}

/// All words but the recent samples, each whole.
void copy_times(virtio::StageHistogram& to, const virtio::StageHistogram& from) {
  to.total = look(from.total);
  for (std::size_t n = 0; n < to.counts.size(); ++n) to.counts[n] = look(from.counts[n]);
  to.sum = look(from.sum);
  to.longest = look(from.longest);
}

virtio::StageSample copy_sample(const virtio::StageSample& from) {
  virtio::StageSample to{};
  const auto seal = __atomic_load_n(&from.seal, __ATOMIC_ACQUIRE);
  if (seal == 0) return to;
  to.life = look(from.life);
  for (std::size_t n = 0; n < to.moments.at.size(); ++n) to.moments.at[n] = look(from.moments.at[n]);
  to.moments.bell = look(from.moments.bell);
  __atomic_thread_fence(__ATOMIC_ACQUIRE);  // a change of what was copied shows in the seal
  if (look(from.seal) == seal) to.seal = seal;
  return to;
}

/// Null when it is not such a board, or of another version.
const StageBoardHeader* map_board(const fs::path& entry) {
  const OwnedFd fd(open(entry.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found {};
  if (!fd || fstat(fd.get(), &found) != 0 || found.st_size != static_cast<off_t>(StageBoard::bytes()))
    return nullptr;
  const int seals = fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return nullptr;  // it could be cut off under us
  void* const memory = mmap(nullptr, StageBoard::bytes(), PROT_READ, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return nullptr;
  const auto* header = static_cast<const StageBoardHeader*>(memory);
  if (header->magic == StageBoardHeader::kMagic && header->version == StageBoardHeader::kVersion &&
      header->record_bytes == sizeof(virtio::StageRecord) && header->records == StageBoard::kRecords)
    return header;
  munmap(memory, StageBoard::bytes());
  return nullptr;
}

void add_views(pid_t pid, std::vector<std::unique_ptr<StageView>>& views) {
  const std::string wanted = fmt::format("/memfd:{}", StageBoard::kName);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", pid), error)) {
    std::error_code gone;
    if (!fs::read_symlink(entry.path(), gone).native().starts_with(wanted)) continue;
    if (const auto* board = map_board(entry.path())) views.push_back(std::make_unique<StageView>(pid, board));
  }
}

}  // namespace

StageView::StageView(pid_t pid, const StageBoardHeader* memory)
    : pid_(pid), memory_(memory), verb_(text(memory->verb)), link_(text(memory->link)) {}

StageView::~StageView() {
  munmap(const_cast<StageBoardHeader*>(memory_), StageBoard::bytes());
}

bool StageView::alive() const {
  return kill(pid_, 0) == 0 || errno == EPERM;
}

std::vector<virtio::StageRecord> StageView::records() const {
  const std::span from(reinterpret_cast<const virtio::StageRecord*>(memory_ + 1), StageBoard::kRecords);
  std::vector<virtio::StageRecord> all;
  for (const auto& record : from) {
    virtio::StageSide side;
    __atomic_load(&record.side, &side, __ATOMIC_ACQUIRE);
    if (side != virtio::StageSide::kDriver && side != virtio::StageSide::kDevice) continue;
    auto& copy = all.emplace_back();
    copy.side = side;
    copy.device = look(record.device);
    copy.queue = look(record.queue);
    copy.device_id = look(record.device_id);
    copy.size = look(record.size);
    copy.packed = look(record.packed);
    copy.life = look(record.life);
    copy.one_in = look(record.one_in);
    copy.requests = look(record.requests);
    copy.publishings = look(record.publishings);
    copy.bells = look(record.bells);
    copy.samples = look(record.samples);
    for (std::size_t n = 0; n < record.times.size(); ++n) copy_times(copy.times[n], record.times[n]);
    for (std::size_t n = 0; n < record.recent.size(); ++n) copy.recent[n] = copy_sample(record.recent[n]);
  }
  return all;
}

std::vector<std::unique_ptr<StageView>> find_stage_views(pid_t only) {
  std::vector<std::unique_ptr<StageView>> views;
  if (only != 0) {
    add_views(only, views);
    return views;
  }
  std::vector<pid_t> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error == std::errc() && end == name.data() + name.size()) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  for (const pid_t pid : pids) add_views(pid, views);
  return views;
}

std::uint64_t at_most_for(const virtio::StageHistogram& times, double share) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : times.counts) total += count;
  if (total == 0) return 0;
  const double wanted = share * static_cast<double>(total);
  std::uint64_t reached = 0;
  for (std::size_t n = 0; n < times.counts.size(); ++n) {
    reached += times.counts[n];
    if (reached != 0 && static_cast<double>(reached) >= wanted)
      return std::min(virtio::StageHistogram::end(n) - 1, std::max<std::uint64_t>(times.longest, 1));
  }
  return times.longest;
}

std::uint64_t longer_than(const virtio::StageHistogram& times, std::uint64_t ns) {
  std::uint64_t longer = 0;
  for (std::size_t n = virtio::StageHistogram::bucket(ns) + 1; n < times.counts.size(); ++n)
    longer += times.counts[n];
  return longer;
}

virtio::StageHistogram since(const virtio::StageHistogram& now, const virtio::StageHistogram& before) {
  virtio::StageHistogram more = now;
  for (std::size_t n = 0; n < more.counts.size(); ++n) more.counts[n] -= before.counts[n];
  more.total -= before.total;
  more.sum -= before.sum;
  return more;
}

StageJoin join(const virtio::StageRecord& driver, const virtio::StageRecord& device) {
  StageJoin both;
  for (const auto& sent : driver.recent) {
    if (sent.seal == 0) continue;
    for (const auto& served : device.recent) {
      // A request is with the device after it was published and before it was reaped; else it is another queue's.
      if (served.seal != sent.seal || served.moments.at[0] < sent.moments.at[1] ||
          served.moments.at[2] > sent.moments.at[2])
        continue;
      both.there.push_back(served.moments.at[0] - sent.moments.at[1]);
      both.back.push_back(sent.moments.at[2] - served.moments.at[2]);
    }
  }
  std::sort(both.there.begin(), both.there.end());
  std::sort(both.back.begin(), both.back.end());
  return both;
}

}  // namespace hawser::process
