// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The devices that a process can serve, made from the words of --device.
#pragma once

#include <hawser/process/say.hpp>

#include <hawser/transport/memory.hpp>
#include <hawser/virtio/msg/device_ref.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::process {

/// Queues that a served device may have, all kinds.
inline constexpr std::uint16_t kMaxQueues = 16;

/// A device model with everything behind it.
class Served {
 public:
  virtual ~Served() = default;
  virtual virtio::msg::DeviceRef<RegionMemory> model() = 0;
  /// For a person: "block, 32 MiB of memory".
  virtual std::string describe() const = 0;
  /// Descriptors that become readable when the device should be served again. May be empty.
  virtual std::vector<int> wake_fds() const { return {}; }
  /// Called about ten times a second, for what announces itself by no descriptor: a file that grew.
  virtual void look() {}
};

/// Makes the device: opens files and interfaces. Throws std::runtime_error with one sentence if something is missing.
/// What goes wrong later is said to `say`.
using MakeServed = std::function<std::unique_ptr<Served>(const Say& say)>;

/// Checks the words and touches nothing. `place`: how many devices were named before; two of one kind then differ in
/// what must differ, such as the address. `shares_fate`: when this kernel goes, so does whoever drives the devices; if not,
/// what it has told a driver to be written must not be in its memory alone. Throws std::invalid_argument with one sentence.
MakeServed parse_served(std::string_view words, unsigned place = 0, bool shares_fate = true);

/// Lines for --help: what may be written.
std::string_view served_help();

}  // namespace hawser::process
