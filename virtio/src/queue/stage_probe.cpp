// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/queue/stage_book.hpp>

namespace hawser::virtio {

using detail::stage_store;

namespace {

// A sample costs some 0.2 microseconds: at the lower bound less than half a percent.
constexpr std::uint64_t kTooOften = 50'000;
constexpr std::uint64_t kTooRarely = 400'000;

void add(StageHistogram& histogram, std::uint64_t from, std::uint64_t to) {
  const std::uint64_t ns = to > from ? to - from : 0;
  std::uint64_t& count = histogram.counts[StageHistogram::bucket(ns)];
  stage_store(count, count + 1);
  stage_store(histogram.sum, histogram.sum + ns);
  if (ns > histogram.longest) stage_store(histogram.longest, ns);
  stage_store(histogram.total, histogram.total + 1);
}

}  // namespace

void StageProbe::open(StageRecord& record, StageClock clock) {
  *this = StageProbe();
  record_ = &record;
  clock_ = clock;
  stage_store(record.life, record.life + 1);
  stage_store(record.one_in, std::uint32_t{1});
}

void StageProbe::begin(std::uint64_t key) {
  if (stage_ != kIdle) return;  // all of 32 bits have gone by meanwhile
  key_ = key;
  stage_ = kBegun;
  moments_ = {};
  moments_.at[0] = clock_();
}

void StageProbe::completed_now() {
  moments_.at[1] = clock_();
  stage_ = kCompleted;
}

void StageProbe::published_now(bool wanted) {
  const bool device = record_->side == StageSide::kDevice;
  if (stage_ == kAwaitsBell && device) return finish(2);  // that bell did not come
  if (stage_ != (device ? kCompleted : kBegun)) return;
  moments_.at[device ? 2 : 1] = clock_();
  if (wanted) {
    stage_ = kAwaitsBell;
  } else if (device) {
    finish(2);
  } else {
    stage_ = kShown;
  }
}

void StageProbe::rung_now() {
  moments_.bell = clock_();
  if (record_->side == StageSide::kDevice) return finish(2);
  stage_ = kShown;
}

void StageProbe::finish(unsigned last) {
  StageRecord& record = *record_;
  if (record.side == StageSide::kDriver) moments_.at[last] = clock_();
  add(record.times[0], moments_.at[0], moments_.at[1]);
  add(record.times[1], moments_.at[1], moments_.at[2]);
  if (moments_.bell != 0) {
    const unsigned shown = record.side == StageSide::kDriver ? 1 : 2;
    add(record.times[2], moments_.at[shown], moments_.bell);
  }
  StageSample& sample = record.recent[record.samples % StageRecord::kRecent];
  stage_store(sample.seal, std::uint32_t{0});
  __atomic_thread_fence(__ATOMIC_RELEASE);  // a reader that sees anything new sees the broken seal
  stage_store(sample.life, record.life);
  for (unsigned n = 0; n < 3; ++n) stage_store(sample.moments.at[n], moments_.at[n]);
  stage_store(sample.moments.bell, moments_.bell);
  __atomic_store_n(&sample.seal, next_ + 1, __ATOMIC_RELEASE);
  stage_store(record.samples, record.samples + 1);
  stage_ = kIdle;

  const std::uint64_t now = moments_.at[2];
  if (now - last_sample_ < kTooOften) {
    if (level_ < StageSelection::kMaxLevel) ++level_;
  } else if (now - last_sample_ > kTooRarely && level_ != 0) {
    --level_;
  }
  last_sample_ = now;
  last_ = next_;
  choose_next();
}

void StageProbe::lower() {
  --level_;
  choose_next();
}

/// The first one to come that the level selects. last_ was selected at some level, thus at every lower one.
void StageProbe::choose_next() {
  std::uint32_t number = last_;
  do {
    last_ = number;
    unsigned level = level_;
    while (!StageSelection::selected(number, level)) --level;  // raised: go by what holds here
    number = StageSelection::next(number, level);
  } while (static_cast<std::int32_t>(number - count_) < 0 || !StageSelection::selected(number, level_));
  next_ = number;
  stage_store(record_->one_in, std::uint32_t{1} << level_);
}

StageProbe* StageBook::open(const StageName& name) {
  for (std::size_t n = 0; n < records_.size(); ++n) {
    StageRecord& record = records_[n];
    const bool unused = record.side == StageSide::kNobody;
    if (!unused && (record.side != name.side || record.device != name.device || record.queue != name.queue))
      continue;
    stage_store(record.device, name.device);
    stage_store(record.queue, name.queue);
    stage_store(record.device_id, name.device_id);
    stage_store(record.size, name.size);
    stage_store(record.packed, static_cast<std::uint16_t>(name.packed));
    probes_[n].open(record, clock_);
    StageSide side = name.side;
    __atomic_store(&record.side, &side, __ATOMIC_RELEASE);
    return &probes_[n];
  }
  return nullptr;
}

}  // namespace hawser::virtio
