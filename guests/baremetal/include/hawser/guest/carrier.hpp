// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Which of the machine's ways to another machine an image takes.
#pragma once

#include <hawser/guest/machine.hpp>

#include <cstdint>
#include <optional>

namespace hawser::guest {

enum class Carrier : std::uint8_t {
  kIvshmem,  ///< QEMU's device with doorbells: the first one.
  kXenShm,   ///< Memory that Xen shares: the first window.
};

/// What the argument link=ivshmem|xen-shm asks for; without it, the first of these that the machine has. Nothing, after
/// a line that says why, if there is none.
std::optional<Carrier> choose_carrier(Machine& machine);

/// The first ivshmem function with a doorbell, or without one; nullptr if there is none.
IvshmemPort* find_ivshmem(Machine& machine, bool with_doorbell);

}  // namespace hawser::guest
