// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// An image that begins anew in place, as after a crash that nobody cleans up behind: the hypervisor is told nothing, so
// rings stay registered, event channels bound, and interrupts pending. For where nobody restarts a domain (Xen dom0less).
#pragma once

#include <hawser/transport/time.hpp>

/// Before the definition of a global: it keeps its value over a restart. Zero at the first start, so it has to be
/// initialized to zeros.
#define HAWSER_GUEST_SURVIVES [[gnu::section(".bss.surviving")]]

namespace hawser::guest {

/// Does nothing for `silence`, then begins the image as if it had just been loaded: all memory of its own is as it was
/// then, but for what survives. Memory outside the image (Machine::spare_memory()) stays as it is. Only on aarch64;
/// elsewhere the run ends with a line that says so.
[[noreturn]] void restart(Duration silence);

/// How often that was done.
std::uint32_t restarts();

}  // namespace hawser::guest
