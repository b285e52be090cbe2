// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "doorbell.hpp"

#include <hawser/ivshmem/client/client.hpp>
#include <hawser/ivshmem/server/clock.hpp>
#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <charconv>

namespace hawser::ivshmem {
namespace {

/// A server that will not stop talking must not keep us from our work.
constexpr int kMessagesAtOnce = 4096;
constexpr Duration kSilence = milliseconds(50);

int poll_ms(Duration d) {
  return static_cast<int>(std::min<std::uint64_t>(d.ns / 1'000'000 + 1, 60'000));
}

/// What the kernel calls an open descriptor; empty if it does not say.
std::string kernel_name(int fd) {
  std::array<char, 512> name{};
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t n = ::readlink(link.c_str(), name.data(), name.size());
  return n > 0 ? std::string(name.data(), static_cast<std::size_t>(n)) : std::string();
}

/// "/memfd:hawser/LINK/v8 (deleted)" -> 8; 0 if it is not of that form.
std::uint16_t vectors_in_name(std::string_view name) {
  constexpr std::string_view kStart = "/memfd:hawser/";
  if (!name.starts_with(kStart)) return 0;
  const auto at = name.rfind("/v");
  if (at == std::string_view::npos || at < kStart.size()) return 0;
  std::uint16_t vectors = 0;
  const std::string_view digits = name.substr(at + 2);
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), vectors);
  return error == std::errc{} && vectors <= kMaxVectors ? vectors : std::uint16_t{0};
}

}  // namespace

Client::Client(const ClientOptions& options)
    : path_(options.socket),
      words_(options.words),
      allow_unsealed_(options.allow_unsealed),
      decoder_(options.max_peers) {
  const Instant deadline = monotonic_now() + options.patience;
  try {
    connect(options, deadline);
    greet(options, deadline);
  } catch (...) {
    if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
    throw;
  }
}

Client::~Client() {
  ::munmap(memory_.data(), memory_.size());
}

void Client::connect(const ClientOptions& options, Instant deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path) {
    Error::raise("the socket path \"{}\" must have 1 to {} bytes", path_, sizeof address.sun_path - 1);
  }
  path_.copy(address.sun_path, path_.size());
  for (;;) {
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) Error::raise("no socket: {}", system_words(errno));
    if (::connect(socket_.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
    const int error = errno;
    // EAGAIN: a server too busy to take one more connection just now (connect(2), Unix sockets).
    const bool absent = error == ENOENT || error == ECONNREFUSED;
    const std::string why =
        system_words(error) + (words_.start.empty() || !absent ? "" : "; start one with: " + words_.start);
    if (error != EAGAIN && error != EINTR && !(absent && options.wait_for_server)) {
      Error::raise("no {} on {}: {}", words_.name, path_, why);
    }
    if (monotonic_now() >= deadline) {
      Error::raise("no {} on {} within {} ms: {}", words_.name, path_, options.patience.ns / 1'000'000, why);
    }
    ::poll(nullptr, 0, 5);
  }
}

void Client::greet(const ClientOptions& options, Instant deadline) {
  for (;;) {
    (void)pump();  // not all that there is: the deadline holds for a server that never stops, too
    const std::uint16_t expected = options.vectors != 0 ? options.vectors : hinted_vectors_;
    if (expected != 0 && own_.size() >= expected) return;
    if (!server_alive()) Error::raise("the {} on {} {}", words_.name, path_, loss_);
    const Instant now = monotonic_now();
    if (now >= deadline) {
      Error::raise("the {} on {} did not complete its greeting within {} ms ({} vectors came)", words_.name,
                   path_, options.patience.ns / 1'000'000, own_.size());
    }
    const bool settling = expected == 0 && !own_.empty();
    pollfd p{socket_.raw(), POLLIN, 0};
    const Duration left = elapsed(now, deadline);
    const int n = ::poll(&p, 1, poll_ms(settling ? std::min(kSilence, left) : left));
    if (n == 0 && settling) return;
  }
}

bool Client::pump() {
  bool changed = false;
  for (int i = 0; i < kMessagesAtOnce && receive(); ++i) changed = true;
  return changed || !server_alive();
}

/// One read. @return false when there is nothing more for now, or ever.
bool Client::receive() {
  if (!socket_) return false;
  std::array<std::byte, wire::kMessageSize> bytes;
  iovec part{bytes.data(), decoder_.wanted()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(4 * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t n = ::recvmsg(socket_.raw(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0 && errno == EINTR) return true;
  if (n < 0 && errno == EAGAIN) return false;

  Fds fds;
  if (n > 0) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
      for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len; at += sizeof(int)) {
        int fd = -1;
        std::memcpy(&fd, reinterpret_cast<const std::byte*>(c) + at, sizeof fd);
        fds.emplace_back(fd);
      }
    }
  }
  if (n <= 0) {
    lose(n == 0 ? "closed the connection" : fmt::format("is lost: {}", system_words(errno)));
    return false;
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0 && fds.size() < 2) {
    lose("sent a descriptor that could not be received: this process has too many open files");
    return false;
  }
  const auto event =
      decoder_.feed(std::span<const std::byte>(bytes).first(static_cast<std::size_t>(n)), fds.size());
  if (fds.size() == 1) pending_ = std::move(fds.front());
  if (event.kind == Decoder::Kind::kPending) return true;
  return handle(event, std::move(pending_));
}

bool Client::handle(const Decoder::Event& event, UniqueFd fd) {
  switch (event.kind) {
    case Decoder::Kind::kFault:
      if (event.fault == Decoder::Fault::kRefused) {
        const bool full = event.value == static_cast<std::int64_t>(wire::Refusal::kFull);
        lose(fmt::format("refuses this client: {}", full ? words_.full : wire::sentence(event.value)));
      } else {
        lose(fmt::format("{} ({})", sentence(event.fault), event.value));
      }
      return false;
    case Decoder::Kind::kOwnId:
      own_id_ = event.id;
      return true;
    case Decoder::Kind::kMemory:
      adopt_memory(std::move(fd), allow_unsealed_);
      return true;
    case Decoder::Kind::kOwnVector:
      return adopt(own_, std::move(fd));
    case Decoder::Kind::kPeerVector:
      return adopt(peers_[event.id], std::move(fd));
    case Decoder::Kind::kPeerGone:
      peers_.erase(event.id);
      return true;
    case Decoder::Kind::kPending:
    case Decoder::Kind::kVersion:
    case Decoder::Kind::kIgnored:
      return true;
  }
  return true;
}

bool Client::adopt(Fds& list, UniqueFd fd) {
  const std::string name = kernel_name(fd.raw());
  if (!name.empty() && name != "anon_inode:[eventfd]") {
    lose(fmt::format("sent something as a doorbell that is not an eventfd ({})", name));
    return false;
  }
  list.push_back(std::move(fd));
  return true;
}

/// Only during the greeting: the decoder lets it through once.
void Client::adopt_memory(UniqueFd fd, bool allow_unsealed) {
  const auto refuse = [&](std::string why) { Error::raise("the memory of the server on {} {}", path_, why); };
  struct stat st {};
  if (::fstat(fd.raw(), &st) != 0) refuse(fmt::format("cannot be examined: {}", system_words(errno)));
  if (!S_ISREG(st.st_mode)) refuse("is not a memory object");
  const auto size = static_cast<std::uint64_t>(st.st_size);
  if (st.st_size < static_cast<off_t>(kMinMemorySize) || !std::has_single_bit(size)) {
    refuse(fmt::format("has {} bytes: expected a power of two, at least 4096", st.st_size));
  }
  const int seals = ::fcntl(fd.raw(), F_GET_SEALS);
  sealed_ = seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
  if (!sealed_ && !allow_unsealed) {
    refuse(
        "is not sealed against shrinking, so any peer could end this process with SIGBUS: "
        "allow unsealed memory if you trust them all");
  }
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.raw(), 0);
  if (at == MAP_FAILED) refuse(fmt::format("cannot be mapped: {}", system_words(errno)));
  memory_ = {static_cast<std::byte*>(at), size};
  hinted_vectors_ = vectors_in_name(kernel_name(fd.raw()));
}

