// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The module's end of a link (guests/linux/kmod/region.c) in a fake window, and a pair of it with the core's end.
#pragma once

#include <hawser/ivshmem/link.hpp>

extern "C" {
#include <region.h>
}

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <support/fake_port.hpp>
#include <vector>

namespace hawser::test {

/// A driver end as the carrier in the kernel holds it, its rings recorded. A killed party says nothing: destruction does
/// not leave.
class KernelEnd {
 public:
  explicit KernelEnd(FakeWindow& window, std::uint16_t id = 7, std::uint32_t link = 0,
                     std::uint32_t links_if_new = 1)
      : window_(window), port(window, id) {
    self_.outer = this;
    const hawser_window what{.memory = window.bytes().data(),
                             .bytes = window.bytes().size(),
                             .own_id = id,
                             .vectors = port.vectors(),
                             .doorbell = ring};
    hawser_region_init(&self_.region, &what, link, links_if_new, "kernel \xc3\xa4");
    note(hawser_region_start(&self_.region, window.now_ns));
  }

  hawser_region& region() { return self_.region; }
  bool up() const { return self_.region.state == HAWSER_REGION_UP; }
  Epoch epoch() const { return {self_.region.own_epoch, self_.region.seen}; }

  /// Polls, and admits as the carrier does once the bus is told.
  void poll() {
    note(hawser_region_poll(&self_.region, window_.now_ns));
    std::size_t mtu = 0;
    if (hawser_region_admit(&self_.region, hawser_region_up_count(&self_.region), &mtu)) this->mtu = mtu;
  }
  void leave() { hawser_region_leave(&self_.region); }

  int send(unsigned char fill, std::size_t bytes = 52) {
    std::vector<unsigned char> message(bytes, fill);
    return hawser_region_send(&self_.region, message.data(), bytes);
  }
  int receive() {
    std::array<unsigned char, 4096> to;
    const int got = hawser_region_receive(&self_.region, to.data(), to.size());
    return got < 0 ? got : to[0];
  }

  std::string events;
  std::size_t mtu = 0;

 private:
  struct Self {  // standard layout: the doorbell finds its way back
    hawser_region region;
    KernelEnd* outer;
  };
  static void ring(hawser_region* region, std::uint16_t peer, std::uint16_t vector) {
    reinterpret_cast<Self*>(region)->outer->port.ring(peer, vector);
  }
  void note(hawser_region_event event) {
    events += "\0udbrt"[event] == '\0' ? "" : std::string(1, "\0udbrt"[event]);
  }

  FakeWindow& window_;
  Self self_{};

 public:
  FakePort port;
};

/// The kernel drives, the core serves.
struct KernelPair {
  explicit KernelPair(ivshmem::QueueKind kind = ivshmem::QueueKind::kSelfDescribing,
                      std::size_t bytes = 1 << 20)
      : window(bytes), kind(kind) {}

  void start_driver(std::uint16_t id = 7) {
    driver.reset();
    driver.emplace(window, id);
  }
  void start_device(std::uint16_t id = 3) {
    device.reset();
    device_port.reset();
    device_port.emplace(window, id);
    device.emplace(*device_port, ivshmem::LinkOptions{
                                     .role = ivshmem::Role::kDevice, .queue_kind = kind, .name = "the core"});
  }
  /// Runs no destructor: nothing is said, nothing is cleaned up.
  void kill_device() {
    const auto before = window.words;
    device.reset();
    device_port.reset();
    window.words = before;
  }
  void run(unsigned milliseconds) {
    for (unsigned n = 0; n < milliseconds; ++n) {
      window.now_ns += 1'000'000;
      if (driver) driver->poll();
      if (device) note(device->poll());
    }
  }
  void both_start() {
    start_driver();
    start_device();
    run(200);
  }
  bool both_up() const { return driver && device && driver->up() && device->state() == LinkState::kUp; }

  bool device_sends(unsigned char fill) {
    std::array<std::byte, 64> m;
    std::memset(m.data(), fill, m.size());
    const std::span<const std::byte> part(m);
    return device->channel().try_send(std::span(&part, 1)).ok();
  }
  int device_receives() {
    std::array<std::byte, 64> m;
    return device->channel().try_receive(m).ok() ? static_cast<int>(m[0]) : -1;
  }

  FakeWindow window;
  ivshmem::QueueKind kind;
  std::optional<KernelEnd> driver;
  std::optional<FakePort> device_port;
  std::optional<ivshmem::Link<FakePort>> device;
  std::string device_events;

 private:
  void note(LinkEvent event) {
    if (event == LinkEvent::kWentUp) device_events += 'u';
    if (event == LinkEvent::kWentDown) device_events += 'd';
    if (event == LinkEvent::kBroke) device_events += 'b';
  }
};

}  // namespace hawser::test
