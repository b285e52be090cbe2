// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/driver/transport.hpp>

namespace hawser::virtio {

const char* describe(TransportError error) {
  switch (error) {
    case TransportError::kTimeout:
      return "the device did not answer in time";
    case TransportError::kLinkDown:
      return "the link to the device is down";
    case TransportError::kNoSuchDevice:
      return "there is no such device";
    case TransportError::kRefusedFeatures:
      return "the device refused the features";
    case TransportError::kMissingVersion1:
      return "the device does not offer VIRTIO_F_VERSION_1";
    case TransportError::kNoSuchQueue:
      return "there is no such queue";
    case TransportError::kQueueRefused:
      return "the device refused the queue";
    case TransportError::kOutOfRange:
      return "outside the configuration space, or not writable there";
    case TransportError::kUnstableConfig:
      return "the configuration changed during each attempt";
    case TransportError::kNoMemory:
      return "no memory is left for the rings";
    case TransportError::kBadAnswer:
      return "the device's answer makes no sense";
    case TransportError::kNotPossible:
      return "not negotiated, or not possible on this link";
    case TransportError::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace hawser::virtio
