// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Uses a block device and checks what it does: identity, writes read back, flush, zeroes, discard, large requests.
#pragma once

#include <hawser/app/pattern.hpp>
#include <hawser/app/use_device.hpp>

#include <hawser/virtio/driver/blk.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace hawser::app {

template <ManagedLink L, Reporter R>
class UseBlk : UseDevice<L, R> {
  using Base = UseDevice<L, R>;
  using Base::device_;
  using Base::fail;
  using Base::measured;
  using Base::session_;
  using typename Base::Device;
  using typename Base::Session;
  using Driver = virtio::driver::Blk<Device>;
  using BlkRequest = virtio::driver::BlkRequest;

 public:
  static constexpr unsigned kDepth = 32;
  using Storage = virtio::driver::BlkRoom<typename L::MemoryType, kDepth, 64, 1, 128>;

  UseBlk(Session& session, Device& device, R& reporter, std::string_view name, Storage& storage)
      : Base(session, device, reporter, name),
        driver_(storage, {.queue_features = session.options().queue_features, .stall_limit = std::nullopt}) {}
  ~UseBlk() { driver_.stop(); }

  bool start() { return Base::started(driver_); }

  /// One pass over everything; a row for each part. True: all of it verified.
  bool verify(std::uint64_t bytes) {
    const std::uint64_t span = std::min(bytes, driver_.capacity() * virtio::kSectorBytes) / kLarge * kLarge;
    if (span == 0) return fail("size", "the disk, or what may be used of it, is smaller than 64 KiB");
    bool good = identify();
    const Pattern first(0x6861777365720001);
    const Pattern second(0x6861777365720002);
    good &= run("write-4K",
                {.kind = Kind::kWrite, .bytes = span, .chunk = kSmall, .depth = kDepth, .pattern = &first});
    good &= run("flush", {.kind = Kind::kFlush, .bytes = 0, .chunk = 0, .depth = 1});
    good &= run("read-4K",
                {.kind = Kind::kRead, .bytes = span, .chunk = kSmall, .depth = kDepth, .pattern = &first});
    good &= run("read-4K-depth1",
                {.kind = Kind::kRead, .bytes = span / 16, .chunk = kSmall, .depth = 1, .pattern = &first});
    good &= run("write-64K",
                {.kind = Kind::kWrite, .bytes = span, .chunk = kLarge, .depth = 8, .pattern = &second});
    good &= run("read-64K",
                {.kind = Kind::kRead, .bytes = span, .chunk = kLarge, .depth = 8, .pattern = &second});
    if (driver_.negotiated().has(virtio::VIRTIO_BLK_F_WRITE_ZEROES)) {
      good &= run("zeroes", {.kind = Kind::kZero, .bytes = span / 2, .chunk = kLarge, .depth = 8});
      good &= run("read-zeroes", {.kind = Kind::kRead, .bytes = span / 2, .chunk = kLarge, .depth = 8});
    }
    if (driver_.negotiated().has(virtio::VIRTIO_BLK_F_DISCARD)) {
      good &= run("discard", {.kind = Kind::kDiscard, .bytes = span / 4, .chunk = kLarge, .depth = 8});
    }
    return good;
  }

  /// Writes and reads back until `until`, a new pattern each round: what was acknowledged must be there, whatever
  /// happens to the device side meanwhile.
  bool soak(Instant until, std::uint64_t bytes) {
    const std::uint64_t span = std::min(bytes, driver_.capacity() * virtio::kSectorBytes) / kLarge * kLarge;
    return measured("soak", [&] {
      Totals totals;
      while (totals.good && session_.now() < until) {
        const Pattern pattern(0x1000 + ++round_);
        const bool small = round_ % 2 == 0;
        const std::uint32_t chunk = small ? kSmall : kLarge;
        const unsigned depth = small ? kDepth : 8;
        totals.add(pipeline(
            {.kind = Kind::kWrite, .bytes = span, .chunk = chunk, .depth = depth, .pattern = &pattern}));
        if (totals.good) totals.add(pipeline({.kind = Kind::kFlush, .bytes = 0, .chunk = 0, .depth = 1}));
        if (!totals.good) break;
        totals.add(pipeline(
            {.kind = Kind::kRead, .bytes = span, .chunk = chunk, .depth = depth, .pattern = &pattern}));
      }
      return totals;
    });
  }

 private:
  static constexpr std::uint32_t kSmall = 4096;
  static constexpr std::uint32_t kLarge = 64 * 1024;

  enum class Kind : std::uint8_t {
    kRead,
    kWrite,
    kFlush,
    kZero,
    kDiscard,
  };

  /// One sort of request over the first `bytes` of the disk, `depth` at a time. A read is compared with the pattern, or
  /// with zeroes if there is none.
  struct Run {
    Kind kind = Kind::kRead;
    std::uint64_t bytes = 0;
    std::uint32_t chunk = 0;
    unsigned depth = 1;
    const Pattern* pattern = nullptr;
  };

  /// One request in flight; its buffer is ours until it has ended.
  struct Slot {
    Offset buffer;
    std::uint64_t at = 0;
    bool busy = false;
  };

