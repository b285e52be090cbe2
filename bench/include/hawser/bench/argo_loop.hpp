// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a courier costs on top of Argo, in one domain that speaks to itself, on one processor: requests of several sizes
// through two couriers, beside bare sendv of the same bytes and the cheapest hypercall, in the same run. Freestanding:
// runs on Xen as well as over the broker's engine.
#pragma once

#include <hawser/argo/calls.hpp>
#include <hawser/argo/link.hpp>
#include <hawser/argo/ring.hpp>
#include <hawser/bench/one_queue.hpp>
#include <hawser/virtio/courier/device_end.hpp>
#include <hawser/virtio/courier/driver_end.hpp>
#include <hawser/virtio/msg/device_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace hawser::bench {

/// One figure of the run. `bytes` is the payload of one request or message.
struct ArgoFigure {
  std::string_view name;  ///< "hypercall", "sendv", "to-device", "to-driver"
  std::uint32_t bytes = 0;
  std::uint32_t depth = 1;
  std::uint64_t count = 0;
  std::uint64_t ns = 0;          ///< Of all of them together.
  std::uint64_t hypercalls = 0;  ///< Of both sides.
  std::uint64_t copied = 0;  ///< Bytes that couriers and staging copied; the hypervisor's copy comes on top.
};

/// A port that lets the other side of the same program work where it would sleep.
template <argo::Port P>
class LoopPort {
 public:
  explicit LoopPort(P& port) : port_(port) {}
  std::span<std::byte> memory() const { return port_.memory(); }
  std::uint64_t frame(const std::byte* page) const { return port_.frame(page); }
  std::int64_t hypercall(argo::Command command, void* a, void* b, std::uint32_t c, std::uint32_t d) {
    ++hypercalls;
    return port_.hypercall(command, a, b, c, d);
  }
  bool take_signal() { return port_.take_signal(); }
  Wake wait(Instant until) {
    if (step != nullptr && std::exchange(inside_, true) == false) {
      step(context);
      inside_ = false;
    }
    return now() >= until ? Wake::kTimeout : Wake::kRung;
  }
  Instant now() const { return port_.now(); }

  std::uint64_t hypercalls = 0;
  void (*step)(void*) = nullptr;
  void* context = nullptr;

 private:
  P& port_;
  bool inside_ = false;
};

/// Uses each request up at once: looks at no readable byte, says that it wrote all that it may.
class Consumer : public OneQueue<128> {
 public:
  virtio::Work service(std::uint16_t) {
    for (;;) {
      auto chain = queue().try_take(segments_);
      if (!chain.ok()) break;
      const auto all = static_cast<std::uint32_t>(chain->writable_bytes());
      queue().complete(std::move(chain).value(), all);
    }
    return {.more = false, .notify = queue().publish()};
  }

 private:
  std::array<virtio::Segment, 8> segments_;
};

/// Everything that a run needs but the port's memory, half of which each side gets. Large: make it static.
template <argo::Port P>
class ArgoLoop {
 public:
  using Port = LoopPort<P>;
  using Link = argo::Link<Port>;
  using DriverEnd = virtio::courier::DriverEnd<Link, 4, 256, 2048>;
  using DeviceEnd = virtio::courier::DeviceEnd<Link, 4, 128>;

  static constexpr argo::LinkOptions options(argo::Role role, std::uint16_t self) {
    return {.role = role, .peer = self, .number = 0x400, .data_bytes = 1u << 20, .silence = seconds(60)};
  }

  /// @param self    the port's own domain.
  /// @param bitmap  Arena::bitmap_words(memory) words for either side.
  ArgoLoop(P& port, std::uint16_t self, std::span<std::uint64_t> driver_bitmap,
           std::span<std::uint64_t> device_bitmap)
      : self_(self),
        port_(port),
        driver_link_(port_, half(0).first(kOwn), options(argo::Role::kDriver, self)),
        device_link_(port_, half(1).first(kOwn), options(argo::Role::kDevice, self)),
        driver_end_(driver_link_, half(0).subspan(kOwn)),
        device_end_(device_link_, {half(1).subspan(kControl), half(1).subspan(kOwn), device_bitmap},
                    {.max_chain = 2u << 20}),
        driver_bus_(driver_end_),
        device_bus_(device_end_),
        arena_(Offset(0), driver_end_.region().size(), driver_bitmap),
        device_(driver_bus_, 0, arena_) {}

