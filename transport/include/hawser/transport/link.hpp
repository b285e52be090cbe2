// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The Link contract as concepts. README.md states it in prose; tests/conformance/ states it as a suite.
#pragma once

#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser {

enum class LinkState : std::uint8_t {
  kDown,    ///< The peer is not there (yet, or any more). It may come.
  kUp,      ///< Both ends have agreed on a pair of epochs.
  kBroken,  ///< The peer broke the protocol. Latched until reset().
};

enum class LinkEvent : std::uint8_t {
  kNothing,
  kWentUp,    ///< A new epoch. Nothing from before may be believed.
  kWentDown,  ///< The peer left, fell silent, or began a new epoch.
  kBroke,     ///< See broken_reason().
};

/// Why a link is broken, as far as that decides what to do about it.
enum class BrokenBy : std::uint8_t {
  kNothing,
  kPeer,     ///< Somebody wrote what the protocol does not allow. reset() starts anew.
  kRival,    ///< Another living party holds our end. reset() asks again; what helps is that party's end.
  kCarrier,  ///< What carries the link can not or may not: somebody has to change it first.
};

/// How bytes become visible to the peer.
enum class Visibility : std::uint8_t {
  kShared,  ///< Same memory: region() has bytes.
  kCopied,  ///< Sent in messages: region() is empty, a courier moves bytes.
};

/// One period of being up. Both numbers change at every (re)start of their side; zero never occurs while up.
struct Epoch {
  std::uint32_t own = 0;
  std::uint32_t peer = 0;
  constexpr bool operator==(const Epoch&) const = default;
};

enum class SendError : std::uint8_t {
  kFull,     ///< No room now. Look again after the peer's next ring.
  kTooBig,   ///< Longer than mtu(): never possible on this link.
  kDown,     ///< The link is not up.
  kRefused,  ///< Policy forbids it, or the link is broken.
};

enum class ReceiveError : std::uint8_t {
  kEmpty,  ///< Nothing is waiting.
  kTooSmall,  ///< The buffer is smaller than the waiting message, which stays first in line; mtu() bytes always suffice.
  kDown,  ///< The link is not up.
};

/// Ordered, bounded messages to the peer and back: whole, once, in order.
///
/// mtu()            bytes of the longest message, both ways; meaningful when up.
/// try_send(parts)  gathers the parts into one message; either all of it is queued or nothing is. Does not ring.
/// try_receive(to)  moves the oldest message into `to`; its length in bytes. A carrier with fixed slots may append zero
///                  bytes, up to mtu(): a message whose length matters carries it.
template <class C>
concept Channel = requires(C& channel, const C& cchannel, std::span<const std::span<const std::byte>> parts,
                           std::span<std::byte> to) {
  { cchannel.mtu() } -> std::same_as<std::size_t>;
  { channel.try_send(parts) } -> std::same_as<Result<void, SendError>>;
  { channel.try_receive(to) } -> std::same_as<Result<std::size_t, ReceiveError>>;
};

/// Which of the peer's things to look at: a small number that both sides derive from device and queue
/// numbers. Two queues may share a mark. Only a hint.
class Mark {
 public:
  static constexpr unsigned kCount = 64;
  constexpr explicit Mark(unsigned number) : number_(static_cast<std::uint8_t>(number % kCount)) {}
  constexpr unsigned number() const { return number_; }
  constexpr std::uint64_t bit() const { return std::uint64_t{1} << number_; }

 private:
  std::uint8_t number_;
};

/// A set of marks: bit n stands for Mark(n).
using Marks = std::uint64_t;

/// Tells the peer to look, and waits for the peer's. A ring is a hint, never a count.
///
/// ring()        look at the channel.                ring(mark)  look at what stands behind the mark.
/// take()        the marks rung since the last take. May contain more than was rung, never less.
/// arm()         from now on the peer's rings end wait(). After arm(): look once more, only then wait.
/// disarm()      this side is looking anyway; the peer may save itself the interrupt. Marks still arrive.
/// wait(until)   sleeps until rung, until the deadline, or until cancelled. Any ring after arm() ends it,
/// also one
///               that came before wait(). May end as kRung for no reason.
template <class B>
concept Bell = requires(B& bell, Mark mark, Instant until) {
  { bell.ring() } -> std::same_as<void>;
  { bell.ring(mark) } -> std::same_as<void>;
  { bell.take() } -> std::same_as<Marks>;
  { bell.arm() } -> std::same_as<void>;
  { bell.disarm() } -> std::same_as<void>;
  { bell.wait(until) } -> std::same_as<Wake>;
};

