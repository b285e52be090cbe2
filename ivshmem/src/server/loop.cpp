// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The server at work. Nothing here throws on account of a client.
#include "server_impl.hpp"
#include "socket_io.hpp"

#include <hawser/ivshmem/server/clock.hpp>
#include <hawser/ivshmem/server/error.hpp>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace hawser::ivshmem {
namespace {

constexpr int kTickMs = 20;
constexpr int kAcceptsAtOnce = 32;

/// Per user, so that nobody can keep others out by knocking. Far above what a burst of starting guests needs.
constexpr std::size_t kMaxKnocking = 1024;

/// Refused connections that are kept open; the oldest goes first.
constexpr std::size_t kMaxRefused = 64;

}  // namespace

void Server::Impl::run(ServerControl& control) {
  loop_.run(control, {.timeout = [this](Instant now) { return timeout(now); },
                      .ready = [this](std::uint64_t token, Instant now) { dispatch(token, now); },
                      .after =
                          [this](Instant now) {
                            tick(now);
                            reap(now);
                          },
                      .reload = [this] { reload(); }});
  log_.say("stopped with {} clients connected; their doorbells go on working", connections_.size());
}

int Server::Impl::timeout(Instant now) const {
  int wait = -1;
  const auto at_most = [&](int ms) { wait = wait < 0 ? ms : std::min(wait, ms); };
  const auto until = [&](Instant due) {
    if (due != Instant::never()) at_most(static_cast<int>(elapsed(now, due).ns / 1'000'000) + 1);
  };
  if (!attention_.empty()) at_most(kTickMs);
  until(paused_ ? paused_until_ : try_doors_at_);
  if (status_) until(status_->due(now));
  return wait;
}

void Server::Impl::dispatch(std::uint64_t token, Instant now) {
  if (token == kStatusToken) {
    if (status_) status_->accept([this] { return status(); }, now);
  } else if (const auto door = door_tokens_.find(token); door != door_tokens_.end()) {
    accept_some(*door->second, now);
  } else if (const auto it = connections_.find(token); it != connections_.end()) {
    attend(*it->second, now);
  } else {
    refused_.erase(token);  // it hung up, or spoke
  }
}

void Server::Impl::tick(Instant now) {
  if (now >= (paused_ ? paused_until_ : try_doors_at_)) resume(now);
  if (status_) status_->tick(now);
  const std::vector<std::uint64_t> keys(attention_.begin(), attention_.end());
  for (const std::uint64_t key : keys) {
    Connection& c = *connections_.at(key);
    attend(c, now);
    if (!c.doom.empty()) continue;
    if (!c.member && elapsed(c.since, now) > options_.knock_limit) {
      refuse(std::move(c.socket), wire::Refusal::kTooLate);
      doom(c, "it read nothing");
    } else if (c.stuck_since && elapsed(*c.stuck_since, now) > options_.stall_limit) {
      ++counts_.dropped;
      doom(c, fmt::format("its socket has been full for {} s with {} messages unsent",
                          options_.stall_limit.ns / seconds(1).ns, c.queue.messages()));
    }
  }
}

