// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Words for QEMU's command line.
#pragma once

#include <string>
#include <vector>

namespace hawser::launch {

/// A value in QEMU's option syntax: a comma inside is written twice. Throws std::runtime_error for a newline.
std::string option_value(const std::string& value);

/// For -smp: one processor, and room for another. TCG (7.2) leaves all memory barriers out of a machine that can never
/// have a second processor, for whom else could they be? For another QEMU that has the same memory mapped: without them
/// "publish, then look whether to wake" may be reordered by the host's processor, and a wake-up is lost.
inline constexpr const char* kOneOfTwoProcessors = "1,maxcpus=2";

/// A guest's command line. Throws std::runtime_error if a word contains a space.
std::string one_line(const std::vector<std::string>& words);

}  // namespace hawser::launch
