// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The Argo link under test, over the broker's engine in real time and with two threads.
#include "conformance/argo_pairs.hpp"

#define HAWSER_LINKS_UNDER_TEST ArgoThreads
#include "conformance/suite.hpp"
