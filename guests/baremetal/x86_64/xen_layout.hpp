// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The size of the part of Xen's shared page that differs between architectures (Xen's arch-x86/xen.h).
#pragma once

#include <cstddef>

namespace hawser::guest::xen {

inline constexpr std::size_t kVcpuInfoBytes = 64;
inline constexpr std::size_t kVcpuInfos = 32;

}  // namespace hawser::guest::xen
