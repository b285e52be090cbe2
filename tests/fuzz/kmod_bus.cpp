// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// hawser.ko between a driver that keeps to the rules and a peer that does not: its answers are late, cut, changed or
// missing, its events are about anything, it uses what it was not given and writes wherever it can reach, it dies and
// returns as something else. The driver gets each of its requests back once at most, with no more bytes than it gave
// room for, and a disk's request that was not served says so. An honest device serves whoever probes it again.
#include "support/tape.hpp"
#include "unit/linux_bus/peer.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <list>
#include <string>
#include <vector>

namespace {

using hawser::test::Tape;
using linux_bus::Driver;
using linux_bus::Model;
using linux_bus::Peer;
namespace msg = linux_bus::msg;

constexpr std::uint16_t kDevice = 0;
constexpr std::size_t kOutstanding = 64;

void check(bool holds) {
  if (!holds) __builtin_trap();
}

/// The driver's requests that are not back yet.
class Requests {
 public:
  void forget() { each_.clear(); }

  void add(Tape& tape, unsigned queue) {
    if (queue >= Driver::queues.size()) return;
    virtqueue* const vq = Driver::queues[queue];
    const auto num = virtqueue_get_vring(vq)->num;
    if (num < 2) return;
    // Descriptors are given out in turn: none that is in use.
    for (const auto& one : each_) {
      const auto ahead = static_cast<std::uint16_t>(Driver::state[vq].next - one.from);
      if (one.queue == queue && ahead + 2u > num) return;
    }
    if (each_.size() >= kOutstanding) return;
    const std::uint8_t shape = tape.byte();
    static constexpr std::size_t kRoom[] = {1, 17, 1526, 20000};
    const std::size_t room = shape % 4 == 0 ? 0 : kRoom[shape / 4 % 4];
    const std::string readable =
        shape % 4 == 1 && room != 0 ? "" : std::string(1 + tape.byte() * (shape >> 4), 'r');
    const std::uint16_t from = Driver::state[vq].next;
    each_.push_back(
        {queue, static_cast<std::uint16_t>(from % num), from, !readable.empty(), std::string(room, '\0')});
    // The completion may come before this returns.
    (void)Driver::add(queue, readable, room != 0 ? &each_.back().writable : nullptr);
  }

  void collect() {
    for (unsigned queue = 0; queue < Driver::queues.size(); ++queue) {
      while (const auto done = Driver::completion(queue)) {
        const auto one = std::find_if(each_.begin(), each_.end(), [&](const One& each) {
          return each.queue == queue && each.head == done->first;
        });
        check(one != each_.end());
        check(done->second <= one->writable.size());
        if (Driver::vdev->id.device == 2 && done->second < one->writable.size())
          check(one->writable.back() == 1);
        each_.erase(one);
      }
    }
  }
  /// All that are left wait for something to be received: of a device that is broken nothing else does.
  bool only_receive() const {
    return std::all_of(each_.begin(), each_.end(), [](const One& one) { return !one.sends; });
  }

 private:
  struct One {
    unsigned queue;
    std::uint16_t head;
    std::uint16_t from;
    bool sends;
    std::string writable;
  };
  std::list<One> each_;  // whose strings stay where they are
};

/// A device of a known kind, or of any, with as many queues as its driver wants, or nearly.
Model model(Tape& tape) {
  Model made;
  made.id = 1 + tape.byte() % 5;
  made.queues = tape.near(Driver::wanted);
  made.max_size = tape.near(16);
  made.v1 = tape.byte() % 8 == 0;
  made.features ^= std::uint64_t{1} << tape.byte() % 64;
  return made;
}

class Scene {
 public:
  explicit Scene(Tape& tape) : tape_(tape) {
    Driver::wanted = 1 + tape.byte() % 3;
    peer_.models[kDevice] = model(tape);
    peer_.instead = [this](const msg::wire::Header& header, const std::string&) { return lie(header); };
    now_ = this;
    stub_while_waiting = [] { now_->late(); };
  }
  ~Scene() {
    stub_while_waiting = nullptr;
    peer_.instead = nullptr;
  }

