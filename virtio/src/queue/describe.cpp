// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The sentences behind the queue errors.
#include <hawser/virtio/queue/queue.hpp>

namespace hawser::virtio {

const char* describe(SetupError error) {
  switch (error) {
    case SetupError::kSizeIsZero:
      return "the queue size is 0";
    case SetupError::kSizeIsNotAPowerOfTwo:
      return "the size of a split queue is not a power of two";
    case SetupError::kSizeIsTooLarge:
      return "the queue size is more than 32768";
    case SetupError::kAreaIsOutsideTheRegion:
      return "an area of the queue does not lie inside the region";
    case SetupError::kAreaIsMisaligned:
      return "an area of the queue is not aligned as its format demands";
    case SetupError::kTooFewSlots:
      return "fewer driver slots were handed in than the queue has descriptors";
  }
  return "an unknown setup error";
}

const char* describe(QueueFault fault) {
  switch (fault) {
    case QueueFault::kNone:
      return "nothing is wrong";
    case QueueFault::kNotSetUp:
      return "the queue has not been set up";
    case QueueFault::kAvailableIndexRanAhead:
      return "the driver made more chains available than the queue has room for";
    case QueueFault::kDescriptorIndexOutOfRange:
      return "a descriptor index lies outside its table";
    case QueueFault::kChainTooLong:
      return "a chain has more descriptors or bytes than are acceptable";
    case QueueFault::kReadableAfterWritable:
      return "a device-readable descriptor follows a device-writable one";
    case QueueFault::kIndirectNotNegotiated:
      return "an indirect descriptor was used without VIRTIO_F_INDIRECT_DESC";
    case QueueFault::kIndirectInsideIndirect:
      return "an indirect table contains an indirect descriptor";
    case QueueFault::kIndirectWithNext:
      return "an indirect descriptor is linked to another descriptor";
    case QueueFault::kIndirectTableMalformed:
      return "an indirect table is empty, too long, no multiple of 16 bytes, or outside the region";
    case QueueFault::kChainNeverEnds:
      return "a chain runs past the descriptors that the driver made available";
    case QueueFault::kSegmentOutsideTheRegion:
      return "a buffer does not lie inside the region";
    case QueueFault::kChainNotCompleted:
      return "a chain was dropped without being completed";
    case QueueFault::kChainOfAnotherQueue:
      return "a chain was completed on a queue that it did not come from";
    case QueueFault::kCompletedOutOfOrder:
      return "a chain was completed out of order although VIRTIO_F_IN_ORDER was negotiated";
    case QueueFault::kUsedIndexRanAhead:
      return "the device used more chains than were in flight";
    case QueueFault::kUsedIdNotInFlight:
      return "the device used a chain that is not in flight";
    case QueueFault::kUsedLengthTooLong:
      return "the device says that it wrote more than it was allowed to";
    case QueueFault::kUsedOutOfOrder:
      return "the device used a chain out of order although VIRTIO_F_IN_ORDER was negotiated";
  }
  return "an unknown queue fault";
}

}  // namespace hawser::virtio
