// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The size of the part of Xen's shared page that differs between architectures (Xen's arch-arm.h).
#pragma once

#include <cstddef>

namespace hawser::guest::xen {

inline constexpr std::size_t kVcpuInfoBytes = 48;
inline constexpr std::size_t kVcpuInfos = 1;

}  // namespace hawser::guest::xen
