// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The link over Argo, and Xen's hypercalls.
#include "argo_port.hpp"

#include <hawser/argo/link.hpp>

namespace hawser::freestanding {

static_assert(CopiedLink<argo::Link<ArgoPort>> && ManagedLink<argo::Link<ArgoPort>>);

}  // namespace hawser::freestanding

template class hawser::argo::Link<hawser::freestanding::ArgoPort>;
