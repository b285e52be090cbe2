// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The loopback link under test; built once with each of its forms.
#include "conformance/loopback_pairs.hpp"

#define HAWSER_LINKS_UNDER_TEST \
  LoopbackShared, LoopbackCopied, LoopbackFixedSlots, LoopbackLate, LoopbackSpurious
#include "conformance/suite.hpp"
