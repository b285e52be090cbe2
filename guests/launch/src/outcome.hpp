// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How a boot went, and its verdict.
#pragma once

#include "tell.hpp"

#include <hawser/launch/boot.hpp>
#include <hawser/launch/report.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::launch {

struct Outcome {
  const Clock::time_point start = Clock::now();
  std::vector<Row> rows;
  std::optional<int> end_status;  ///< Of the driver side.
  bool stopped = false;           ///< By a signal.
  std::string failure;            ///< A sentence; empty: none.

  bool over() const { return end_status || stopped || !failure.empty(); }

  /// A line of the driver side's console.
  void take_driver_line(std::string_view line);
};

/// Ends the run when nobody is left who would read its results.
void expect_reader(Outcome& outcome);

/// Prints the table or the JSON, names what is wrong, and returns the status of boot().
int conclude(const BootOptions& options, Outcome outcome);

/// One of the guest images. Installed ones lie in IMAGES/ARCH, a build's in IMAGES/guest-ARCH/guests/baremetal. Throws
/// std::runtime_error with one sentence if it is missing.
std::filesystem::path find_image(const BootOptions& options, const std::string& file, Arch arch);

/// Both sides as domains of one Xen machine: boot() for the links that are Xen's.
int boot_xen(const BootOptions& options);

}  // namespace hawser::launch
