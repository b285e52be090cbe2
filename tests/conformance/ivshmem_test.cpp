// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The ivshmem link under test.
#include "conformance/ivshmem_pairs.hpp"

#define HAWSER_LINKS_UNDER_TEST WindowPlain, WindowSelfDescribing, WindowReboots
#include "conformance/suite.hpp"