  bool identify() {
    return measured("get-id", [&] {
      const auto buffer = session_.arena().allocate(virtio::VIRTIO_BLK_ID_BYTES);
      if (!buffer) return Totals::bad("no room in the arena");
      const auto bytes = span_at(*buffer, virtio::VIRTIO_BLK_ID_BYTES);
      std::memset(bytes.data(), 0, bytes.size());
      Totals totals{.bytes = bytes.size(), .operations = 1};
      const auto ticket = driver_.submit(BlkRequest::tell_id(*buffer));
      if (!ticket.ok()) {
        totals = Totals::bad(describe(ticket.error()));
      } else {
        const Instant until = session_.now() + Base::patience();
        std::optional<virtio::driver::BlkDone> done;
        while (!(done = driver_.take(*ticket)) && !Base::late(until)) wait();
        if (!done) return Totals::bad("no answer");  // the buffer is the device's still
        if (!done->result.ok()) totals = Totals::bad(describe(done->result.error()));
        if (totals.good && bytes[0] == std::byte{0}) totals = Totals::bad("the identity is empty");
      }
      session_.arena().release(*buffer, virtio::VIRTIO_BLK_ID_BYTES);
      return totals;
    });
  }

  bool run(std::string_view operation, const Run& what) {
    return measured(operation, [&] { return pipeline(what); });
  }

  /// Keeps `depth` requests going until all have ended. A lost device side is waited for; the driver does again what it
  /// had not seen to end.
  Totals pipeline(const Run& what) {
    Totals totals;
    std::array<Slot, kDepth> slots{};
    const unsigned depth = what.depth < kDepth ? what.depth : kDepth;
    const bool data = what.kind == Kind::kRead || what.kind == Kind::kWrite;
    unsigned ready = 0;
    while (data && ready < depth) {
      const auto buffer = session_.arena().allocate(what.chunk);
      if (!buffer) break;
      slots[ready++].buffer = *buffer;
    }
    if (data && ready == 0) return Totals::bad("no room in the arena");
    const unsigned used = data ? ready : depth;
    std::uint64_t next = 0;
    unsigned in_flight = 0;
    bool flushed = false;
    const auto left = [&] { return what.kind == Kind::kFlush ? !flushed : next < what.bytes; };
    Instant progress = session_.now();

    while ((left() && totals.good) || in_flight != 0) {
      for (unsigned n = 0; n < used && left() && totals.good; ++n) {
        if (slots[n].busy) continue;
        slots[n].at = next;
        const auto submitted = driver_.submit(request(what, slots[n], n), true);  // poll() tells of all
        if (!submitted.ok()) {
          if (submitted.error() != virtio::driver::BlkError::kTableFull)
            totals = Totals::bad(describe(submitted.error()));
          break;
        }
        slots[n].busy = true;
        next += what.chunk;
        flushed = true;
        ++in_flight;
      }
      driver_.poll();
      bool something = false;
      while (const auto done = driver_.take()) {
        something = true;
        Slot& slot = slots[done->token.value % kDepth];
        slot.busy = false;
        --in_flight;
        if (!done->result.ok()) {
          totals = Totals::bad(describe(done->result.error()));
        } else if (what.kind == Kind::kRead && !matches(what, slot)) {
          totals = Totals::bad(what.pattern != nullptr ? "bytes read are not those written"
                                                       : "zeroed bytes read as something else");
        }
        totals.bytes += what.chunk;
        ++totals.operations;
      }
      if (something) {
        progress = session_.now();
        continue;
      }
      if (elapsed(progress, session_.now()) > Base::patience()) {
        // The device still owns the buffers: leave them to it.
        return Totals::bad("requests did not end in time");
      }
      wait();
    }
    for (unsigned n = 0; n < ready; ++n) session_.arena().release(slots[n].buffer, what.chunk);
    return totals;
  }

  BlkRequest request(const Run& what, const Slot& slot, unsigned number) {
    const std::uint64_t sector = slot.at / virtio::kSectorBytes;
    const virtio::Token token{number};
    switch (what.kind) {
      case Kind::kRead:
        return BlkRequest::read(sector, slot.buffer, what.chunk, token);
      case Kind::kWrite:
        what.pattern->fill(span_at(slot.buffer, what.chunk), slot.at / 8);
        return BlkRequest::write(sector, slot.buffer, what.chunk, token);
      case Kind::kZero:
        return BlkRequest::write_zeroes(sector, what.chunk, false, token);
      case Kind::kDiscard:
        return BlkRequest::discard(sector, what.chunk, token);
      case Kind::kFlush:
        break;
    }
    return BlkRequest::flush(token);
  }

  bool matches(const Run& what, const Slot& slot) {
    const auto bytes = span_at(slot.buffer, what.chunk);
    if (what.pattern != nullptr) return !what.pattern->first_difference(bytes, slot.at / 8);
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
  }

  /// Until something happened; brings the device back first if it was lost.
  void wait() {
    if (Base::healthy() && driver_.state() == Driver::State::kRunning) {
      session_.heed(driver_.wait(session_.now() + kPollInterval));
      return;
    }
    driver_.suspend();
    if (!session_.recover(device_).ok()) return;  // the caller's patience ends before long
    (void)driver_.resume(device_);
  }

  std::span<std::byte> span_at(Offset at, std::uint64_t bytes) {
    return session_.link().region().area(at, bytes, 1).value().bytes();  // from our own arena
  }

  Driver driver_;
  std::uint64_t round_ = 0;
};

}  // namespace hawser::app