  void step() {
    switch (tape_.byte() % 16) {
      case 0:
        came_ = true;
        peer_.come();
        break;
      case 1:
        peer_.die();
        break;
      case 2:
      case 3:
      case 4:
        requests_.add(tape_, tape_.byte() % 4);
        break;
      case 5:
      case 6:
        use();
        break;
      case 7:  // anything, anywhere
        for (std::size_t n = 1 + tape_.byte() % 16; n != 0; --n) {
          const std::uint32_t at = tape_.word() % (linux_bus::kRegion - 8);
          const std::uint64_t what = std::uint64_t{tape_.word()} << 32 | tape_.word();
          std::memcpy(peer_.region() + at, &what, 8);
        }
        break;
      case 8:
        if (came_) hawser_bus_rung(peer_.link(), std::uint64_t{tape_.word()} << 32 | tape_.word());
        break;
      case 9:
        event();
        break;
      case 10:
        stub_pass_us(std::uint64_t{tape_.byte()} * 4000);
        break;
      case 11:
        if (Driver::vdev != nullptr && !Driver::queues.empty()) {
          requests_.forget();
          Driver::rebind();
        }
        break;
      case 12:
        lies_ = tape_.byte();
        break;
      case 13:
        peer_.models[kDevice] = model(tape_);
        break;
      case 14:
        configure();
        break;
      case 15:  // honest work
        (void)peer_.serve(kDevice, std::string(tape_.byte(), 's'), tape_.byte() % 4);
        break;
    }
    settle();
  }

  void settle() {
    const virtio_device* const before = Driver::vdev;
    stub_run();
    if (Driver::vdev != before || Driver::vdev == nullptr) requests_.forget();
    if (Driver::vdev != seen_) {
      seen_ = Driver::vdev;
      requests_.forget();
    }
    if (Driver::vdev == nullptr) return;
    requests_.collect();
    if ((Driver::vdev->config->get_status(Driver::vdev) & VIRTIO_CONFIG_S_NEEDS_RESET) != 0)
      check(requests_.only_receive());
  }

  void meets_an_honest_device() {
    lies_ = 0;
    peer_.die();
    settle();
    peer_.models[kDevice] = Model{.id = 4, .queues = Driver::wanted};
    // What was there may have accepted what is not offered now: it goes, and another comes.
    for (int n = 0; n < 3; ++n) {
      peer_.come();
      stub_pass_us(20'000'000);
      settle();
      if (Driver::vdev != nullptr && Driver::vdev->id.device == 4 && !Driver::queues.empty()) break;
      peer_.models.erase(kDevice);
      peer_.die();
      peer_.come();
      settle();
      peer_.die();
      peer_.models[kDevice] = Model{.id = 4, .queues = Driver::wanted};
    }
    check(Driver::vdev != nullptr);
    Driver::rebind();
    check(!Driver::queues.empty());
    std::string room(16, '\0');
    const auto head = Driver::add(0, "", &room);
    (void)peer_.serve(kDevice, "served");
    const auto done = Driver::completion();
    check(done && done->first == head && done->second == 6 && room.starts_with("served"));
  }

