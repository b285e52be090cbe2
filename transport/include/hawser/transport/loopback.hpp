// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A link whose two ends live in one process: the reference for the Link contract, and the strictest of all
// links. Shared or copied visibility; faults to order (loopback_faults.hpp).
//
// Two libraries implement this header; a program links one of them:
//   loopback_direct    one thread, virtual time. wait() runs the other end's on_idle() function and moves the
//                      clock, so code that waits for its peer works without threads, the same way each time.
//   loopback_threaded  each end belongs to a thread of its own; real time, real sleep. Hosted.
//
// Inside, the ends talk as if hostile to each other: through words and slots in a control area that the other
// end (or a test) may overwrite at any time, and which is believed only after checking.
#pragma once

#include <hawser/transport/link.hpp>
#include <hawser/transport/loopback_faults.hpp>
#include <hawser/transport/loopback_trace.hpp>
#include <hawser/transport/memory.hpp>
#include <hawser/transport/random.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::loopback {

enum class Which : std::uint8_t {
  kFirst,
  kSecond
};

constexpr Which other(Which which) {
  return which == Which::kFirst ? Which::kSecond : Which::kFirst;
}

struct Options {
  Visibility visibility = Visibility::kShared;
  std::uint64_t seed = 1;             ///< Of faults, poison, first epochs and the distance of the clocks.
  bool fixed_slots = false;           ///< Messages arrive padded with zeros to mtu(), as on ivshmem.
  Duration silence = seconds(1);      ///< A peer that has not polled for so long is down.
  Duration now_costs = Duration{50};  ///< Virtual time only: what each now() takes, so that spinning ends.
  void (*violation)(void* context, Which by, Violation what) = nullptr;
  void* violation_context = nullptr;
};

/// Sizes of the channel, the same both ways.
struct Shape {
  std::uint32_t mtu;
  std::uint32_t depth;  ///< Messages on their way, at most. At least 1.
};

/// Bytes of control area for a shape.
constexpr std::size_t control_bytes(Shape shape) {
  const std::size_t slot = (sizeof(std::uint32_t) + std::size_t{shape.mtu} + 7) / 8 * 8;
  return 2 * (192 + slot * shape.depth);
}

/// The memory of a pair. Must live longer than the pair.
template <std::uint32_t kMtu = 512, std::uint32_t kDepth = 8, std::size_t kRegionBytes = 65536>
struct Storage {
  static_assert(kDepth > 0);
  static constexpr Shape kShape{kMtu, kDepth};
  alignas(64) std::array<std::byte, control_bytes(kShape)> control;
  alignas(4096) std::array<std::byte, kRegionBytes> region;
};

class Link;
class Pair;

/// See the concept hawser::Channel. Beyond it: what try_receive leaves in `to` behind the message, and all of
/// `to` after kTooSmall, is poison.
class Channel {
 public:
  explicit Channel(Link& link) : link_(link) {}
  std::size_t mtu() const;
  Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts);
  Result<std::size_t, ReceiveError> try_receive(std::span<std::byte> to);

 private:
  Link& link_;
};

/// See the concept hawser::Bell. As strict as it allows: arm() forgets what was rung before it, and a wait()
/// without arm() sleeps until its deadline.
class Bell {
 public:
  explicit Bell(Link& link) : link_(link) {}
  void ring();
  void ring(Mark mark);
  Marks take();
  void arm();
  void disarm();
  Wake wait(Instant until);

  /// Ends the wait() that is going on, or the next one, as kCancelled. From any thread.
  void cancel();

 private:
  Link& link_;
};

/// What rings an end. Trusted: this is the carrier, not the peer.
struct BellState {
  struct Late {
    Instant due;
    Marks marks = 0;
    bool after_next_ring = false;
  };
  static constexpr unsigned kLate = 16;

  Marks marks = 0;
  bool armed = false;
  bool rung = false;
  bool cancelled = false;
  unsigned late_count = 0;
  std::array<Late, kLate> late{};
};

/// One end. Made by a Pair.
class Link {
 public:
  using ChannelType = Channel;
  using BellType = Bell;
  using MemoryType = RegionMemory;

  Link(Pair& pair, Which which, std::uint32_t last_epoch);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  LinkEvent poll();
  LinkState state() const { return state_; }
  Epoch epoch() const { return epoch_; }
  Visibility visibility() const;
  const char* broken_reason() const { return reason_; }
  Channel& channel() { return channel_; }
  Bell& bell() { return bell_; }
  RegionMemory region() const;
  void reset();
  Instant now() const;
  LinkCounters counters() const { return counters_; }

  /// Faults done to what this end does. Defaults to none.
  Faults& faults() { return faults_; }

  /// What to run for this end while the other one waits (direct form; the threaded form ignores it). It should
  /// do a bounded piece of work and return. Killing the end forgets it.
  void on_idle(void (*step)(void* context), void* context) {
    step_ = step;
    step_context_ = context;
  }

