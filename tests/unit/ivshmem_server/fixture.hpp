// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Shared by the server's and the client's tests: a directory, a server on a thread, and a client that knows
// nothing but the wire.
#pragma once

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/server.hpp>
#include <hawser/ivshmem/server/wire.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace hawser::ivshmem::test {

struct TempDir {
  TempDir() {
    char name[] = "/tmp/hawser-ivshmem-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return path + "/" + name; }
  std::string path;
};

inline sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

inline UniqueFd connect_to(const std::string& path) {
  const sockaddr_un address = address_of(path);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

inline bool readable(int fd, int ms) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, ms) == 1;
}

struct Message {
  std::int64_t value = 0;
  UniqueFd fd;
};

/// One message, or nothing on end of file or after `ms` of silence.
inline std::optional<Message> read_message(int socket, int ms = 2000) {
  wire::Bytes bytes{};
  Message m;
  std::size_t have = 0;
  while (have < bytes.size()) {
    if (!readable(socket, ms)) return std::nullopt;
    iovec part{bytes.data() + have, bytes.size() - have};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t n = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    if (n <= 0) return std::nullopt;
    if (const cmsghdr* c = CMSG_FIRSTHDR(&header)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
      m.fd = UniqueFd(fd);
    }
    have += static_cast<std::size_t>(n);
  }
  m.value = wire::decode(bytes);
  return m;
}

inline std::vector<Message> read_messages(int socket, std::size_t count) {
  std::vector<Message> list;
  while (list.size() < count) {
    auto m = read_message(socket);
    if (!m) break;
    list.push_back(std::move(*m));
  }
  return list;
}

/// "4+" is a 4 with a descriptor, "4" one without.
inline std::string text(const std::vector<Message>& list) {
  std::string out;
  for (const Message& m : list) {
    if (!out.empty()) out += ' ';
    out += std::to_string(m.value) + (m.fd ? "+" : "");
  }
  return out;
}

inline bool closed(int socket) {
  char byte;
  return readable(socket, 2000) && ::recv(socket, &byte, 1, 0) <= 0;
}

inline void send_message(int socket, std::int64_t value, int fd = -1, std::size_t bytes = 8) {
  const wire::Bytes encoded = wire::encode(value);
  iovec part{const_cast<std::byte*>(encoded.data()), bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
  }
  (void)::sendmsg(socket, &header, MSG_NOSIGNAL);
}

/// Polls until `condition` holds; false after ten seconds.
template <class F>
bool eventually(F&& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    ::poll(nullptr, 0, 5);
  }
  return false;
}

inline std::size_t open_descriptors() {
  using Entries = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(Entries("/proc/self/fd"), Entries()));
}

/// A server that runs until the end of the test, and what it said.
class Running {
 public:
  explicit Running(ServerOptions options)
      : server_(with_log(std::move(options))), thread_([this] { server_.run(control_); }) {}
  ~Running() { stop(); }
  void stop() {
    control_.stop();
    if (thread_.joinable()) thread_.join();
  }
  void reload() { control_.reload(); }
  bool said(const std::string& words) {
    const std::scoped_lock lock(mutex_);
    return log_.find(words) != std::string::npos;
  }
  std::string log() {
    const std::scoped_lock lock(mutex_);
    return log_;
  }
  std::string status() { return server_.status(); }  // after stop() only

 private:
  ServerOptions with_log(ServerOptions options) {
    options.log = [this](std::string_view line) {
      const std::scoped_lock lock(mutex_);
      log_.append(line).push_back('\n');
    };
    return options;
  }

  std::mutex mutex_;
  std::string log_;
  ServerControl control_;
  Server server_;
  std::thread thread_;
};

}  // namespace hawser::ivshmem::test
