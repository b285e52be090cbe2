// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What all policy files have in common: nobody but their owner writes them, and they are a list of TOML tables of one kind.
#pragma once

#include <toml++/toml.h>

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace hawser::ivshmem {

/// Its text. @throws Error if it is no regular file, or one that everybody may write.
std::string read_policy_file(const std::string& file);

/// Calls `each` for every [[kind]] table of `text`, in order. @return how many there are.
/// @param file  its name, for sentences.
/// @throws Error where the text is anything else.
std::size_t for_each_table(std::string_view text, std::string_view file, std::string_view kind,
                           const std::function<void(const toml::table&)>& each);

/// @throws Error at a key of the table that is not among `keys`.
void expect_keys(const toml::table& table, std::string_view file, std::string_view kind,
                 std::span<const std::string_view> keys);

}  // namespace hawser::ivshmem
