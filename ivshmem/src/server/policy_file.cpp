// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/policy_file.hpp>

#include <hawser/ivshmem/server/error.hpp>

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

namespace hawser::ivshmem {

std::string read_policy_file(const std::string& file) {
  struct stat st {};
  if (::stat(file.c_str(), &st) != 0) {
    Error::raise("the policy file {} cannot be read: {}", file, system_words(errno));
  }
  if (!S_ISREG(st.st_mode)) Error::raise("the policy file {} is not a regular file", file);
  if ((st.st_mode & S_IWOTH) != 0) {
    Error::raise("the policy file {} may be written by everybody (mode {:04o}): a policy must not", file,
                 st.st_mode & 07777);
  }
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) Error::raise("the policy file {} cannot be read: {}", file, system_words(errno));
  return text.str();
}

std::size_t for_each_table(std::string_view text, std::string_view file, std::string_view kind,
                           const std::function<void(const toml::table&)>& each) {
  toml::table root;
  try {
    root = toml::parse(text, file);
  } catch (const toml::parse_error& e) {
    Error::raise("{}:{}: not TOML: {}", file, e.source().begin.line, e.description());
  }
  for (const auto& [key, node] : root) {
    if (key.str() != kind) {
      Error::raise("{}:{}: unknown key \"{}\": expected only [[{}]] tables", file, node.source().begin.line,
                   key.str(), kind);
    }
  }
  const toml::node* node = root.get(kind);
  if (node == nullptr) return 0;
  const toml::array* list = node->as_array();
  if (list == nullptr || !list->is_array_of_tables()) {
    Error::raise("{}:{}: \"{}\" must be written as [[{}]] tables", file, node->source().begin.line, kind,
                 kind);
  }
  for (const toml::node& table : *list) each(*table.as_table());
  return list->size();
}

void expect_keys(const toml::table& table, std::string_view file, std::string_view kind,
                 std::span<const std::string_view> keys) {
  for (const auto& [key, node] : table) {
    if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
    Error::raise("{}:{}: unknown key \"{}\" in {}: expected one of {}", file, node.source().begin.line,
                 key.str(), kind, fmt::join(keys, ", "));
  }
}

}  // namespace hawser::ivshmem
