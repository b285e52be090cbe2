// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Numbers on the command line, and paths of sockets: each option says what it accepts, and anything else is one sentence.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::cli {

/// Decimal digits alone, from `least` to `most`.
CLI::Validator whole(std::uint64_t least, std::uint64_t most);

/// 4096, 64K, 16M, 1G, 2T, from `least` to `most`; becomes the number of bytes.
CLI::Validator size(std::uint64_t least, std::uint64_t most);

/// The same for a window: a power of two.
CLI::Validator window_size(std::uint64_t least, std::uint64_t most);

/// What Linux takes as the path of a socket.
CLI::Validator socket_path();

/// 500us, 2ms, 1s; becomes the number of nanoseconds.
CLI::Validator duration();

/// Seconds with a decimal point if need be, from 0 to `most`; nothing if `text` is anything else.
std::optional<double> decimal_seconds(std::string_view text, double most);

}  // namespace hawser::cli
