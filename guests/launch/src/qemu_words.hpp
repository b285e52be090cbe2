// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Words for QEMU's command line.
#pragma once

#include <string>
#include <vector>

namespace hawser::launch {

/// A value in QEMU's option syntax: a comma inside is written twice. Throws std::runtime_error for a newline.
std::string option_value(const std::string& value);

/// A guest's command line. Throws std::runtime_error if a word contains a space.
std::string one_line(const std::vector<std::string>& words);

}  // namespace hawser::launch