  /// Records from now on; nullptr ends it.
  void record(Trace* trace) { trace_ = trace; }

 private:
  friend class Channel;
  friend class Bell;
  friend class Pair;
  friend struct Carrier;

  void begin_epoch();
  void adopt(std::uint32_t peer_epoch);
  void publish_words();
  LinkEvent leave_up();
  void breaks(const char* reason);
  bool peer_moved_on() const;
  bool peer_counts_are_wrong() const;
  bool alive() const;
  void violation(Violation what) const;
  void trace(TraceKind kind, std::uint32_t length = 0, std::uint64_t sum = 0);
  void ring_peer(Marks marks, Random& random);
  void ring_self();
  bool unread() const;

  Pair& pair_;
  const Which which_;
  RegionMemory::Area mine_;    ///< Words that this end writes.
  RegionMemory::Area theirs_;  ///< Words that the peer writes.
  Channel channel_;
  Bell bell_;

  LinkState state_ = LinkState::kDown;
  LinkEvent owed_ = LinkEvent::kNothing;  ///< A break that poll() has still to report.
  const char* reason_ = "";
  Epoch epoch_;
  std::uint32_t own_epoch_;  ///< Published; 0 while not started and while broken.
  std::uint32_t last_epoch_;
  std::uint32_t adopted_ = 0;  ///< The peer's epoch that we have published as seen.
  bool started_ = false;
  std::uint8_t dead_ = 0;  ///< Set by kill(), from any thread.

  std::uint32_t beat_ = 0;
  std::uint32_t peer_beat_ = 0;
  Instant heard_;
  Instant polled_;

  std::uint32_t sent_ = 0;
  std::uint32_t taken_ = 0;
  std::uint32_t send_slot_ = 0;
  std::uint32_t take_slot_ = 0;

  BellState rings_;  ///< Guarded by the carrier.
  bool looked_ = false;
  bool waiting_at_arm_ = false;
  bool waited_ = false;
  mutable std::uint64_t violations_ = 0;

  Faults faults_;
  Random bell_random_;  ///< Apart from the others, so that which ring is lost does not depend on timing.
  Random link_random_;  ///< For the rings that the link itself makes.
  Random send_random_;
  Random sleep_random_;
  LinkCounters counters_;
  Trace* trace_ = nullptr;
  void (*step_)(void*) = nullptr;
  void* step_context_ = nullptr;
};

/// Two ends and what lies between them.
class Pair {
 public:
  template <std::uint32_t kMtu, std::uint32_t kDepth, std::size_t kRegionBytes>
  explicit Pair(Storage<kMtu, kDepth, kRegionBytes>& storage, const Options& options = {})
      : Pair(Storage<kMtu, kDepth, kRegionBytes>::kShape, storage.control, storage.region, storage.region,
             options) {}

  /// The two region spans may be two mappings of the same memory, which finds pointers that got into it.
  /// Traps when `control` is smaller than control_bytes(shape) or not aligned to 8.
  Pair(Shape shape, std::span<std::byte> control, std::span<std::byte> first_region,
       std::span<std::byte> second_region, const Options& options = {});
  ~Pair();
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  Link& first() { return first_; }
  Link& second() { return second_; }
  Link& end(Which which) { return which == Which::kFirst ? first_ : second_; }

  /// Polls both ends in turn until both are up; false if that takes too long. For one thread.
  bool connect();

  /// The end stops in the middle of whatever it does, as a crashed guest: its words stay as they are, the peer
  /// finds out by its silence. A wait() of the end is cancelled. From any thread.
  void kill(Which which);

  /// The same, but the end says goodbye: the peer's next poll() finds it gone. Not while the end's thread is in
  /// a call.
  void leave(Which which);

  /// A killed end starts again from nothing, with a new epoch; faults, counters, steps and marks are forgotten.
  /// Not while its thread is in a call.
  void revive(Which which);

  /// Overwrites words of `which` as if it had gone mad.
  void misbehave(Which which, Misdeed misdeed);

  /// Lets time pass: virtual time moves at once, real time sleeps.
  void advance(Duration span);

  /// All that one end could overwrite to hurt the other, besides the region.
  std::span<std::byte> control() { return control_; }

  std::uint64_t seed() const { return options_.seed; }

  /// Violations so far, both ends together.
  std::uint64_t violations() const {
    return load_once(&first_.violations_) + load_once(&second_.violations_);
  }

 private:
  friend class Link;
  friend class Channel;
  friend class Bell;
  friend struct Carrier;

  RegionMemory::Area words(Which which) const;
  RegionMemory::Area slot(Which sender, std::uint32_t index) const;

  const Shape shape_;
  const Options options_;
  std::span<std::byte> control_;
  std::array<std::span<std::byte>, 2> regions_;
  std::array<std::uint64_t, 2> clock_starts_{};
  alignas(16) std::array<std::byte, 384> carrier_{};  ///< For the form's own use.
  Link first_;
  Link second_;
};

static_assert(hawser::Link<Link>);

}  // namespace hawser::loopback
