// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// An image's argument placement=WORD.
#pragma once

#include <hawser/virtio/placement.hpp>

#include <hawser/transport/link.hpp>

namespace hawser::app {

/// What it asks for on a link of this visibility. Refused: after a line that says why.
template <class Machine>
virtio::WantedPlacement placement(const Machine& machine, Visibility visibility) {
  const auto wanted =
      virtio::wanted_placement(machine.arguments().value("placement").value_or("auto"), visibility);
  if (wanted.refused != nullptr) machine.console().print("placement=: ", wanted.refused, "\n");
  return wanted;
}

}  // namespace hawser::app
