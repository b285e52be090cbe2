// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Who may join which link. Default deny: a policy names everybody that is let in.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::ivshmem {

/// Who is at the other end of a socket, as the kernel says (SO_PEERCRED, SO_PEERGROUPS).
struct Credentials {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  pid_t pid = 0;
  std::vector<gid_t> groups;  ///< supplementary ones
};

/// One link: its own memory object, ids and eventfds, shared with no other link.
struct LinkPolicy {
  std::string name;
  std::string socket;  ///< where its members connect; several links may share one
  std::uint64_t size = 0;
  std::uint32_t vectors = 0;
  std::uint32_t max_peers = 0;
  std::set<uid_t> users;
  std::set<gid_t> groups;
  mode_t mode = 0600;  ///< of the socket: 0600, or 0660 with a group
  std::optional<gid_t> socket_group;
  unsigned line = 0;  ///< in the file, for messages
};

struct Policy {
  std::vector<LinkPolicy> links;
};

/// What a link has when the file does not say; `socket` may be empty, then every link must say.
struct PolicyDefaults {
  std::string socket;
  std::uint64_t size = 0;
  std::uint32_t vectors = 0;
  std::uint32_t max_peers = 0;
};

/// Turns names into numbers; the system's own unless a test says otherwise.
struct Names {
  std::function<std::optional<uid_t>(const std::string&)> user;
  std::function<std::optional<gid_t>(const std::string&)> group;
  static Names system();
};

/// @param file  for messages only.
/// @throws Error "FILE:LINE: what is wrong and what was expected".
Policy parse_policy(std::string_view text, std::string_view file, const PolicyDefaults& defaults,
                    const Names& names = Names::system());

/// Reads the file first. Refuses one that everybody may write.
Policy load_policy(const std::string& file, const PolicyDefaults& defaults,
                   const Names& names = Names::system());

/// What holds without a file: one link named "default" for this process's own user and root.
Policy default_policy(const PolicyDefaults& defaults);

/// Picks the link that somebody belongs to, out of those that share a socket.
/// A user named by uid goes before one that belongs by group.
/// @return the link, or why none.
struct Admission {
  const LinkPolicy* link = nullptr;
  std::string reason;
};
Admission admit(std::span<const LinkPolicy* const> links, const Credentials& who);

}  // namespace hawser::ivshmem
