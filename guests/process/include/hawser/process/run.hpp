// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The two sides of a link as ordinary processes: what `hawser serve` and `hawser use` do.
#pragma once

#include <hawser/process/link_address.hpp>
#include <hawser/process/say.hpp>

#include <hawser/app/report.hpp>
#include <hawser/transport/time.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace hawser::process {

struct ServeOptions {
  LinkAddress link;
  std::vector<std::string> devices;
  ivshmem::QueueKind queue_kind = ivshmem::QueueKind::kSelfDescribing;
  Duration spin = microseconds(50);  ///< How long to keep looking after the last work before sleeping.
  Say say;
};

/// Serves until SIGTERM or SIGINT, and says true; false if somebody else already serves this link. A party that takes the
/// link later is waited for. Throws with one sentence if it can't begin: std::invalid_argument for wrong words.
bool serve(const ServeOptions& options);

struct UseOptions {
  LinkAddress link;
  std::uint64_t disk_bytes = 4 << 20;
  unsigned seconds = 0;
  Duration patience = hawser::seconds(30);
  bool split_only = false;  ///< Don't ask for packed queues.
  Say say;
  std::function<void(const app::Row&)> row;
};

/// True: every device verified. Ends early, with false, on SIGTERM and SIGINT.
bool use(const UseOptions& options);

}  // namespace hawser::process
