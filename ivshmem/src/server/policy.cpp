// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/policy.hpp>
#include <hawser/ivshmem/server/policy_file.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

namespace hawser::ivshmem {
namespace {

/// Reads one table of the file, and knows where it is when something is wrong.
class LinkReader {
 public:
  LinkReader(std::string_view file, const toml::table& table, const PolicyDefaults& defaults,
             const Names& names)
      : file_(file), table_(table), defaults_(defaults), names_(names) {}

  LinkPolicy read() {
    known_keys();
    LinkPolicy link;
    link.line = table_.source().begin.line;
    link.name = name();
    link.socket = text("socket").value_or(defaults_.socket);
    if (link.socket.empty()) {
      fail(table_, "link \"{}\" has no socket, and the server was given none to fall back on", link.name);
    }
    link.size = size();
    link.vectors = number("vectors", defaults_.vectors, check_vectors);
    link.max_peers = number("max-peers", defaults_.max_peers, check_max_peers);
    each("users", [&](const toml::node& n) { link.users.insert(id<uid_t>(n, "user", names_.user)); });
    each("groups", [&](const toml::node& n) { link.groups.insert(id<gid_t>(n, "group", names_.group)); });
    if (link.users.empty() && link.groups.empty()) {
      fail(table_, "link \"{}\" admits nobody: expected users = [...] or groups = [...]", link.name);
    }
    if (const toml::node* n = table_.get("socket-group")) {
      link.socket_group = id<gid_t>(*n, "group", names_.group);
      link.mode = 0660;
    }
    return link;
  }

 private:
  template <class... Args>
  [[noreturn]] void fail(const toml::node& where, fmt::format_string<Args...> format, Args&&... args) const {
    Error::raise("{}:{}: {}", file_, where.source().begin.line,
                 fmt::format(format, std::forward<Args>(args)...));
  }

  void known_keys() const {
    static constexpr std::array<std::string_view, 8> kKeys = {
        "name", "socket", "size", "vectors", "max-peers", "users", "groups", "socket-group"};
    expect_keys(table_, file_, "a link", kKeys);
  }

  std::optional<std::string> text(std::string_view key) const {
    const toml::node* n = table_.get(key);
    if (n == nullptr) return std::nullopt;
    auto value = n->value_exact<std::string>();
    if (!value) fail(*n, "\"{}\" must be a string", key);
    return value;
  }

  std::string name() const {
    const auto value = text("name");
    if (!value) fail(table_, "a link without a name: expected name = \"...\"");
    const bool plain =
        !value->empty() && value->size() <= 64 && std::all_of(value->begin(), value->end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                 c == '_' || c == '.';
        });
    if (!plain) {
      fail(*table_.get("name"), "a link's name has 1 to 64 letters, digits, dots, dashes and underscores");
    }
    return *value;
  }

  std::uint64_t size() const {
    const toml::node* n = table_.get("size");
    if (n == nullptr) return defaults_.size;
    try {
      if (const auto string = n->value_exact<std::string>()) return parse_memory_size(*string);
      if (const auto integer = n->value_exact<std::int64_t>(); integer && *integer >= 0) {
        check_memory_size(static_cast<std::uint64_t>(*integer));
        return static_cast<std::uint64_t>(*integer);
      }
    } catch (const Error& e) {
      fail(*n, "{}", e.what());
    }
    fail(*n, "\"size\" must be a number of bytes or a string such as \"16M\"");
  }

  std::uint32_t number(std::string_view key, std::uint32_t fallback, void (*check)(std::uint64_t)) const {
    const toml::node* n = table_.get(key);
    if (n == nullptr) return fallback;
    const auto value = n->value_exact<std::int64_t>();
    if (!value || *value < 0) fail(*n, "\"{}\" must be a positive number", key);
    try {
      check(static_cast<std::uint64_t>(*value));
    } catch (const Error& e) {
      fail(*n, "{}", e.what());
    }
    return static_cast<std::uint32_t>(*value);
  }

  template <class F>
  void each(std::string_view key, F&& f) const {
    const toml::node* n = table_.get(key);
    if (n == nullptr) return;
    const toml::array* list = n->as_array();
    if (list == nullptr)
      fail(*n, "\"{}\" must be a list of names and numbers, such as [\"alice\", 1001]", key);
    for (const toml::node& element : *list) f(element);
  }

