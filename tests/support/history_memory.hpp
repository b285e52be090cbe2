// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A memory that remembers every store, so that a test can look at all the states that another party may have
// seen: each prefix of the stores, and each store that nothing ordered behind the ones before it.
#pragma once

#include <hawser/transport/memory.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

namespace hawser::test {

/// The log behind any number of HistoryMemory handles. Two parties share the bytes; each has its own handle,
/// so that an ordering of one is no ordering of the other.
class History {
 public:
  enum class Kind : std::uint8_t {
    kStore,    ///< May be seen before what the same party did before it, as far back as its last barrier.
    kPublish,  ///< Seen after everything before it.
    kBarrier,  ///< A full fence, or an acquire that saw something: nothing of this party moves across.
    kMark,     ///< The test's own: a number that observers are told.
  };
  struct Entry {
    Kind kind;
    unsigned party;
    std::size_t at;
    std::array<std::byte, 8> bytes;
    std::size_t size;
    std::uint64_t mark;
  };

  explicit History(std::size_t bytes) : now_(bytes) {}

  /// What is in memory at the end.
  std::span<std::byte> now() { return now_; }
  std::size_t entries() const { return log_.size(); }

  /// From here on observers get this number.
  void mark(std::uint64_t number) { log_.push_back({Kind::kMark, 0, 0, {}, 0, number}); }

  /// Shows `observer` the bytes after every store of `party`, and after every store of `party` that came too
  /// early, each with the mark that held. Returns the number of states shown.
  using Observer = std::function<void(std::span<const std::byte>, std::uint64_t mark)>;
  std::size_t replay(unsigned party, const Observer& observer) const {
    std::vector<std::byte> state(now_.size());
    std::uint64_t mark = 0;
    std::size_t shown = 0;
    for (std::size_t n = 0; n < log_.size(); ++n) {
      const Entry& entry = log_[n];
      if (entry.kind == Kind::kMark) mark = entry.mark;
      if (entry.size != 0) apply(state, entry);
      if (entry.party != party) continue;
      if (entry.size != 0) {
        observer(state, mark);
        ++shown;
      }
      // Now the plain stores that lie ahead, each by itself, until something holds them back.
      for (std::size_t ahead = n + 1; ahead < log_.size(); ++ahead) {
        const Entry& early = log_[ahead];
        if (early.kind == Kind::kMark) break;
        if (early.party != party) continue;
        if (early.kind == Kind::kBarrier) break;
        if (early.kind != Kind::kStore) continue;
        std::array<std::byte, 8> before{};
        std::memcpy(before.data(), state.data() + early.at, early.size);
        apply(state, early);
        observer(state, mark);
        ++shown;
        std::memcpy(state.data() + early.at, before.data(), early.size);
      }
    }
    return shown;
  }

 private:
  friend class HistoryMemory;

  static void apply(std::vector<std::byte>& state, const Entry& entry) {
    std::memcpy(state.data() + entry.at, entry.bytes.data(), entry.size);
  }
  void store(Kind kind, unsigned party, std::size_t at, const void* bytes, std::size_t size) {
    Entry entry{kind, party, at, {}, size, 0};
    std::memcpy(entry.bytes.data(), bytes, size);
    std::memcpy(now_.data() + at, bytes, size);
    log_.push_back(entry);
  }
  void barrier(unsigned party) { log_.push_back({Kind::kBarrier, party, 0, {}, 0, 0}); }

  std::vector<std::byte> now_;
  std::vector<Entry> log_;
};

/// One party's handle to a history.
class HistoryMemory {
 public:
  class Area {
   public:
    Area() = default;
    std::uint64_t size() const { return size_; }

    template <SharedWord T>
    T load(std::size_t at) const {
      T raw;
      std::memcpy(&raw, history_->now_.data() + base_ + at, sizeof raw);
      return little(raw);
    }
    template <SharedWord T>
    T observe(std::size_t at) const {
      history_->barrier(party_);
      return load<T>(at);
    }
    template <SharedWord T>
    void store(std::size_t at, T value) const {
      put(History::Kind::kStore, at, value);
    }
    template <SharedWord T>
    void publish(std::size_t at, T value) const {
      put(History::Kind::kPublish, at, value);
    }
    void read(std::size_t at, std::span<std::byte> out) const {
      std::memcpy(out.data(), history_->now_.data() + base_ + at, out.size());
    }
    void write(std::size_t at, std::span<const std::byte> in) const {
      for (std::size_t n = 0; n < in.size(); ++n)
        put(History::Kind::kStore, at + n, std::to_integer<std::uint8_t>(in[n]));
    }

   private:
    friend class HistoryMemory;
    template <class T>
    void put(History::Kind kind, std::size_t at, T value) const {
      const T raw = little(value);
      history_->store(kind, party_, base_ + at, &raw, sizeof raw);
    }
    History* history_ = nullptr;
    unsigned party_ = 0;
    std::size_t base_ = 0;
    std::uint64_t size_ = 0;
  };

  HistoryMemory() = default;
  HistoryMemory(History& history, unsigned party) : history_(&history), party_(party) {}

  std::uint64_t size() const { return history_->now_.size(); }
  Result<Area, DoorError> area(Offset offset, std::uint64_t bytes, std::uint64_t align) const {
    if (offset.bytes() > size() || bytes > size() - offset.bytes()) return Err{DoorError::kOutsideTheRegion};
    if (offset.bytes() % align != 0) return Err{DoorError::kMisaligned};
    Area area;
    area.history_ = history_;
    area.party_ = party_;
    area.base_ = static_cast<std::size_t>(offset.bytes());
    area.size_ = bytes;
    return area;
  }
  void full_fence() const { history_->barrier(party_); }

 private:
  History* history_ = nullptr;
  unsigned party_ = 0;
};

static_assert(Memory<HistoryMemory>);

}  // namespace hawser::test
