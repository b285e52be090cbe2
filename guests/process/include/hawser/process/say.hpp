// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Where a process's sentences go.
#pragma once

#include <functional>
#include <string_view>

namespace hawser::process {

/// One sentence a call, without a line's end. Must not throw.
using Say = std::function<void(std::string_view)>;

}  // namespace hawser::process
