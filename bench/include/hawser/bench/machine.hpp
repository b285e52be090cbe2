// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The machine that figures are of: what a reader must know about it, and what tells it from another.
#pragma once

#include <hawser/bench/events.hpp>

#include <optional>
#include <string>

namespace hawser::bench {

/// Two processors that this process may run on.
struct Cores {
  int measuring = 0;
  int answering = 0;
};

/// The first two; nothing when there are not two.
std::optional<Cores> two_cores();
/// Those, if this process may run on both.
std::optional<Cores> these_cores(int measuring, int answering);

struct Machine {
  std::string id;    ///< Equal for runs on one machine, and hardly for two.
  std::string name;  ///< "Intel(R) Xeon(R) Processor, 2 processors, kvm"
  std::string cpu;
  int processors = 0;
  std::string hypervisor;  ///< "none" on the bare machine
  std::string kernel;
  std::string governor;  ///< of the first processor; "unknown"
  std::uint64_t memory_bytes = 0;
  Cores cores;
  double busy = 0;  ///< Share of the processors' time that went to others just before the run.
  std::string hawser;
  std::string compiler;
  bool optimized = true;
};

/// Looks for a moment how busy it is.
Machine this_machine(Cores cores, const std::string& hawser_version);

Json to_json(const Machine& machine);
Machine machine_from_json(const Json& json);  ///< Throws Malformed.

}  // namespace hawser::bench
