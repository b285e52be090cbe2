// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// How the server comes to its links and doors: at the start, and again when its policy changes.
#include "server_impl.hpp"
#include "socket_io.hpp"

#include <hawser/ivshmem/server/clock.hpp>
#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

namespace hawser::ivshmem {
Server::Impl::Impl(ServerOptions options)
    : options_(std::move(options)), log_(options_.log), started_(monotonic_now()) {
  check_options();
  const Policy policy = read_policy();
  const std::uint64_t descriptors = raise_descriptor_limit();
  reserve_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!reserve_) Error::raise("the server cannot start: {}", system_words(errno));

  std::uint64_t needed = 32;
  for (const LinkPolicy& link : policy.links) {
    links_.push_back(std::make_unique<Link>(link));
    if (Door& door = doors_[link.socket]; !door.listener) door.listener = open_door(link);
    needed += std::uint64_t{link.max_peers} * (link.vectors + 1) + 2;
    warn_about(link);
  }
  if (!options_.status_socket.empty()) open_status();
  assign_links();
  if (const int why = watch_doors(); why != 0) Error::raise("the server cannot start: {}", system_words(why));
  if (needed > descriptors) {
    log_.say(
        "all peers together may need {} file descriptors and the limit is {}: the last ones will be refused",
        needed, descriptors);
  }
}

void Server::Impl::check_options() const {
  check_memory_size(options_.size);
  check_vectors(options_.vectors);
  check_max_peers(options_.max_peers);
}

PolicyDefaults Server::Impl::defaults() const {
  return {options_.socket, options_.size, options_.vectors, options_.max_peers};
}

Policy Server::Impl::read_policy() const {
  return options_.policy.empty() ? default_policy(defaults()) : load_policy(options_.policy, defaults());
}

void Server::Impl::warn_about(const LinkPolicy& link) {
  log_.say("link \"{}\" on {}: {}, {} vectors, at most {} peers", link.name, link.socket,
           format_size(link.size), link.vectors, link.max_peers);
  const std::uint64_t bells = std::uint64_t{link.max_peers} * link.vectors;
  if (bells > kIoeventfdWarning) {
    log_.say(
        "link \"{}\": {} peers x {} vectors = {} ioeventfds in each guest; under KVM, QEMU aborts at {}: use "
        "fewer vectors, or ioeventfd=off",
        link.name, link.max_peers, link.vectors, bells, kIoeventfdLimit);
  }
}

void Server::Impl::open_status() {
  if (doors_.contains(options_.status_socket)) {
    Error::raise("{} cannot be both a link's socket and the status socket", options_.status_socket);
  }
  status_ = std::make_unique<StatusPort>(options_.status_socket, loop_, kStatusToken);
}

std::unique_ptr<Listener> Server::Impl::open_door(const LinkPolicy& link) {
  for (const UniqueFd& fd : options_.inherited) {
    if (Listener::bound_path(fd.raw()) != link.socket) continue;
    // A copy: whatever becomes of this door, a later policy may want it again.
    UniqueFd copy(::fcntl(fd.raw(), F_DUPFD_CLOEXEC, 0));
    if (!copy) Error::raise("the socket {} cannot be taken over: {}", link.socket, system_words(errno));
    return std::make_unique<Listener>(link.socket, std::move(copy));
  }
  return std::make_unique<Listener>(link.socket, link.mode, link.socket_group);
}

void Server::Impl::assign_links() {
  for (auto& [path, door] : doors_) {
    door.links.clear();
    for (const auto& link : links_) {
      if (link->policy().socket == path) door.links.push_back(link.get());
    }
  }
}

int Server::Impl::watch_doors() {
  int first = 0;
  door_tokens_.clear();
  for (auto& [path, door] : doors_) {
    const std::uint64_t token = next_token_++;
    door_tokens_.emplace(token, &door);
    if (!loop_.try_watch(door.listener->fd(), EPOLLIN, token) && first == 0) first = errno;
  }
  return first;
}

void Server::Impl::watch_doors_or_try_again(Instant now) {
  try_doors_at_ = Instant::never();
  const int why = watch_doors();
  if (why == 0) return;
  log_.caused(now, "a new socket can't be watched yet: {}", system_words(why));
  try_doors_at_ = now + seconds(1);
}

