// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// `hawser bench argo`: what a courier costs on top of Argo, over the broker's engine.
#pragma once

namespace hawser::bench {

struct ArgoOptions {
  bool json = false;
  unsigned milliseconds = 100;  ///< For each figure.
};

/// Measures and prints to standard output. 0; or 1 after one sentence on standard error.
int run_argo_bench(const ArgoOptions& options);

}  // namespace hawser::bench
