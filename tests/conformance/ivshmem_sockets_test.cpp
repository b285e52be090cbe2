// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The ivshmem link between two clients of a real server under test.
#include "conformance/ivshmem_sockets.hpp"

#define HAWSER_LINKS_UNDER_TEST SocketPair
#include "conformance/suite.hpp"
