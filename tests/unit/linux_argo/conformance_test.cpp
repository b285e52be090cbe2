// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The kernel module's end under test, with another of its kind and with the core's.
#include "test_link.hpp"

#include "conformance/argo_pairs.hpp"

namespace hawser::conformance {

using test::AnyArgoLink;
using test::ArgoPort;
using test::Ends;
using Kernels = ArgoPair<Death::kDestroyed, argo::broker::House::Time::kVirtual, 16u << 10,
                         AnyArgoLink<ArgoPort, Ends::kKernels>>;
using KernelDrives = ArgoPair<Death::kDestroyed, argo::broker::House::Time::kVirtual, 16u << 10,
                              AnyArgoLink<ArgoPort, Ends::kKernelDrives>>;
using KernelStops = ArgoPair<Death::kStopped, argo::broker::House::Time::kVirtual, 4u << 10,
                             AnyArgoLink<ArgoPort, Ends::kKernelDrives>>;

}  // namespace hawser::conformance

TYPE_TO_STRING_AS("Argo in the kernel", hawser::conformance::Kernels);
TYPE_TO_STRING_AS("Argo, the kernel drives", hawser::conformance::KernelDrives);
TYPE_TO_STRING_AS("Argo, the kernel drives, domains that stop", hawser::conformance::KernelStops);

#define HAWSER_LINKS_UNDER_TEST Kernels, KernelDrives, KernelStops
#include "conformance/suite.hpp"