std::string Server::Impl::unchangeable(const Policy& next) const {
  for (const auto& link : links_) {
    const LinkPolicy& old = link->policy();
    const auto it = std::find_if(next.links.begin(), next.links.end(),
                                 [&](const LinkPolicy& l) { return l.name == old.name; });
    if (it == next.links.end()) continue;
    const auto say = [&](std::string_view what) {
      return fmt::format("{}:{}: the {} of link \"{}\" cannot change while the server runs", options_.policy,
                         it->line, what, old.name);
    };
    if (it->size != old.size) return say("size");
    if (it->vectors != old.vectors) return say("number of vectors");
    if (it->socket != old.socket) return say("socket");
    if (it->socket_group != old.socket_group) return say("socket-group");
  }
  // A socket that stays has the rights that it was made with, whatever its links are called by now.
  for (const LinkPolicy& link : next.links) {
    if (std::any_of(links_.begin(), links_.end(), [&](const auto& old) {
          return old->policy().socket == link.socket && old->policy().socket_group != link.socket_group;
        })) {
      return fmt::format("{}:{}: the socket-group of {} cannot change while the server runs", options_.policy,
                         link.line, link.socket);
    }
  }
  return {};
}

void Server::Impl::reload() {
  if (options_.policy.empty()) return log_.say("asked to read the policy again, but there is none");
  const Instant now = monotonic_now();
  Policy next;
  std::vector<std::unique_ptr<Link>> made;
  std::map<std::string, Door> opened;
  try {
    next = read_policy();
    if (const std::string why = unchangeable(next); !why.empty()) throw Error(why);
    for (const LinkPolicy& link : next.links) {
      const bool old = std::any_of(links_.begin(), links_.end(),
                                   [&](const auto& l) { return l->policy().name == link.name; });
      if (!old) made.push_back(std::make_unique<Link>(link));
      if (!doors_.contains(link.socket) && !opened.contains(link.socket)) {
        opened[link.socket].listener = open_door(link);
      }
    }
  } catch (const Error& e) {
    return log_.say("{}; the old policy stays", e.what());
  }

  // From here on nothing can fail. First the old goes, with everybody in it.
  const auto keep = [&](const Link& link) -> const LinkPolicy* {
    const auto it = std::find_if(next.links.begin(), next.links.end(),
                                 [&](const LinkPolicy& l) { return l.name == link.policy().name; });
    return it == next.links.end() ? nullptr : &*it;
  };
  for (const auto& [key, c] : connections_) {
    if (keep(*c->link) == nullptr) doom(*c, "its link is no longer in the policy");
  }
  reap(now);
  std::erase_if(links_, [&](const auto& link) { return keep(*link) == nullptr; });
  for (const auto& link : links_) link->set_policy(*keep(*link));
  for (auto& link : made) links_.push_back(std::move(link));
  doors_.merge(opened);
  std::erase_if(doors_, [&](const auto& door) {
    if (std::any_of(next.links.begin(), next.links.end(),
                    [&](const LinkPolicy& l) { return l.socket == door.first; })) {
      return false;
    }
    // Others may hold an inherited socket too: closing ours would not end the watch.
    loop_.unwatch(door.second.listener->fd());
    return true;
  });
  for (auto& [path, door] : doors_) door.refused.clear();
  assign_links();
  door_tokens_.clear();
  if (!paused_) watch_doors_or_try_again(now);
  expel_strangers();
  reap(now);
  log_.say("read {} again: {} links", options_.policy, links_.size());
  for (const auto& link : links_) warn_about(link->policy());
}

void Server::Impl::expel_strangers() {
  for (const auto& [key, c] : connections_) {
    std::vector<const LinkPolicy*> policies;
    for (const auto& link : links_) {
      if (link->policy().socket == c->link->policy().socket) policies.push_back(&link->policy());
    }
    if (admit(policies, c->who).link != &c->link->policy()) {
      ++counts_.dropped;
      doom(*c, "the policy no longer admits it");
    }
  }
}

std::string Server::Impl::status() const {
  return status_line(links_, counts_, started_, monotonic_now());
}

}  // namespace hawser::ivshmem
