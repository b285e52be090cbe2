// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One parser for each kind of device, and what they share.
#pragma once

#include "words.hpp"

#include <hawser/process/served.hpp>

#include <string_view>

namespace hawser::process {

using DeviceRef = virtio::msg::DeviceRef<RegionMemory>;

MakeServed parse_blk(const Words& words, bool shares_fate);
MakeServed parse_net(const Words& words, unsigned place);
MakeServed parse_console(const Words& words);
MakeServed parse_rng(const Words& words);

/// Throws: the kind of device has no such option.
[[noreturn]] void unknown_word(std::string_view kind, const Word& word);

}  // namespace hawser::process
