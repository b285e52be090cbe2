// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A console driver, a console device, and behind each port a tape that a test reads and writes.
#pragma once

#include <hawser/virtio/device/console.hpp>
#include <hawser/virtio/driver/console.hpp>

#include "support/direct_transport.hpp"

#include <array>
#include <deque>
#include <string>
#include <string_view>

namespace hawser::test {

/// What the driver wrote and what it will read, with as much room as a test says.
class Tape {
 public:
  std::string to_driver;
  std::string from_driver;
  std::size_t room = SIZE_MAX;  ///< Bytes that write() still takes.
  std::size_t step = SIZE_MAX;  ///< Most bytes in one read() or write().
  bool somebody = true;
  mutable std::deque<bool> next;  ///< What connected() answers before it answers `somebody`.
  bool opened = false;
  bool watched = false;  ///< Input would wake somebody.
  virtio::device::ConsoleSize window;

  std::size_t read(std::span<std::byte> out) {
    const std::size_t bytes = std::min({out.size(), to_driver.size(), step});
    std::memcpy(out.data(), to_driver.data(), bytes);
    to_driver.erase(0, bytes);
    return bytes;
  }
  std::size_t write(std::span<const std::byte> in) {
    const std::size_t bytes = std::min({in.size(), room, step});
    from_driver.append(reinterpret_cast<const char*>(in.data()), bytes);
    room -= room == SIZE_MAX ? 0 : bytes;
    return bytes;
  }
  bool writable() const { return room != 0; }
  bool connected() const {
    if (next.empty()) return somebody;
    const bool answer = next.front();
    next.pop_front();
    return answer;
  }
  virtio::device::ConsoleSize size() const { return window; }
  void driver_open(bool on) { opened = on; }
  void want_input(bool on) { watched = on; }
};

static_assert(virtio::device::ConsoleBackend<Tape>);

inline constexpr std::uint16_t kTestPorts = 3;
using ConsoleModel = virtio::device::Console<RegionMemory, Tape, kTestPorts>;

struct ConsolePair {
  using Transport = DirectTransport<ConsoleModel>;
  using Driver = virtio::driver::Console<Transport, kTestPorts>;

  explicit ConsolePair(const virtio::driver::ConsoleDriverOptions& options = {},
                       virtio::Features queue_features = virtio::kQueueFeatures)
      : transport(region, model, queue_features), driver(options) {}

  bool start() {
    const bool ok = driver.start(transport).ok();
    settle();
    return ok;
  }
  /// Until neither side has anything to say.
  void settle() {
    for (int n = 0; n < 8; ++n) {
      transport.serve_all();
      (void)driver.poll();
    }
  }
  std::string read(std::uint16_t port, std::size_t most = 10000) {
    std::string got(most, '\0');
    transport.serve_all();
    got.resize(driver.read(port, std::as_writable_bytes(std::span(got))));
    return got;
  }
  std::size_t write(std::uint16_t port, std::string_view text) {
    const std::size_t done = driver.write(port, std::as_bytes(std::span(text)));
    transport.serve();
    return done;
  }

  std::array<Tape, kTestPorts> tapes;
  std::array<virtio::device::ConsolePortConfig<Tape>, kTestPorts> configs{{
      {&tapes[0], "console", true},
      {&tapes[1], "log", false},
      {&tapes[2], "", true},
  }};
  ConsoleModel model{configs};
  TestRegion region{std::size_t{4} << 20};
  Transport transport;
  Driver driver;
};

}  // namespace hawser::test
