// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/driver/rng.hpp>

namespace hawser::virtio::driver {

const char* describe(RngError error) {
  switch (error) {
    case RngError::kNotRunning:
      return "the entropy device is not there or broke the protocol";
    case RngError::kTimeout:
      return "the entropy device did not answer in time";
    case RngError::kCancelled:
      return "the wait for the entropy device was cancelled";
    case RngError::kGaveNothing:
      return "the entropy device answers without giving a single byte";
  }
  return "an unknown entropy error";
}

}  // namespace hawser::virtio::driver
