// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A pair of ivshmem links between two clients of a real server: sockets, eventfds, real time.
#pragma once

#include "conformance/ivshmem_pairs.hpp"

#include <hawser/ivshmem/client/socket_port.hpp>
#include <hawser/ivshmem/server/server.hpp>

#include <unistd.h>
#include <chrono>
#include <filesystem>
#include <thread>

namespace hawser::conformance {

/// A server in a thread, and the folder with its socket, for as long as the object lives.
class RunningServer {
 public:
  RunningServer() : thread_([this] { server_.run(control_); }) {}
  ~RunningServer() {
    control_.stop();
    thread_.join();
    std::filesystem::remove_all(folder_);
  }
  std::string socket() const { return folder_ / "window.sock"; }

 private:
  static std::filesystem::path make_folder() {
    static unsigned made = 0;
    const auto folder = std::filesystem::temp_directory_path() /
                        ("hawser-conformance-" + std::to_string(::getpid()) + "-" + std::to_string(made++));
    std::filesystem::create_directories(folder);
    return folder;
  }
  ivshmem::ServerOptions options() const {
    ivshmem::ServerOptions options;
    options.socket = socket();
    options.size = kWindowBytes;
    options.vectors = 4;
    return options;
  }

  const std::filesystem::path folder_ = make_folder();
  ivshmem::ServerControl control_;
  ivshmem::Server server_{options()};
  std::thread thread_;
};

class SocketPair {
 public:
  using LinkType = ivshmem::Link<ivshmem::SocketPort>;
  static constexpr bool kTwoThreads = true;
  static constexpr bool kRingsMayBeLate = false;
  static constexpr Duration kSilence =
      seconds(2);  // a busy machine may keep both ends from running for a while
  static constexpr auto kKind = ivshmem::QueueKind::kSelfDescribing;

  explicit SocketPair(std::uint64_t) {
    start(End::kFirst);
    start(End::kSecond);
  }

  LinkType& first() { return *link(End::kFirst); }
  LinkType& second() { return *link(End::kSecond); }

  /// The process is gone: the server notices, its last words in the window were never written.
  void kill(End end) {
    const auto control = control_of(port(end)->memory());
    const std::vector<std::byte> before(control.begin(), control.end());
    link(end).reset();
    std::copy(before.begin(), before.end(), control.begin());
    port(end).reset();
  }
  void revive(End end) { start(end); }
  void advance(Duration span) { std::this_thread::sleep_for(std::chrono::nanoseconds(span.ns)); }

  void misbehave(End end) { write_impossible_index(port(end)->memory(), end, kKind); }

 private:
  std::optional<ivshmem::SocketPort>& port(End end) { return ports_[static_cast<unsigned>(end)]; }
  std::optional<LinkType>& link(End end) { return links_[static_cast<unsigned>(end)]; }

  void start(End end) {
    ivshmem::ClientOptions options;
    options.socket = server_->socket();
    port(end).emplace(options);
    link(end).emplace(*port(end), options_of(end, kKind, kSilence));
  }

  std::unique_ptr<RunningServer> server_ = std::make_unique<RunningServer>();
  std::optional<ivshmem::SocketPort> ports_[2];
  std::optional<LinkType> links_[2];
};

}  // namespace hawser::conformance

TYPE_TO_STRING_AS("ivshmem server and sockets", hawser::conformance::SocketPair);