  template <class Id, class Find>
  Id id(const toml::node& n, std::string_view kind, const Find& find) const {
    if (const auto number = n.value_exact<std::int64_t>()) {
      // The largest value means "none" in the kernel's interfaces.
      if (*number < 0 || *number >= std::int64_t{UINT32_MAX}) fail(n, "{} is not a {} number", *number, kind);
      return static_cast<Id>(*number);
    }
    const auto string = n.value_exact<std::string>();
    if (!string) fail(n, "a {} is a name or a number", kind);
    const auto found = find(*string);
    if (!found) fail(n, "there is no {} named \"{}\" on this system", kind, *string);
    return *found;
  }

  std::string_view file_;
  const toml::table& table_;
  const PolicyDefaults& defaults_;
  const Names& names_;
};

/// What can only be seen with all links side by side.
void check_together(std::string_view file, const Policy& policy) {
  std::map<std::string, const LinkPolicy*> by_name;
  for (const LinkPolicy& link : policy.links) {
    if (const auto [it, fresh] = by_name.emplace(link.name, &link); !fresh) {
      Error::raise("{}:{}: the name \"{}\" is already taken by the link in line {}", file, link.line,
                   link.name, it->second->line);
    }
  }
  for (const LinkPolicy& a : policy.links) {
    for (const LinkPolicy& b : policy.links) {
      if (&b >= &a || a.socket != b.socket) continue;
      if (a.socket_group != b.socket_group) {
        Error::raise("{}:{}: links \"{}\" and \"{}\" share a socket and must agree on its socket-group", file,
                     a.line, b.name, a.name);
      }
      for (const uid_t uid : a.users) {
        if (b.users.contains(uid)) {
          Error::raise(
              "{}:{}: uid {} belongs to both \"{}\" and \"{}\" on one socket: give each link its own socket",
              file, a.line, uid, b.name, a.name);
        }
      }
      for (const gid_t gid : a.groups) {
        if (b.groups.contains(gid)) {
          Error::raise(
              "{}:{}: gid {} belongs to both \"{}\" and \"{}\" on one socket: give each link its own socket",
              file, a.line, gid, b.name, a.name);
        }
      }
    }
  }
}

}  // namespace

Names Names::system() {
  return {
      [](const std::string& name) -> std::optional<uid_t> {
        const passwd* entry = ::getpwnam(name.c_str());
        return entry != nullptr ? std::optional(entry->pw_uid) : std::nullopt;
      },
      [](const std::string& name) -> std::optional<gid_t> {
        const ::group* entry = ::getgrnam(name.c_str());
        return entry != nullptr ? std::optional(entry->gr_gid) : std::nullopt;
      },
  };
}

Policy parse_policy(std::string_view text, std::string_view file, const PolicyDefaults& defaults,
                    const Names& names) {
  Policy policy;
  const auto count = for_each_table(text, file, "link", [&](const toml::table& table) {
    policy.links.push_back(LinkReader(file, table, defaults, names).read());
  });
  if (count == 0) Error::raise("{}:1: no [[link]] table: nobody could connect", file);
  check_together(file, policy);
  return policy;
}

Policy load_policy(const std::string& file, const PolicyDefaults& defaults, const Names& names) {
  return parse_policy(read_policy_file(file), file, defaults, names);
}

Policy default_policy(const PolicyDefaults& defaults) {
  if (defaults.socket.empty()) {
    throw Error("no socket given: expected --socket PATH, or a policy in which every link names its own");
  }
  LinkPolicy link;
  link.name = "default";
  link.socket = defaults.socket;
  link.size = defaults.size;
  link.vectors = defaults.vectors;
  link.max_peers = defaults.max_peers;
  link.users = {::geteuid(), 0};
  return {{link}};
}

Admission admit(std::span<const LinkPolicy* const> links, const Credentials& who) {
  for (const LinkPolicy* link : links) {
    if (link->users.contains(who.uid)) return {link, {}};
  }
  const LinkPolicy* found = nullptr;
  for (const LinkPolicy* link : links) {
    const bool member =
        link->groups.contains(who.gid) || std::any_of(who.groups.begin(), who.groups.end(),
                                                      [&](gid_t gid) { return link->groups.contains(gid); });
    if (!member) continue;
    if (found != nullptr) {
      return {nullptr, fmt::format("uid {} belongs by its groups to both \"{}\" and \"{}\" on this socket",
                                   who.uid, found->name, link->name)};
    }
    found = link;
  }
  if (found != nullptr) return {found, {}};
  return {nullptr, fmt::format("uid {} (gid {}) is a member of no link on this socket", who.uid, who.gid)};
}

}  // namespace hawser::ivshmem
