// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The devices that a process can serve, made from the words of --device.
#pragma once

#include <hawser/transport/memory.hpp>
#include <hawser/virtio/msg/device_ref.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::process {

/// A device model with everything behind it.
class Served {
 public:
  virtual ~Served() = default;
  virtual virtio::msg::DeviceRef<RegionMemory> model() = 0;
  /// For a person: "block, 32 MiB of memory".
  virtual std::string describe() const = 0;
  /// Descriptors that become readable when the device should be served again. May be empty.
  virtual std::vector<int> wake_fds() const { return {}; }
};

/// Throws std::invalid_argument (wrong words) or std::runtime_error (something is missing) with one sentence.
std::unique_ptr<Served> make_served(std::string_view words);

/// Lines for --help: what may be written.
std::string_view served_help();

}  // namespace hawser::process