 private:
  /// Part of the answers: cut, changed, doubled, for somebody else, later, or never.
  bool lie(const msg::wire::Header& header) {
    if (lies_ == 0 || tape_.byte() >= lies_) return false;
    const auto answer = static_cast<std::uint8_t>(header.type | msg::VIRTIO_MSG_TYPE_RESPONSE);
    std::array<std::uint8_t, 96> payload{};
    switch (tape_.byte() % 4) {
      case 0:
        return true;  // never
      case 1:
        late_.push_back(header);
        return true;
      default:
        break;
    }
    const std::size_t bytes = tape_.byte() % 64;
    for (std::size_t n = 0; n < bytes; ++n)
      payload[n] = static_cast<std::uint8_t>(tape_.near(n % 4 == 0 ? 1 : 0));
    peer_.say(answer, static_cast<std::uint8_t>(tape_.near(header.msg_id)),
              static_cast<std::uint16_t>(tape_.near(header.dev_num)),
              static_cast<std::uint16_t>(tape_.near(header.token)), payload.data(), bytes);
    return tape_.byte() % 2 == 0;
  }

  /// While the module waits: an answer of before, or none.
  void late() {
    if (late_.empty()) return;
    const auto header = late_.front();
    late_.pop_front();
    std::array<std::uint8_t, 64> payload{};
    for (auto& byte : payload) byte = static_cast<std::uint8_t>(tape_.near(0));
    peer_.say(static_cast<std::uint8_t>(header.type | msg::VIRTIO_MSG_TYPE_RESPONSE), header.msg_id,
              header.dev_num, header.token, payload.data(), tape_.byte() % payload.size());
  }

  void use() {
    const unsigned queue = tape_.byte() % 4;
    const auto& rings = peer_.models[kDevice].rings;
    const auto ring = rings.find(queue);
    if (ring == rings.end() || ring->second.size == 0) return;
    if (ring->second.device + 6 + 8 * ring->second.size > linux_bus::kRegion) return;
    const auto request = peer_.take(kDevice, queue);
    peer_.use(kDevice, queue, tape_.near(request ? request->id : 0), tape_.near(request ? request->room : 0),
              static_cast<std::uint16_t>(tape_.near(1)));
  }

  void event() {
    static constexpr std::array<std::uint8_t, 8> kIds = {
        msg::VIRTIO_MSG_EVENT_CONFIG,     msg::VIRTIO_MSG_EVENT_USED,
        msg::VIRTIO_MSG_BUS_EVENT_DEVICE, msg::VIRTIO_MSG_BUS_PING,
        msg::VIRTIO_MSG_EVENT_CONFIG,     msg::VIRTIO_MSG_GET_CONFIG,
        msg::VIRTIO_MSG_SET_VQUEUE,       0x7f};
    if (!came_) return;
    const std::uint8_t kind = tape_.byte();
    std::array<std::uint8_t, 64> payload{};
    const std::size_t bytes = tape_.byte() % payload.size();
    for (std::size_t n = 0; n < bytes; ++n)
      payload[n] = static_cast<std::uint8_t>(tape_.near(n == 2 ? kind : 0));
    peer_.say(static_cast<std::uint8_t>(kind & 3), kIds[kind >> 5],
              static_cast<std::uint16_t>(tape_.near(kDevice)), static_cast<std::uint16_t>(tape_.word()),
              payload.data(), bytes);
  }

  void configure() {
    if (Driver::vdev == nullptr) return;
    std::array<std::uint8_t, 64> bytes{};
    const unsigned at = tape_.byte();
    const unsigned size = 1u << tape_.byte() % 4;
    if (tape_.byte() % 2 == 0)
      Driver::vdev->config->get(Driver::vdev, at, bytes.data(), size);
    else
      Driver::vdev->config->set(Driver::vdev, at, bytes.data(), size);
  }

  static inline Scene* now_ = nullptr;
  Tape& tape_;
  Driver driver_;
  Peer peer_;
  Requests requests_;
  const virtio_device* seen_ = nullptr;
  std::deque<msg::wire::Header> late_;
  std::uint8_t lies_ = 0;
  bool came_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tape tape({data, size});
  const long allocations = stub_allocations;
  {
    Scene scene(tape);
    for (int steps = 0; !tape.empty() && steps < 400; ++steps) scene.step();
    scene.meets_an_honest_device();
  }
  check(stub_allocations == allocations);
  return 0;
}