  /// Memory that it takes.
  static constexpr std::size_t kMemory = 24u << 20;

  /// Measures and gives each figure to `row(const ArgoFigure&)`. False: something did not work; `why()` says what.
  template <class Row>
  bool run(Row&& row, Duration each = milliseconds(100)) {
    if (!bare(row, each)) return fail("bare Argo did not work");
    port_.step = [](void* self) { (void)static_cast<ArgoLoop*>(self)->device_bus_.step(); };
    port_.context = this;
    if (!device_bus_.add(virtio::msg::DeviceRef<RegionMemory>(consumer_)).ok())
      return fail("no room on the bus");
    if (!driver_bus_.wait_up(port_.now() + seconds(5)).ok()) return fail("the link did not come up");
    if (!device_.negotiate(virtio::kQueueFeatures).ok()) return fail("the device did not start");
    auto queue = device_.start_queue(0, 128, slots_);
    if (!queue.ok() || !device_.start().ok()) return fail("the queue did not start");
    queue_ = std::move(*queue);
    for (const std::uint32_t bytes : kSizes) {
      const auto at = arena_.allocate(std::uint64_t{bytes} + 64);
      if (!at) return fail("no room for a buffer");
      for (const std::uint32_t depth : kDepths) {
        if (!fits(bytes, depth)) continue;
        if (!requests(row, "to-device", bytes, 1, *at, bytes, depth, each))
          return fail("requests did not come back");
        if (!requests(row, "to-driver", 16, bytes, *at, bytes, depth, each))
          return fail("requests did not come back");
      }
      arena_.release(*at, std::uint64_t{bytes} + 64);
    }
    return true;
  }
  const char* why() const { return why_; }

  /// Of a whole run: the hypercall, sendv of each size, requests to and from the device.
  static constexpr unsigned figures() {
    unsigned all = 1 + kSizes.size();
    for (const std::uint32_t bytes : kSizes)
      for (const std::uint32_t depth : kDepths) all += fits(bytes, depth) ? 2 : 0;
    return all;
  }

 private:
  static constexpr std::array<std::uint32_t, 5> kSizes = {64, 1500, 4096, 64 * 1024, 1024 * 1024};
  static constexpr std::array<std::uint32_t, 2> kDepths = {1, 32};
  static constexpr bool fits(std::uint32_t bytes, std::uint32_t depth) {
    return depth * std::uint64_t{bytes} <= (2u << 20);
  }
  static constexpr std::size_t kControl = options(argo::Role::kDriver, 0).control_bytes;
  static constexpr std::size_t kOwn = argo::link_bytes(options(argo::Role::kDriver, 0));

  std::span<std::byte> half(unsigned which) const {
    const auto all = port_.memory();
    const std::size_t bytes = all.size() / 2 / argo::kPageBytes * argo::kPageBytes;
    return all.subspan(which * bytes, bytes);
  }

  bool fail(const char* why) {
    why_ = why;
    return false;
  }

