// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two domains of the broker's engine in one thread: in one hawser.ko and hawser_argo.ko with a driver above them, in the
// other the core's link, courier, bus and a device that answers each request with its own bytes, or an attacker.
#pragma once

#include "support/argo_port.hpp"

#include <hawser/app/argo_ends.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

// Behind all else: the stub has the kernel's words as macros.
#include "../linux_bus/peer.hpp"
#include "kernel_end.h"
#undef clamp
#undef complete
#undef max
#undef min
#undef swap

namespace linux_argo {

using namespace hawser;

/// One kind of request: what is readable comes back as far as there is room, the last byte as 0, as a disk's status.
class Echo {
 public:
  static constexpr std::uint32_t kDeviceId = 2;
  explicit Echo(std::uint16_t queues_wanted) : count(queues_wanted) {}
  std::uint16_t count;
  bool asleep = false;  ///< Takes nothing.
  std::vector<std::string> served;
  std::array<virtio::AnyDeviceQueue<RegionMemory>, 2> queues;

  virtio::Features offered() const { return virtio::Features{1, 2}; }
  bool acceptable(const virtio::Features&) const { return true; }
  std::uint16_t queue_count() const { return count; }
  std::uint16_t queue_max_size(std::uint16_t queue) const { return queue < count ? 64 : 0; }
  std::uint32_t config_size() const { return 60; }
  void read_config(std::uint32_t, std::span<std::byte> out) const {
    std::memset(out.data(), 0xff, out.size());
  }
  bool write_config(std::uint32_t, std::span<const std::byte>) { return false; }
  bool take_config_change() { return false; }
  void start(const virtio::Features&) {}
  void attach(std::uint16_t queue, virtio::AnyDeviceQueue<RegionMemory> made) {
    queues[queue] = std::move(made);
  }
  void detach(std::uint16_t queue) { queues[queue] = {}; }
  virtio::Work service(std::uint16_t index) {
    virtio::Work work;
    auto& queue = queues[index];
    std::array<virtio::Segment, 64> segments;
    while (!asleep) {
      auto chain = queue.try_take(segments);
      if (!chain.ok()) break;
      virtio::ChainReader reader(queue.memory(), *chain);
      virtio::ChainWriter writer(queue.memory(), *chain);
      std::string all(chain->readable_bytes(), '\0');
      const auto room = chain->writable_bytes();
      (void)reader.read_some(std::as_writable_bytes(std::span(all)));
      std::string answer = all.substr(0, room);
      answer.resize(std::max<std::size_t>(answer.size(), std::min<std::size_t>(room, 1)));
      if (!answer.empty()) answer.back() = '\0';
      (void)writer.write_some(std::as_bytes(std::span(answer)));
      served.push_back(std::move(all));
      queue.complete(std::move(*chain), static_cast<std::uint32_t>(answer.size()));
    }
    work.notify = queue.publish();
    return work;
  }
  bool prepare_to_wait(std::uint16_t queue) { return !asleep && queues[queue].arm(); }
  bool needs_reset() const { return false; }
  void stop() { queues = {}; }
};

/// The same as a network.
class EchoNet : public Echo {
 public:
  static constexpr std::uint32_t kDeviceId = 1;
  using Echo::Echo;
};

/// And as a console.
class EchoConsole : public EchoNet {
 public:
  static constexpr std::uint32_t kDeviceId = 3;
  using EchoNet::EchoNet;
};

struct Shape {
  std::uint32_t id = 2;
  std::uint16_t queues = 1;
};

struct Sizes {
  std::uint32_t data_bytes = 64u << 10;
  std::uint32_t max_parcel = 16u << 10;
  std::uint32_t max_chain = 0;
};

/// The device's domain.
class DeviceSide {
 public:
  using Port = test::ArgoPort;
  using Ends = app::ArgoDeviceEnd<Port>;

  DeviceSide(argo::broker::House& house, EchoConsole& model, const Shape& shape, const Sizes& sizes)
      : port(house, 2, 4u << 20),
        bitmap_(virtio::Arena::bitmap_words(port.memory().size())),
        ends_(std::make_unique<Ends>(port, options(sizes), bitmap_,
                                     virtio::courier::DeviceEndOptions{.max_chain = sizes.max_chain})),
        bus_(std::make_unique<Bus>(ends_->end)) {
    using Ref = virtio::msg::DeviceRef<RegionMemory>;
    const auto ref = shape.id == 1   ? Ref(static_cast<EchoNet&>(model))
                     : shape.id == 3 ? Ref(model)
                                     : Ref(static_cast<Echo&>(model));
    (void)bus_->add(ref, {}, 3);
  }

  void step() {
    while (bus_->step()) continue;
    (void)bus_->prepare_to_wait();
  }
  auto& link() { return ends_->link; }
  auto& end() { return ends_->end; }

  static argo::LinkOptions options(const Sizes& sizes) {
    return {.role = argo::Role::kDevice,
            .peer = 1,
            .data_bytes = sizes.data_bytes,
            .max_parcel = sizes.max_parcel,
            .silence = seconds(1)};
  }

  Port port;

