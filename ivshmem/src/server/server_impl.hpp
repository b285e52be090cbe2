// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The server's one loop and what it decides. Three ideas carry it:
//  - A newcomer first gets the version only. Once it has read that, it is somebody: it gets an id and doorbells,
//    all others are told, and it gets the rest of the greeting. Who connects and closes costs nothing.
//  - Nobody is dropped in the middle of anything: a doomed connection is marked, and reap() does the rest.
//  - The loop waits for events without a time limit, except while somebody is knocking, stuck or paused.
#pragma once

#include "link.hpp"
#include "listener.hpp"
#include "log.hpp"
#include "status.hpp"

#include <hawser/ivshmem/server/server.hpp>
#include <hawser/ivshmem/server/server_loop.hpp>
#include <hawser/ivshmem/server/status_port.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace hawser::ivshmem {

class Server::Impl {
 public:
  explicit Impl(ServerOptions options);
  void run(ServerControl& control);
  std::string status() const;

 private:
  /// A listening socket, and the links that its clients may belong to.
  struct Door {
    std::unique_ptr<Listener> listener;
    std::vector<Link*> links;
    std::set<uid_t> refused;  // already logged
  };

  // set-up and reload
  Policy read_policy() const;
  PolicyDefaults defaults() const;
  void check_options() const;
  void open_status();
  std::unique_ptr<Listener> open_door(const LinkPolicy& link);
  int watch_doors();  // 0, or errno of the first that the kernel does not take
  void watch_doors_or_try_again(Instant now);
  void assign_links();
  void reload();
  std::string unchangeable(const Policy& next) const;
  void expel_strangers();
  void warn_about(const LinkPolicy& link);

  // the loop
  int timeout(Instant now) const;
  void dispatch(std::uint64_t token, Instant now);
  void tick(Instant now);

  // newcomers
  void accept_some(Door& door, Instant now);
  bool accept_without_descriptors(Door& door, Instant now);  // false: nobody was there
  void pause(Instant now);
  void resume(Instant now);
  void knock(Door& door, UniqueFd socket, Instant now);
  void refuse(UniqueFd socket, wire::Refusal why);
  void try_enroll(Connection& connection, Instant now);

  // members
  void attend(Connection& connection, Instant now);
  void flush(Connection& connection, Instant now);
  void doom(Connection& connection, std::string why);
  void reap(Instant now);

  ServerOptions options_;
  Log log_;
  Instant started_;
  Counts counts_;
  ServerLoop loop_;
  UniqueFd reserve_;  // given up for a moment to refuse politely when there is no other descriptor left
  std::vector<std::unique_ptr<Link>> links_;
  std::map<std::string, Door> doors_;  // by path
  std::unordered_map<std::uint64_t, Door*> door_tokens_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::map<uid_t, std::size_t> knocking_;
  std::set<std::uint64_t> attention_;  // connections that time matters to: knocking or stuck
  std::vector<std::uint64_t> doomed_;
  // Refused, told so, and left open until they hang up: a QEMU that plugs the device in a moment later would
  // find a closed socket, and freeze its running guest. By age.
  std::map<std::uint64_t, UniqueFd> refused_;
  std::unique_ptr<StatusPort> status_;
  static constexpr std::uint64_t kStatusToken = ServerLoop::kFirstToken;
  std::uint64_t next_token_ = 16;  // below: fixed tokens
  Instant paused_until_{};
  bool paused_ = false;
  Instant try_doors_at_ = Instant::never();
};

}  // namespace hawser::ivshmem