/// What a link has done since it was made. Numbers only grow; they wrap silently.
struct LinkCounters {
  std::uint64_t rings_asked = 0;  ///< Calls of Bell::ring.
  std::uint64_t doorbells =
      0;  ///< Rings that reached the carrier (a doorbell register, an eventfd, a hypercall).
  std::uint64_t wakes = 0;  ///< Waits that ended by a ring: interrupts taken, for a guest.
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
};

/// One connection between exactly two peers. Nothing here blocks except bell().wait().
///
/// poll()            does what time and the peer ask for: handshake, heartbeat, noticing death. Call it at
/// least every
///                   kPollInterval and after each wait. Reports each change of state once.
/// epoch()           valid while up.
/// region()          empty (size 0) unless visibility() is kShared.
/// broken_reason()   a sentence; "" unless broken.
/// reset()           leaves kBroken, or restarts a link that is up: begins a new own epoch, so the peer sees
/// down and up.
template <class L>
concept Link = requires(L& link, const L& clink) {
  requires Channel<typename L::ChannelType>;
  requires Bell<typename L::BellType>;
  requires Memory<typename L::MemoryType>;
  { link.poll() } -> std::same_as<LinkEvent>;
  { clink.state() } -> std::same_as<LinkState>;
  { clink.epoch() } -> std::same_as<Epoch>;
  { clink.visibility() } -> std::same_as<Visibility>;
  { clink.broken_reason() } -> std::same_as<const char*>;
  { link.channel() } -> std::same_as<typename L::ChannelType&>;
  { link.bell() } -> std::same_as<typename L::BellType&>;
  { clink.region() } -> std::same_as<typename L::MemoryType>;
  { link.reset() } -> std::same_as<void>;
  { clink.now() } -> std::same_as<Instant>;
  { clink.counters() } -> std::same_as<LinkCounters>;
};

/// A message that lies where it arrived until it is released. The carrier changes no byte of it meanwhile.
struct Parcel {
  std::array<std::span<const std::byte>, 2>
      parts;                 ///< The second is empty unless the carrier's ring wrapped around.
  std::uint32_t number = 0;  ///< For release().
  std::size_t size() const { return parts[0].size() + parts[1].size(); }
};

/// The second channel of a copied link, for bulk: ordered and bounded like the first, but what arrives is used in place.
/// Nothing orders the two channels against each other.
///
/// mtu()            bytes of the longest parcel, both ways; meaningful when up.
/// try_send(parts)  as Channel::try_send, with at most kMaxParts parts that are not empty (more: kTooBig). Does not
///                  ring. kFull: look again after the peer's next ring, which its release() causes.
/// try_receive()    the next parcel, in order. It takes up the peer's room until it is released.
/// release(number)  the parcel is done with. In any order, each once, only in the period of being up it arrived in.
///                  When that period ends, parcels stay readable until the poll() after the one that reported it:
///                  whoever reads them in place has that long to stop.
template <class C>
concept ParcelChannel = requires(C& channel, const C& cchannel,
                                 std::span<const std::span<const std::byte>> parts, std::uint32_t number) {
  requires C::kMaxParts >= 2;
  { cchannel.mtu() } -> std::same_as<std::size_t>;
  { channel.try_send(parts) } -> std::same_as<Result<void, SendError>>;
  { channel.try_receive() } -> std::same_as<Result<Parcel, ReceiveError>>;
  { channel.release(number) } -> std::same_as<void>;
};

/// A link between two memories: no region, and parcels instead.
template <class L>
concept CopiedLink = Link<L> && requires(L& link) {
  requires ParcelChannel<typename L::ParcelChannelType>;
  { link.parcels() } -> std::same_as<typename L::ParcelChannelType&>;
};

/// A link as programs use it, who want to know what to do about a broken one.
///
/// broken_by()   whose doing it is; kNothing unless broken.
/// holds_end()   our end is ours. Before that the peer can't see us: another party may hold it, or have died holding it.
/// leave()       says good-bye, so that the peer need not wait out a silence. The link does nothing until the next
///               poll() or reset(), which joins anew.
template <class L>
concept ManagedLink = Link<L> && requires(L& link, const L& clink) {
  { clink.broken_by() } -> std::same_as<BrokenBy>;
  { clink.holds_end() } -> std::same_as<bool>;
  { link.leave() } -> std::same_as<void>;
};

/// How often poll() must be called at least, for the peer not to take us for dead.
inline constexpr Duration kPollInterval = milliseconds(50);

}  // namespace hawser