void Server::Impl::accept_some(Door& door, Instant now) {
  for (int i = 0; i < kAcceptsAtOnce && !paused_; ++i) {
    UniqueFd socket(::accept4(door.listener->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      knock(door, std::move(socket), now);
    } else if (errno == EMFILE || errno == ENFILE) {
      if (!accept_without_descriptors(door, now)) return;
    } else if (errno == ENOBUFS || errno == ENOMEM) {
      pause(now);
    } else if (errno == EAGAIN) {
      return;
    }  // anything else is that one client's trouble
  }
}

bool Server::Impl::accept_without_descriptors(Door& door, Instant now) {
  if (!refused_.empty()) {
    refused_.erase(refused_.begin());
    return true;
  }
  reserve_.reset();
  UniqueFd socket(::accept4(door.listener->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  const bool nobody = !socket && errno == EAGAIN;
  if (socket) {
    log_.caused(now, "{}: a client was refused: {}", door.listener->path(),
                wire::sentence(static_cast<std::int64_t>(wire::Refusal::kNoDescriptors)));
    ++counts_.refused;
    (void)send_message(socket.raw(), wire::encode(static_cast<std::int64_t>(wire::Refusal::kNoDescriptors)),
                       -1);
  }
  const bool served = socket || nobody;
  socket.reset();  // its number is all that the reserve can get
  reserve_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!reserve_ || !served) pause(now);
  return !nobody;
}

void Server::Impl::pause(Instant now) {
  paused_ = true;
  paused_until_ = now + kAcceptPause;
  for (const auto& [token, door] : door_tokens_) (void)loop_.try_watch(door->listener->fd(), 0, token);
  log_.caused(now, "accepts nobody for {} ms: the system is short of descriptors or memory",
              kAcceptPause.ns / 1'000'000);
}

void Server::Impl::resume(Instant now) {
  if (!reserve_) reserve_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  paused_ = false;
  watch_doors_or_try_again(now);
}

void Server::Impl::refuse(UniqueFd socket, wire::Refusal why) {
  ++counts_.refused;
  if (send_message(socket.raw(), wire::encode(static_cast<std::int64_t>(why)), -1) < 0) return;
  const std::uint64_t token = next_token_++;
  (void)loop_.try_watch(socket.raw(), EPOLLIN | EPOLLRDHUP, token);
  refused_.emplace(token, std::move(socket));
  if (refused_.size() > kMaxRefused) refused_.erase(refused_.begin());
}

void Server::Impl::knock(Door& door, UniqueFd socket, Instant now) {
  auto who = credentials_of(socket.raw());
  if (!who) return refuse(std::move(socket), wire::Refusal::kNotAdmitted);
  std::vector<const LinkPolicy*> policies;
  for (const Link* link : door.links) policies.push_back(&link->policy());
  const Admission admission = admit(policies, *who);
  if (admission.link == nullptr) {
    if (door.refused.size() < 1024 && door.refused.insert(who->uid).second) {
      log_.caused(now, "{}: refused pid {}: {} (said once for each user)", door.listener->path(), who->pid,
                  admission.reason);
    }
    return refuse(std::move(socket), wire::Refusal::kNotAdmitted);
  }
  if (knocking_[who->uid] >= kMaxKnocking) {
    log_.caused(now, "{}: refused pid {}: uid {} has {} connections that read nothing", door.listener->path(),
                who->pid, who->uid, kMaxKnocking);
    return refuse(std::move(socket), wire::Refusal::kFull);
  }
  auto connection = std::make_unique<Connection>();
  Connection& c = *connection;
  c.key = next_token_++;
  c.socket = std::move(socket);
  c.who = std::move(*who);
  c.since = now;
  for (Link* link : door.links) {
    if (&link->policy() == admission.link) c.link = link;
  }
  if (c.link->members().size() >= c.link->policy().max_peers) {
    log_.caused(now, "link \"{}\": refused pid {} (uid {}): it has {} peers already", c.link->policy().name,
                c.who.pid, c.who.uid, c.link->members().size());
    return refuse(std::move(c.socket), wire::Refusal::kFull);
  }
  if (!loop_.try_watch(c.socket.raw(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, c.key)) {
    return refuse(std::move(c.socket), wire::Refusal::kNoDescriptors);
  }
  ++knocking_[c.who.uid];
  attention_.insert(c.key);
  c.queue.push(wire::kVersion);
  connections_.emplace(c.key, std::move(connection));
  flush(c, now);
}

void Server::Impl::attend(Connection& c, Instant now) {
  if (!c.doom.empty()) return;
  // Before looking for an end of file: a socket that was closed counts as read, too.
  const bool read = !c.member && c.queue.empty() && all_was_read(c.socket.raw());
  switch (listen_to(c.socket.raw())) {
    case Heard::kGone:
      return doom(c, "it left");
    case Heard::kBytes:
      ++counts_.dropped;
      return doom(c, "it sent something, which no client does");
    case Heard::kNothing:
      break;
  }
  if (read) return try_enroll(c, now);
  flush(c, now);
}

void Server::Impl::try_enroll(Connection& c, Instant now) {
  const LinkPolicy& policy = c.link->policy();
  if (const auto refusal = c.link->enroll(c)) {
    log_.caused(now, "link \"{}\": refused pid {} (uid {}): {}", policy.name, c.who.pid, c.who.uid,
                wire::sentence(static_cast<std::int64_t>(*refusal)));
    refuse(std::move(c.socket), *refusal);
    return doom(c, "it was refused");
  }
  ++counts_.joined;
  if (--knocking_[c.who.uid] == 0) knocking_.erase(c.who.uid);
  attention_.erase(c.key);
  const std::size_t count = c.link->members().size();
  log_.caused(now, "link \"{}\": peer {} joined (pid {}, uid {}): {} of {}", policy.name, c.lease.id,
              c.who.pid, c.who.uid, count, policy.max_peers);
  if (count * policy.vectors > kIoeventfdWarning && (count - 1) * policy.vectors <= kIoeventfdWarning) {
    log_.say(
        "link \"{}\": {} peers with {} vectors take {} ioeventfds in each guest; a guest under KVM aborts at "
        "{}",
        policy.name, count, policy.vectors, count * policy.vectors, kIoeventfdLimit);
  }
  for (const auto& [id, other] : c.link->members()) {
    if (other != &c) flush(*other, now);
  }
  flush(c, now);
}

void Server::Impl::flush(Connection& c, Instant now) {
  if (!c.doom.empty()) return;
  bool moved = false;
  const auto result = c.queue.flush(
      [&](std::span<const std::byte> bytes, int fd) { return send_message(c.socket.raw(), bytes, fd); },
      moved);
  if (result == SendQueue::Flush::kDead) return doom(c, "it left");
  if (!c.member) return;
  if (result == SendQueue::Flush::kDrained) {
    c.stuck_since.reset();
    c.congested = false;
    attention_.erase(c.key);
    return;
  }
  if (result == SendQueue::Flush::kCongested) {
    // Its socket had room: it is made to wait by others, and not for what it did.
    c.stuck_since.reset();
    if (!std::exchange(c.congested, true)) {
      log_.caused(
          now,
          "link \"{}\": peer {} has to wait: the kernel is short of memory, or lets this user have no "
          "more descriptors in flight",
          c.link->policy().name, c.lease.id);
    }
  } else if (moved || !c.stuck_since) {
    c.stuck_since = now;
  }
  attention_.insert(c.key);
  if (c.queue.items() > c.link->queue_limit()) {
    ++counts_.dropped;
    doom(c, fmt::format("it reads too slowly: {} messages unsent", c.queue.messages()));
  }
}

void Server::Impl::doom(Connection& c, std::string why) {
  if (!c.doom.empty()) return;
  c.doom = std::move(why);
  doomed_.push_back(c.key);
}

void Server::Impl::reap(Instant now) {
  // Telling the others can doom some of them in turn.
  while (!doomed_.empty()) {
    const std::uint64_t key = doomed_.back();
    doomed_.pop_back();
    attention_.erase(key);
    const auto node = connections_.extract(key);
    Connection& c = *node.mapped();
    if (!c.member) {
      if (--knocking_[c.who.uid] == 0) knocking_.erase(c.who.uid);
      continue;
    }
    const LinkPolicy& policy = c.link->policy();
    ++counts_.left;
    c.link->leave(c);
    c.socket.reset();
    log_.caused(now, "link \"{}\": peer {} (pid {}) is gone: {}: {} of {}", policy.name, c.lease.id,
                c.who.pid, c.doom, c.link->members().size(), policy.max_peers);
    for (const auto& [id, other] : c.link->members()) flush(*other, now);
  }
}

}  // namespace hawser::ivshmem
