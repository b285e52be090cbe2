// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/driver/blk_types.hpp>

namespace hawser::virtio::driver {

const char* describe(BlkError error) {
  switch (error) {
    case BlkError::kNotStarted:
      return "the block driver has not been started";
    case BlkError::kTableFull:
      return "the block driver's table of requests is full";
    case BlkError::kNotWholeSectors:
      return "the length is zero or not a multiple of 512 bytes";
    case BlkError::kOutsideTheDisk:
      return "the range does not lie on the disk";
    case BlkError::kBufferOutsideTheRegion:
      return "the buffer does not lie in memory that the device sees";
    case BlkError::kReadOnly:
      return "the disk is read-only";
    case BlkError::kNotOffered:
      return "the device does not offer this kind of request";
    case BlkError::kDeviceError:
      return "the device reports an input/output error";
    case BlkError::kUnsupported:
      return "the device says that it does not support the request";
    case BlkError::kBadStatus:
      return "the device left no status, or one that does not exist";
    case BlkError::kShortRead:
      return "the device reports success but says that it wrote less than was asked for";
    case BlkError::kStalledTooLong:
      return "the device did not come back within the stated time";
    case BlkError::kCancelled:
      return "the driver was stopped before the request ended";
    case BlkError::kTimeout:
      return "the device did not answer in time";
    case BlkError::kNotRunning:
      return "the device is not there or broke the protocol";
    case BlkError::kNoMemory:
      return "the arena has no room for a buffer";
  }
  return "an unknown block error";
}

}  // namespace hawser::virtio::driver
