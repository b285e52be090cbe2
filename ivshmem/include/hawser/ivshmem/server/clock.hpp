// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#pragma once

#include <hawser/transport/time.hpp>

#include <ctime>

namespace hawser::ivshmem {

inline Instant monotonic_now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return {static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec)};
}

}  // namespace hawser::ivshmem
