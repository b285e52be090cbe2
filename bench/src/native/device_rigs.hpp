// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Whole devices with their drivers, polled over ivshmem between two processes.
#pragma once

#include "pair.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace hawser::bench {

struct FrameRun {
  bool packed = true;
  std::size_t bytes = 64;
  bool back = false;  ///< From the driver to the device and back; otherwise the device drops what it took.
  std::uint16_t outstanding = 1;  ///< Frames on their way back, where they come back.
  std::uint16_t burst = 32;       ///< Frames of which the device is told at once.
};

/// A network device.
class FrameRig {
 public:
  virtual ~FrameRig() = default;
  virtual Run run(const FrameRun& run, unsigned units, Histogram* single) = 0;
};

struct ReadRun {
  bool packed = true;
  unsigned depth = 1;
};

/// A block device in the memory of its process: reads of 4 KiB here and there.
class ReadRig {
 public:
  virtual ~ReadRig() = default;
  virtual Run run(const ReadRun& run, unsigned units, Histogram* single) = 0;
};

// Both throw std::exception with a sentence when they can not be set up, and fork: no other thread may run.
std::unique_ptr<FrameRig> frame_rig(Cores cores);
std::unique_ptr<ReadRig> read_rig(Cores cores);

}  // namespace hawser::bench