  /// The cheapest hypercall, then messages from one ring of ours to another: sent, looked at, released.
  template <class Row>
  bool bare(Row&& row, Duration each) {
    const auto memory = half(0);
    argo::Calls<Port> calls(port_, memory.last(argo::scratch_bytes(0, 512) / 4096 * 4096 + 8192));
    ArgoFigure null{.name = "hypercall"};
    for (const Instant start = port_.now(); null.ns < each.ns;
         null.ns = elapsed(start, port_.now()).ns, ++null.count)
      if (!calls.notify().ok()) return false;
    row(null);
    const argo::RingId id{0x48575000, self_};
    const auto ring_memory = memory.first(options(argo::Role::kDriver, 0).data_bytes);
    (void)calls.unregister_ring(id);
    std::array<argo::ReceiveRing::Held, 4> held;
    argo::ReceiveRing ring(ring_memory, held);
    ring.clear();
    if (!calls.register_ring(id, ring_memory).ok()) return false;
    const std::uint32_t most = options(argo::Role::kDriver, 0).max_parcel;
    for (const std::uint32_t bytes : kSizes) {
      ArgoFigure figure{.name = "sendv", .bytes = bytes};
      const auto payload = memory.subspan(2u << 20, bytes);
      const std::uint64_t before = port_.hypercalls;
      for (const Instant start = port_.now(); figure.ns < each.ns;
           figure.ns = elapsed(start, port_.now()).ns, ++figure.count) {
        for (std::uint32_t at = 0; at < bytes; at += most) {
          const std::span<const std::byte> parts[] = {payload.subspan(at, std::min(most, bytes - at))};
          if (!calls.sendv(1, {id.port, self_}, parts, 1).ok()) return false;
          const auto message = ring.try_receive();
          if (!message.ok() || message->size() != parts[0].size()) return false;
          (void)ring.release(message->number);
        }
        // What a completion is at least: an answer of a few bytes.
        const std::span<const std::byte> answer[] = {payload.first(40)};
        if (!calls.sendv(1, {id.port, self_}, answer, 1).ok()) return false;
        const auto message = ring.try_receive();
        if (!message.ok()) return false;
        (void)ring.release(message->number);
      }
      figure.hypercalls = port_.hypercalls - before;
      row(figure);
    }
    return calls.unregister_ring(id).ok();
  }

  /// `depth` requests at a time, published together, all on the same buffer.
  template <class Row>
  bool requests(Row&& row, std::string_view name, std::uint32_t readable, std::uint32_t writable, Offset at,
                std::uint32_t bytes, std::uint32_t depth, Duration each) {
    const virtio::Segment in[] = {{at, readable}};
    const virtio::Segment out[] = {{readable == bytes ? at + bytes : at, writable}};
    ArgoFigure figure{.name = name, .bytes = bytes, .depth = depth};
    const std::uint64_t calls = port_.hypercalls;
    const std::uint64_t copies = copied();
    const Instant start = port_.now();
    const Instant patience = start + seconds(20);
    while (figure.ns < each.ns) {
      for (std::uint32_t n = 0; n < depth; ++n)
        if (!queue_.try_add(in, out, virtio::Token{n}).ok()) return false;
      if (queue_.publish()) device_.notify(0, queue_.next_offset());
      for (std::uint32_t back = 0; back < depth;) {
        (void)device_bus_.step();
        (void)driver_bus_.pump();
        for (auto done = queue_.try_reap(); done.ok(); done = queue_.try_reap()) {
          if (done->written != writable) return false;
          ++back;
        }
        (void)queue_.arm();
        if (port_.now() > patience) return false;
      }
      figure.count += depth;
      figure.ns = elapsed(start, port_.now()).ns;
    }
    figure.hypercalls = port_.hypercalls - calls;
    figure.copied = copied() - copies;
    row(figure);
    return true;
  }

  std::uint64_t copied() const {
    return driver_end_.courier_counters().bytes_copied + device_end_.courier_counters().bytes_copied +
           driver_link_.argo_counters().bytes_staged + device_link_.argo_counters().bytes_staged;
  }

  const std::uint16_t self_;
  Port port_;
  Link driver_link_, device_link_;
  DriverEnd driver_end_;
  DeviceEnd device_end_;
  virtio::msg::DriverBus<DriverEnd> driver_bus_;
  virtio::msg::DeviceBus<DeviceEnd> device_bus_;
  virtio::Arena arena_;
  Consumer consumer_;
  virtio::msg::DriverDevice<DriverEnd> device_;
  std::array<virtio::DriverSlot, 128> slots_;
  virtio::AnyDriverQueue<RegionMemory> queue_;
  const char* why_ = "";
};

}  // namespace hawser::bench
