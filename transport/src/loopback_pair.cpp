// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What lies between the two ends, and the orders that a test gives.
#include "loopback_carrier.hpp"

#include <cstring>
#include <new>

namespace hawser::loopback {

namespace {

constexpr std::size_t slot_bytes(Shape shape) {
  return (control_bytes(shape) / 2 - kWordBytes) / shape.depth;
}

std::uint32_t first_epoch(std::uint64_t seed, Which which) {
  return static_cast<std::uint32_t>(Random(seed * 2 + static_cast<std::uint64_t>(which)).next());
}

}  // namespace

Pair::Pair(Shape shape, std::span<std::byte> control, std::span<std::byte> first_region,
           std::span<std::byte> second_region, const Options& options)
    : shape_(shape),
      options_(options),
      control_(control),
      regions_{first_region, second_region},
      first_(*this, Which::kFirst, first_epoch(options.seed, Which::kFirst)),
      second_(*this, Which::kSecond, first_epoch(options.seed, Which::kSecond)) {
  if (shape.depth == 0 || control.size() < control_bytes(shape)) __builtin_trap();
  if (reinterpret_cast<std::uintptr_t>(control.data()) % 8 != 0) __builtin_trap();

  // The words start as zero, as in a fresh window. The rest starts as noise: nobody may rely on it.
  Random random(options.seed);
  random.fill(control_);
  std::memset(control_.data(), 0, 2 * kWordBytes);
  random.fill(first_region);

  // Clocks far apart, so that a time of one end is no use at the other.
  for (auto& start : clock_starts_) start = 1 + random.below(std::uint64_t{1} << 50);
  Carrier::start(*this);
}

Pair::~Pair() {
  Carrier::stop(*this);
}

RegionMemory::Area Pair::words(Which which) const {
  const std::uint64_t at = which == Which::kFirst ? 0 : kWordBytes;
  return RegionMemory(control_).area(Offset(at), kWordBytes, 8).value();
}

RegionMemory::Area Pair::slot(Which sender, std::uint32_t index) const {
  const std::uint64_t number = (sender == Which::kFirst ? 0 : std::uint64_t{shape_.depth}) + index;
  const std::uint64_t at = 2 * kWordBytes + number * slot_bytes(shape_);
  return RegionMemory(control_).area(Offset(at), slot_bytes(shape_), 8).value();
}

bool Pair::connect() {
  for (int i = 0; i < 1000; ++i) {
    (void)first_.poll();
    (void)second_.poll();
    if (first_.state() == LinkState::kUp && second_.state() == LinkState::kUp) return true;
    if (i > 8) advance(milliseconds(1));
  }
  return false;
}

void Pair::kill(Which which) {
  Link& link = end(which);
  CarrierLock lock(*this);
  store_once(&link.dead_, std::uint8_t{1});
  Carrier::wake(*this, which);
}

void Pair::leave(Which which) {
  Link& link = end(which);
  link.own_epoch_ = 0;
  link.adopted_ = 0;
  link.publish_words();
  kill(which);
  link.ring_peer(0, link.link_random_);
}

void Pair::revive(Which which) {
  Link& link = end(which);
  CarrierLock lock(*this);
  const std::uint32_t last_epoch = link.last_epoch_;
  link.~Link();
  ::new (&link) Link(*this, which, last_epoch);
}

void Pair::misbehave(Which which, Misdeed misdeed) {
  const RegionMemory::Area mine = words(which);
  const RegionMemory::Area theirs = words(other(which));
  const auto sent = mine.load<std::uint32_t>(kSentAt);
  switch (misdeed) {
    case Misdeed::kSaysItSentTooMuch:
      mine.publish(kSentAt, sent + shape_.depth + 1);
      break;
    case Misdeed::kSaysItTookTooMuch:
      mine.publish(kTakenAt, theirs.load<std::uint32_t>(kSentAt) + 1);
      break;
    case Misdeed::kMessageTooLong:
      for (std::uint32_t i = 0; i < shape_.depth; ++i) slot(which, i).store(kLengthAt, shape_.mtu + 1);
      if (theirs.load<std::uint32_t>(kTakenAt) == sent) mine.publish(kSentAt, sent + 1);
      break;
  }
}

void Pair::advance(Duration span) {
  Carrier::pass(*this, span);
}

}  // namespace hawser::loopback