void Client::lose(std::string why) {
  loss_ = std::move(why);
  socket_.reset();
  pending_.reset();
}

std::vector<std::uint16_t> Client::peers() const {
  std::vector<std::uint16_t> ids;
  for (const auto& [id, fds] : peers_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::uint16_t Client::peer_vectors(std::uint16_t id) const {
  const auto it = peers_.find(id);
  return it == peers_.end() ? std::uint16_t{0} : static_cast<std::uint16_t>(it->second.size());
}

Client::Rang Client::ring(std::uint16_t id, std::uint16_t vector) {
  // The peer's vector fds arrive one by one; a list that is still growing would reduce `vector` wrongly.
  const auto known = [&] {
    const auto it = peers_.find(id);
    return it == peers_.end() || it->second.size() < own_.size() ? nullptr : &it->second;
  };
  const Fds* fds = id == own_id_ ? &own_ : known();
  if (fds == nullptr) {
    pump();
    const auto it = peers_.find(id);
    if (it == peers_.end()) return Rang::kAbsent;
    fds = &it->second;
  }
  if (fds->empty()) return Rang::kAbsent;
  const int fd = (*fds)[vector % fds->size()].raw();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  ring_doorbell(fd);
  return Rang::kRung;
}

}  // namespace hawser::ivshmem
