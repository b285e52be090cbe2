// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The descriptors that a link hands out: its sealed memory object, and eventfds.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>

#include <cstdint>
#include <string>

namespace hawser::ivshmem {

/// A memfd of `size` zero bytes that nobody can shrink, grow or unseal: a client that could would end every
/// other with SIGBUS. Its name, seen in /proc, says the link and the vectors: "hawser/LINK/v8".
/// @throws Error
UniqueFd make_sealed_memory(const std::string& link, std::uint64_t size, std::uint32_t vectors);

}  // namespace hawser::ivshmem
