// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What an architecture has found out by the time that common code takes over.
#pragma once

#include "pci_bus.hpp"
#include "range.hpp"
#include "xen/domain.hpp"

#include <optional>
#include <string_view>

namespace hawser::guest {

/// Everything named here is mapped and stays where it is.
struct Boot {
  std::string_view command_line;
  Range initrd;
  Range spare_memory;
  std::optional<pci::Host> pci;
  std::optional<xen::Findings> xen;  ///< Where this machine is a Xen domain.
};

/// Runs the image and ends the machine with its result. Interrupts are set up and held off; the clock runs.
[[noreturn]] void run(const Boot& boot);

}  // namespace hawser::guest
