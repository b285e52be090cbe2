// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A driver side that writes to a disk and reads it back through the deaths of both sides: what was acknowledged, in this
// life or an earlier one, must be there.
#pragma once

#include <hawser/app/driver_session.hpp>
#include <hawser/app/fate.hpp>
#include <hawser/app/ledger.hpp>

#include <hawser/transport/random.hpp>
#include <hawser/virtio/driver/blk.hpp>
#include <hawser/virtio/spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::app {

template <ManagedLink L>
class KeepWriting {
 public:
  using Session = DriverSession<L>;
  using Driver = virtio::driver::Blk<typename Session::Device>;
  static constexpr unsigned kDepth = 4;
  using Storage = virtio::driver::BlkRoom<typename L::MemoryType, kDepth, 64, 1, 128>;

  /// The ledger outlives this life; `bitmap` as for DriverSession. Each acknowledgement makes two steps of `fate`: before
  /// and after it is noted down.
  KeepWriting(L& link, std::span<std::uint64_t> bitmap, Storage& storage, Ledger& ledger, Fate& fate,
              std::uint64_t seed, const SessionOptions& options = {})
      : session_(link, bitmap, options),
        driver_(storage, {.queue_features = options.queue_features, .stall_limit = std::nullopt}),
        ledger_(ledger),
        fate_(fate),
        random_(seed) {}
  ~KeepWriting() { driver_.stop(); }

  /// Reads everything, goes on until enough() says so, and reads everything again. False: why() says what is wrong.
  template <class Enough>
  bool run(Enough enough) {
    if (!open() || !read_all()) return false;
    while (why_ == nullptr && !enough()) {
      while (busy_ < kDepth) begin_one();
      turn();
    }
    while (why_ == nullptr && busy_ != 0) turn();
    return why_ == nullptr && read_all();
  }

  const char* why() const { return why_; }
  const std::optional<Loss>& loss() const { return loss_; }
  std::uint64_t ended() const { return ended_; }         ///< Requests of this life.
  unsigned losses() const { return session_.losses(); }  ///< Of the device side, in this life.
  Instant last_loss() const { return last_loss_; }
  Instant now() const { return session_.now(); }

 private:
  struct Slot {
    Offset buffer;
    bool busy = false;
    bool reads = false;
    std::uint32_t version = 0;
  };

  bool fail(const char* why) {
    if (why_ == nullptr) why_ = why;
    return false;
  }

  bool open() {
    if (const auto opened = session_.open(); !opened.ok()) return fail(describe(opened.error()));
    for (std::size_t n = 0; n < session_.device_count() && device_ == nullptr; ++n) {
      if (session_.device(n).device_id() == virtio::VIRTIO_ID_BLOCK) device_ = &session_.device(n);
    }
    if (device_ == nullptr) return fail("the device side serves no disk");
    for (std::size_t chunk = 0; chunk < Ledger::kChunks; ++chunk) {
      const auto buffer = session_.arena().allocate(bytes_of(chunk));
      if (!buffer) return fail("no room in the arena");
      slots_[chunk].buffer = *buffer;
    }
    const Instant until = session_.now() + session_.patience();
    while (!driver_.resume(*device_).ok()) {
      if (session_.now() >= until || !session_.recover(*device_).ok())
        return fail("the device side does not return");
    }
    return driver_.capacity() >= Ledger::total_sectors() || fail("the disk is too small");
  }

  bool read_all() {
    for (std::size_t chunk = 0; chunk < Ledger::kChunks && why_ == nullptr; ++chunk) {
      while (busy_ == kDepth && why_ == nullptr) turn();
      submit(chunk, true);
    }
    while (busy_ != 0 && why_ == nullptr) turn();
    return why_ == nullptr;
  }

  void begin_one() {
    std::size_t chunk = random_.below(Ledger::kChunks);
    while (slots_[chunk].busy) chunk = (chunk + 1) % Ledger::kChunks;
    submit(chunk, random_.chance(35));
  }

  void submit(std::size_t chunk, bool reads) {
    using virtio::driver::BlkRequest;
    Slot& slot = slots_[chunk];
    const auto bytes = buffer(chunk);
    const std::size_t first = Ledger::first_sector(chunk);
    if (!reads) {
      slot.version = ledger_.begin(chunk);
      for (std::size_t n = 0; n < Ledger::sectors(chunk); ++n)
        stamp(bytes.subspan(n * Ledger::kSectorBytes).template first<Ledger::kSectorBytes>(), first + n,
              slot.version);
    }
    const virtio::Token token{chunk};
    const auto request = reads ? BlkRequest::read(first, slot.buffer, bytes.size(), token)
                               : BlkRequest::write(first, slot.buffer, bytes.size(), token);
    if (!driver_.submit(request).ok()) {
      (void)fail("a request was not accepted");
      return;
    }
    slot.busy = true;
    slot.reads = reads;
    ++busy_;
  }

  /// Waits for something to end, and brings back a device side that was lost.
  void turn() {
    if (!session_.healthy(*device_) || driver_.state() != Driver::State::kRunning) {
      driver_.suspend();
      last_loss_ = session_.now();
      if (!session_.recover(*device_).ok()) {
        (void)fail("the device side does not return");
        return;
      }
      (void)driver_.resume(*device_);
      last_loss_ = session_.now();
      return;
    }
    session_.heed(driver_.wait(session_.now() + kPollInterval));
    if (session_.ended()) (void)fail("stopped");
    while (const auto done = driver_.take()) end_one(*done);
  }

  void end_one(const virtio::driver::BlkDone& done) {
    const auto chunk = static_cast<std::size_t>(done.token.value);
    Slot& slot = slots_[chunk];
    slot.busy = false;
    --busy_;
    ++ended_;
    if (!done.result.ok()) {
      (void)fail(describe(done.result.error()));
      return;
    }
    if (!slot.reads) {
      fate_.step(Step::kCompletion);
      ledger_.acknowledge(chunk, slot.version);
      fate_.step(Step::kCompletion);
      return;
    }
    Loss loss;
    if (agrees(ledger_, chunk, buffer(chunk), loss)) return;
    loss_ = loss;
    (void)fail("a sector does not hold what was acknowledged");
  }

  static std::size_t bytes_of(std::size_t chunk) { return Ledger::sectors(chunk) * Ledger::kSectorBytes; }
  std::span<std::byte> buffer(std::size_t chunk) {
    return session_.link().region().area(slots_[chunk].buffer, bytes_of(chunk), 1).value().bytes();
  }

  Session session_;
  Driver driver_;
  Ledger& ledger_;
  Fate& fate_;
  Random random_;
  typename Session::Device* device_ = nullptr;
  std::array<Slot, Ledger::kChunks> slots_{};
  unsigned busy_ = 0;
  std::uint64_t ended_ = 0;
  const char* why_ = nullptr;
  std::optional<Loss> loss_;
  Instant last_loss_;
};

}  // namespace hawser::app