 private:
  using Bus = virtio::msg::DeviceBus<Ends::End>;
  std::vector<std::uint64_t> bitmap_;
  std::unique_ptr<Ends> ends_;
  std::unique_ptr<Bus> bus_;
};

class World {
 public:
  explicit World(const Sizes& sizes = {}, const Shape& shape = {})
      : model(shape.queues),
        own_shape(shape),
        own_sizes(sizes),
        house(test::allow_all()),
        port_(house, 1, 1u << 20) {
    linux_bus::Driver::wanted = model.count;
    const kernel_port calls{
        this,
        [](void* self, std::uint32_t op, void* arg1, void* arg2, std::uint32_t arg3, std::uint32_t arg4) {
          return static_cast<World*>(self)->hypercall(op, arg1, arg2, arg3, arg4);
        },
        [](void* self, const void* at) {
          return static_cast<World*>(self)->port_.frame(static_cast<const std::byte*>(at));
        },
        nullptr};
    const kernel_link_options options{true,          2, 0, 16u << 10, sizes.data_bytes, sizes.max_parcel,
                                      seconds(1).ns, 7};
    const std::size_t rings = (24u << 10) + sizes.data_bytes;
    staging_ = port_.memory().subspan(rings);
    end = kernel_end_new(&calls, &options, port_.memory().data(), rings);
    self_ = this;
    stub_while_waiting = [] { self_->wait_step(); };
  }
  ~World() {
    if (end != nullptr) unload();
    stub_while_waiting = nullptr;
  }
  void unload() {
    kernel_end_free(std::exchange(end, nullptr));
    stub_run();
  }

  void start_device() { device.emplace(house, model, own_shape, own_sizes); }
  /// Without a word: its domain stays, deaf.
  void stop_device() {
    device->port.dead = true;
    device.reset();
  }

  /// A millisecond: both sides do what they have to do.
  void step() {
    if (device) device->step();
    if (also) also();
    deliver();
    stub_pass_us(1000);
    house.advance(milliseconds(1));
    stub_run();
  }
  template <class Done>
  bool until(Done done, unsigned ms = 5000) {
    for (unsigned n = 0; n < ms; ++n) {
      if (done()) return true;
      step();
    }
    return done();
  }
  bool up() { return kernel_end_state(end) == KERNEL_UP; }
  bool ready() {
    return until([] { return !linux_bus::Driver::queues.empty(); });
  }
  std::optional<std::pair<std::uint32_t, std::uint32_t>> completion(unsigned queue = 0, unsigned ms = 2000) {
    std::optional<std::pair<std::uint32_t, std::uint32_t>> done;
    (void)until([&] { return (done = linux_bus::Driver::completion(queue)).has_value(); }, ms);
    return done;
  }

  EchoConsole model;
  Shape own_shape;
  Sizes own_sizes;
  argo::broker::House house;
  std::optional<DeviceSide> device;
  std::function<void()> also;
  kernel_end* end = nullptr;
  std::vector<std::size_t> payloads;           ///< Of each sendv of the kernel's on its data ring.
  std::optional<std::int32_t> refuse;          ///< What Xen says to those, instead.
  unsigned refusals = UINT_MAX;                ///< So many times.
  std::optional<std::int32_t> refuse_control;  ///< And to those on its control ring.
  std::uint64_t hypercalls = 0;

 private:
  void deliver() {
    if (port_.take_signal() && end != nullptr) kernel_end_signal(end);
  }
  void wait_step() {
    if (device) device->step();
    if (also) also();
    house.advance(milliseconds(1));
    deliver();
    if (end != nullptr) kernel_end_pump(end);
  }

  /// The kernel's memory is all memory; that of a domain here is a window. So what lies outside is copied there.
  std::int64_t hypercall(std::uint32_t op, void* arg1, void* arg2, std::uint32_t arg3, std::uint32_t arg4) {
    std::size_t used = 0;
    const auto borrow = [&](const void* from, std::size_t bytes) -> std::byte* {
      if (bytes > staging_.size() - used) std::abort();
      const auto copy = staging_.subspan(used, bytes);
      std::memcpy(copy.data(), from, bytes);
      used += (bytes + 15) / 16 * 16;
      return copy.data();
    };
    const auto command = static_cast<argo::Command>(op);
    ++hypercalls;
    if (command == argo::Command::kSendv) {
      std::vector<argo::wire::Iov> iovs(arg3);
      std::memcpy(iovs.data(), arg2, arg3 * sizeof(argo::wire::Iov));
      std::size_t bytes = 0;
      for (auto& iov : iovs) {
        bytes += iov.iov_len;
        iov.iov_hnd = reinterpret_cast<std::uintptr_t>(
            borrow(reinterpret_cast<const void*>(static_cast<std::uintptr_t>(iov.iov_hnd)), iov.iov_len));
      }
      if (arg4 >> 8 != 0x485700) {
        if (refuse && refusals != 0) return --refusals, *refuse;
        payloads.push_back(bytes);
      } else if (refuse_control) {
        return *refuse_control;
      }
      return port_.hypercall(command, borrow(arg1, sizeof(argo::wire::SendAddress)),
                             borrow(iovs.data(), iovs.size() * sizeof(argo::wire::Iov)), arg3, arg4);
    }
    if (arg1 == nullptr) return port_.hypercall(command, nullptr, nullptr, arg3, arg4);
    const std::size_t first =
        command == argo::Command::kNotify ? sizeof(argo::wire::RingData) : sizeof(argo::wire::RegisterRing);
    std::byte* const what = borrow(arg1, first);
    void* const list = arg2 != nullptr ? borrow(arg2, arg3 * sizeof(le64)) : nullptr;
    const auto raw = port_.hypercall(command, what, list, arg3, arg4);
    std::memcpy(arg1, what, first);
    return raw;
  }

  static inline World* self_ = nullptr;
  test::ArgoPort port_;
  std::span<std::byte> staging_;
};

}  // namespace linux_argo
