// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// MSI-X of one function (PCI Local Bus 3.0, 6.8.2): each vector gets an interrupt slot of its own.
#pragma once

#include "pci_bus.hpp"

#include <cstdint>

namespace hawser::guest::pci {

/// The function's vectors, as far as the machine could give each a slot.
struct MessageSlots {
  std::uint16_t vectors = 0;  ///< 0: no MSI-X, or no way to receive it here.
  unsigned first_slot = 0;    ///< Vector v is slot first_slot + v.
};

/// Routes and enables at most `wanted` vectors; those beyond stay masked. The function must be claimed.
MessageSlots enable_messages(const Function& function, const Bars& bars, std::uint16_t wanted);

}  // namespace hawser::guest::pci
