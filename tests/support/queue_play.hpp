// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Plays a byte string as a sequence of calls to one queue half, while the other side behaves, or scribbles
// over the ring between the calls, as the bytes say. Whatever they say must hold: no access outside the
// region (a sanitizer watches), bounded work in every call, faults that stay, and an honest account of what
// is in flight. A fuzzer and a property test find the bytes.
#pragma once

#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include "support/counting_memory.hpp"
#include "support/queue_rig.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace hawser::test {

/// A rule was broken by our half.
struct Violation : std::logic_error {
  using std::logic_error::logic_error;
};
inline void require(bool holds, const char* what) {
  if (!holds) throw Violation(what);
}

/// Numbers out of a byte string; zeros when it is used up.
class Script {
 public:
  explicit Script(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool done() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::uint64_t below(std::uint64_t limit) {
    return limit == 0 ? 0 : (byte() | std::uint64_t{byte()} << 8) % limit;
  }

  /// Often a number at which something could go wrong.
  std::uint64_t number() {
    static constexpr std::array<std::uint64_t, 12> kEdges = {
        0, 1, 2, 15, 16, 0x7fff, 0x8000, 0xffff, 0x7fff'ffff, 0xffff'ffff, 0xffff'ffff'ffff'fff0, UINT64_MAX};
    const std::uint8_t kind = byte();
    if (kind < 64) return kEdges[kind % kEdges.size()];
    if (kind < 192) return byte();
    return byte() | std::uint64_t{byte()} << 8 | std::uint64_t{byte()} << 16;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// What both games share: features and size from the script, the region, and the hostile hand.
class RingGame {
 protected:
  static constexpr std::uint64_t kBufferBytes = 1024;

  explicit RingGame(Script& script) : script_(script) {
    const std::uint8_t bits = script.byte();
    features_ = all_ring_features()[bits % 16];
    size_ = static_cast<std::uint16_t>(packed() ? 1 + script.byte() % 9 : 1U << (script.byte() % 4));
    layout_ =
        RigLayout::of(size_, virtio::ring_format(features_), features_.has(virtio::VIRTIO_F_INDIRECT_DESC));
    region_ = std::make_unique<Region>(static_cast<std::size_t>(layout_.buffers.bytes() + kBufferBytes));
    slots_.resize(size_);
  }

  bool packed() const { return features_.has(virtio::VIRTIO_F_RING_PACKED); }

  /// Stores something somewhere in the ring or the indirect tables.
  void scribble() {
    const std::uint64_t reach = layout_.buffers.bytes();
    const std::uint64_t value = script_.byte() < 128 ? script_.number() : plausible_word();
    switch (script_.byte() % 3) {
      case 0:
        return poke(script_.below(reach / 2) * 2, static_cast<std::uint16_t>(value));
      case 1:
        return poke(script_.below(reach / 4) * 4, static_cast<std::uint32_t>(value));
      default:
        return poke(script_.below(reach / 8) * 8, value);
    }
  }

  /// Changes a word that is there by a little: an index that runs ahead, a flag that flips.
  void nudge() {
    const std::uint64_t at = script_.below(layout_.buffers.bytes() / 2) * 2;
    std::uint16_t value;
    std::memcpy(&value, region_->bytes().data() + at, sizeof value);
    value = static_cast<std::uint16_t>(script_.byte() < 128 ? value + script_.byte()
                                                            : value ^ (1U << (script_.byte() % 16)));
    poke(at, value);
  }

  /// The words that both sides look at most.
  void scribble_index() {
    const std::uint64_t at =
        (script_.byte() % 2 == 0 ? layout_.queue.driver : layout_.queue.device).bytes() + (packed() ? 0 : 2);
    std::uint16_t value;
    std::memcpy(&value, region_->bytes().data() + at, sizeof value);
    poke(at, static_cast<std::uint16_t>(value + script_.byte() % 4));
  }

  virtio::Segment some_buffer() {
    const std::uint64_t at = script_.byte() * 4ULL;
    return {layout_.buffers + at, static_cast<std::uint32_t>(script_.byte() % (kBufferBytes - at))};
  }
  std::vector<virtio::Segment> some_buffers(std::size_t most) {
    std::vector<virtio::Segment> segments(script_.byte() % (most + 1));
    for (auto& segment : segments) segment = some_buffer();
    return segments;
  }

  Script& script_;
  virtio::Features features_;
  std::uint16_t size_ = 1;
  RigLayout layout_;
  std::unique_ptr<Region> region_;
  std::vector<virtio::DriverSlot> slots_;

 private:
  /// A descriptor's second half, or an address that lies inside.
  std::uint64_t plausible_word() {
    if (script_.byte() % 2 == 0) return layout_.buffers.bytes() + script_.byte();
    const std::uint64_t flags =
        script_.byte() % 8 | (script_.byte() % 4) << 7 | std::uint64_t{script_.byte() % 2U} << 15;
    const std::uint64_t tail = script_.byte() % (size_ + 1U);
    const std::uint64_t bytes = script_.byte() % 4 == 0 ? 16 * (script_.byte() % 8) : script_.byte();
    return packed() ? bytes | tail << 32 | flags << 48 : bytes | flags << 32 | tail << 48;
  }
  template <class T>
  void poke(std::uint64_t at, T value) {
    const T raw = little(value);
    std::memcpy(region_->bytes().data() + at, &raw, sizeof raw);
  }
};

/// Our device half against a driver that is a real one whose ring is scribbled over.
class DeviceGame : RingGame {
 public:
  static void play(std::span<const std::uint8_t> bytes) {
    Script script(bytes);
    DeviceGame game(script);
    while (!script.done()) game.step();
    game.finish();
  }

 private:
  struct Held {
    std::unique_ptr<std::array<virtio::Segment, 8>> storage;
    virtio::Chain chain;
  };

  explicit DeviceGame(Script& script) : RingGame(script) {
    driver_ = virtio::AnyDriverQueue<RegionMemory>::make(region_->memory(), layout_.queue, features_, slots_,
                                                         layout_.tables)
                  .value();
    device_ = virtio::AnyDeviceQueue<CountingMemory>::make(CountingMemory(region_->memory(), touches_),
                                                           layout_.queue, features_)
                  .value();
  }

  void step() {
    touches_ = 0;
    const virtio::QueueFault before = device_.fault();
    switch (script_.byte() % 16) {
      case 0:
      case 1:
      case 2:
        add();
        break;
      case 3:
        scribble();
        break;
      case 4:
        nudge();
        break;
      case 5:
        scribble_index();
        break;
      case 6:
        while (driver_.try_reap().ok()) {
        }
        break;
      case 7:
      case 8:
      case 9:
        take();
        break;
      case 10:
      case 11:
        complete(0);
        break;
      case 12:
        complete(script_.byte());
        break;
      case 13:
        device_.publish();
        break;
      case 14:
        device_.arm();
        break;
      default:
        if (script_.byte() == 255 && !held_.empty()) {
          held_.pop_back();  // a leak
          require(device_.fault() != virtio::QueueFault::kNone, "a leaked chain went unnoticed");
        }
        device_.disarm();
    }
    require(touches_ <= 4U * size_ + 64, "a call of the device half did unbounded work");
    require(before == virtio::QueueFault::kNone || device_.fault() == before, "a fault did not stay");
    require(held_.size() <= size_, "more chains are out than the queue has descriptors");
  }

  void add() {
    const auto readable = some_buffers(3);
    const auto writable = some_buffers(3);
    if (!driver_.try_add(readable, writable, virtio::Token{1}).ok()) return;
    driver_.publish();
  }

  void take() {
    Held held{std::make_unique<std::array<virtio::Segment, 8>>(), {}};
    const std::size_t room = 1 + script_.byte() % 8;
    auto taken = device_.try_take(std::span(*held.storage).first(room));
    if (!taken.ok()) {
      const bool broken = device_.fault() != virtio::QueueFault::kNone;
      require((taken.error() == virtio::TakeError::kBroken) == broken, "broken was not said");
      return;
    }
    require(device_.fault() == virtio::QueueFault::kNone, "a broken queue handed out a chain");
    held.chain = std::move(taken).value();
    require(held.chain.readable().size() + held.chain.writable().size() <= room, "the storage was too small");
    require(held.chain.readable_bytes() + held.chain.writable_bytes() <= UINT32_MAX, "a chain is too long");
    use(held.chain);
    held_.push_back(std::move(held));
  }

  /// Reads and writes all of it: the door was passed at try_take(), so nothing may fail.
  void use(const virtio::Chain& chain) {
    std::array<std::byte, 64> bytes{};
    virtio::ChainReader<RegionMemory> reader(region_->memory(), chain);
    while (!reader.done()) require(reader.read_some(bytes).ok(), "a readable segment lies outside");
    virtio::ChainWriter<RegionMemory> writer(region_->memory(), chain);
    // Writing into the ring itself is the driver's problem; here it would only be another scribble.
    while (!writer.done()) {
      const auto piece = writer.borrow(64);
      require(piece.ok() && !piece->empty(), "a writable segment lies outside");
      touch_ ^= piece->front() ^ piece->back();
    }
    touches_ = 0;
  }

  void complete(std::size_t which) {
    if (held_.empty()) return;
    const auto victim = held_.begin() + static_cast<std::ptrdiff_t>(which % held_.size());
    virtio::Chain chain = std::move(victim->chain);
    const std::uint64_t room = chain.writable_bytes();
    const auto storage = std::move(victim->storage);
    held_.erase(victim);
    device_.complete(std::move(chain), static_cast<std::uint32_t>(script_.byte() % 2 == 0 ? room : room / 2));
  }

  void finish() {
    while (!held_.empty()) complete(0);
    device_.publish();
  }

  std::uint64_t touches_ = 0;
  std::byte touch_{};
  virtio::AnyDriverQueue<RegionMemory> driver_;
  virtio::AnyDeviceQueue<CountingMemory> device_;
  std::deque<Held> held_;
};

/// Our driver half against a device that is a real one whose ring is scribbled over.
class DriverGame : RingGame {
 public:
  static void play(std::span<const std::uint8_t> bytes) {
    Script script(bytes);
    DriverGame game(script);
    while (!script.done()) game.step();
    game.finish();
  }

 private:
  struct Request {
    std::uint64_t writable = 0;
    bool published = false;
  };
  struct Held {
    std::unique_ptr<std::array<virtio::Segment, 8>> storage;
    virtio::Chain chain;
  };

  explicit DriverGame(Script& script) : RingGame(script) {
    driver_ = virtio::AnyDriverQueue<CountingMemory>::make(CountingMemory(region_->memory(), touches_),
                                                           layout_.queue, features_, slots_, layout_.tables)
                  .value();
    new_device();
  }

  void new_device() {
    held_.clear();
    device_.reset();
    device_ = std::make_unique<virtio::AnyDeviceQueue<RegionMemory>>(
        virtio::AnyDeviceQueue<RegionMemory>::make(region_->memory(), layout_.queue, features_).value());
  }

  void step() {
    touches_ = 0;
    const virtio::QueueFault before = driver_.fault();
    switch (script_.byte() % 16) {
      case 0:
      case 1:
      case 2:
        add();
        break;
      case 3:
        publish();
        break;
      case 4:
      case 5:
      case 6:
        reap();
        break;
      case 7:
        driver_.arm();
        break;
      case 8:
        driver_.disarm();
        break;
      case 9:
        scribble();
        break;
      case 10:
        nudge();
        break;
      case 11:
        scribble_index();
        break;
      case 12:
      case 13:
        serve();
        break;
      case 14:
        complete();
        break;
      default:
        if (script_.byte() == 255) new_device();
        device_->publish();
    }
    require(touches_ <= 4U * size_ + 64, "a call of the driver half did unbounded work");
    require(before == virtio::QueueFault::kNone || driver_.fault() == before, "a fault did not stay");
    require(driver_.in_flight() == requests_.size(), "the account of what is in flight is wrong");
    require(driver_.in_flight() <= size_, "more requests are in flight than the queue has descriptors");
  }

  void add() {
    const auto readable = some_buffers(3);
    const auto writable = some_buffers(3);
    const auto added = driver_.try_add(readable, writable, virtio::Token{next_token_});
    if (!added.ok()) return;
    require(driver_.fault() == virtio::QueueFault::kNone, "a broken queue took a request");
    std::uint64_t room = 0;
    for (const auto& segment : writable) room += segment.bytes;
    requests_[next_token_++] = {room, false};
    if (script_.byte() % 2 == 0) publish();
  }

  void publish() {
    driver_.publish();
    if (driver_.fault() != virtio::QueueFault::kNone) return;
    for (auto& [token, request] : requests_) request.published = true;
  }

  void reap() {
    const auto done = driver_.try_reap();
    if (!done.ok()) {
      const bool broken = driver_.fault() != virtio::QueueFault::kNone;
      require((done.error() == virtio::TakeError::kBroken) == broken, "broken was not said");
      return;
    }
    const auto found = requests_.find(done->token.value);
    require(found != requests_.end(), "a token came back that was not in flight");
    require(found->second.published, "a request came back that was not published");
    require(done->written <= found->second.writable, "more was written than allowed");
    if (features_.has(virtio::VIRTIO_F_IN_ORDER)) require(found == requests_.begin(), "the order is wrong");
    requests_.erase(found);
  }

  void serve() {
    Held held{std::make_unique<std::array<virtio::Segment, 8>>(), {}};
    auto taken = device_->try_take(*held.storage);
    if (!taken.ok()) return;
    held.chain = std::move(taken).value();
    held_.push_back(std::move(held));
    if (script_.byte() % 4 != 0) complete();
    if (script_.byte() % 4 != 0) device_->publish();
  }

  void complete() {
    if (held_.empty()) return;
    const std::size_t which = features_.has(virtio::VIRTIO_F_IN_ORDER) ? 0 : script_.byte() % held_.size();
    const auto victim = held_.begin() + static_cast<std::ptrdiff_t>(which);
    virtio::Chain chain = std::move(victim->chain);
    const auto storage = std::move(victim->storage);
    held_.erase(victim);
    const std::uint8_t kind = script_.byte();
    const std::uint64_t room = chain.writable_bytes();
    const std::uint64_t written = kind < 128 ? room : kind < 250 ? room / 2 : room + 1;
    device_->complete(std::move(chain), static_cast<std::uint32_t>(written));
  }

  void finish() {
    held_.clear();
    while (const auto token = driver_.reclaim()) {
      require(requests_.erase(token->value) == 1, "a token was reclaimed that was not in flight");
    }
    require(requests_.empty(), "a request was lost");
  }

  std::uint64_t touches_ = 0;
  std::uint64_t next_token_ = 1;
  std::map<std::uint64_t, Request> requests_;
  virtio::AnyDriverQueue<CountingMemory> driver_;
  std::unique_ptr<virtio::AnyDeviceQueue<RegionMemory>> device_;
  std::deque<Held> held_;
};

}  // namespace hawser::test
