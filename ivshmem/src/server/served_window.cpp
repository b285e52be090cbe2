// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/served_window.hpp>

#include "../client/doorbell.hpp"
#include "listener.hpp"
#include "log.hpp"
#include "memory.hpp"
#include "send_queue.hpp"
#include "socket_io.hpp"
#include "sure_bell.hpp"

#include <hawser/ivshmem/server/clock.hpp>
#include <hawser/ivshmem/server/error.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

namespace hawser::ivshmem {
namespace {

constexpr std::uint64_t kDoor = 0;
constexpr std::uint64_t kBells = 16;      // and the vector's number
constexpr std::uint64_t kSockets = 1024;  // and above

constexpr std::size_t kKnockingAtOnce = 8;
constexpr std::size_t kRefusedKept = 16;  // the oldest goes first
constexpr int kAcceptsInTurn = 16;
constexpr Duration kTick = milliseconds(20);

std::shared_ptr<const FdSet> bells(std::uint16_t count) {
  auto fds = std::make_shared<FdSet>();
  for (std::uint16_t i = 0; i < count; ++i) {
    fds->emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fds->back()) return nullptr;
  }
  return fds;
}

/// The memory of one client, mapped.
class Mapping {
 public:
  Mapping(const std::string& name, std::uint64_t size, std::uint16_t vectors)
      : fds_(std::make_shared<FdSet>()) {
    auto fds = std::make_shared<FdSet>();
    fds->push_back(make_sealed_memory(name, size, vectors));
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds->front().raw(), 0);
    if (at == MAP_FAILED)
      Error::raise("the window of \"{}\" cannot be mapped: {}", name, system_words(errno));
    bytes_ = {static_cast<std::byte*>(at), size};
    fds_ = std::move(fds);
  }
  ~Mapping() { ::munmap(bytes_.data(), bytes_.size()); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }
  const std::shared_ptr<const FdSet>& fds() const { return fds_; }

 private:
  std::shared_ptr<const FdSet> fds_;
  std::span<std::byte> bytes_;
};

}  // namespace

class ServedWindow::Impl {
 public:
  Impl(ServedWindowOptions options, Events events)
      : options_(std::move(options)),
        events_(std::move(events)),
        log_(options_.log),
        listener_(options_.inherited ? Listener(options_.socket, std::move(options_.inherited))
                                     : Listener(options_.socket, 0600, std::nullopt)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_)
      Error::raise("the window of \"{}\" cannot be watched: {}", options_.name, system_words(errno));
    (void)Mapping(options_.name, options_.size, options_.vectors);  // what cannot be, is said now
    if (!watch(listener_.fd(), EPOLLIN, kDoor)) {
      Error::raise("the socket {} cannot be watched: {}", options_.socket, system_words(errno));
    }
  }

  ~Impl() {
    if (window_) part();
  }

  int fd() const { return epoll_.raw(); }
  bool occupied() const { return window_.has_value(); }
  std::span<std::byte> memory() const { return window_ ? window_->mapping.bytes() : std::span<std::byte>{}; }
  Credentials client() const { return window_ ? window_->who : Credentials{}; }

  void poll(Instant now) {
    std::array<epoll_event, 32> ready;
    const int n = ::epoll_wait(epoll_.raw(), ready.data(), static_cast<int>(ready.size()), 0);
    for (int i = 0; i < n; ++i) dispatch(ready[static_cast<std::size_t>(i)].data.u64, now);
    tick(now);
  }

  Instant due() const {
    Instant due = Instant::never();
    if (!knocking_.empty() || (window_ && !window_->queue.empty())) due = last_ + kTick;
    if (paused_until_ != Instant{}) due = std::min(due, paused_until_);
    return due;
  }

  void ring(std::uint16_t vector) {
    if (!window_ || vector >= options_.vectors) return;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    bell_.ring((*window_->client_bells)[vector].raw());
  }

  void drop(std::string why) {
    if (!window_) return;
    log_.caused(monotonic_now(), "{}: its client (pid {}) is dropped: {}", options_.name, window_->who.pid,
                why);
    part();
  }

 private:
  /// Has been sent the version, and owns nothing.
  struct Knocker {
    UniqueFd socket;
    Credentials who;
    SendQueue queue;
    Instant since;
  };

  /// What a client has.
  struct Window {
    Window(const ServedWindowOptions& options, std::uint64_t token)
        : mapping(options.name, options.size, options.vectors),
          own_bells(bells(options.vectors)),
          client_bells(bells(options.vectors)),
          token(token) {}
    Mapping mapping;
    std::shared_ptr<const FdSet> own_bells;     // the client rings
    std::shared_ptr<const FdSet> client_bells;  // we ring
    UniqueFd socket;
    Credentials who;
    SendQueue queue;
    std::uint64_t token;
    std::optional<Instant> stuck_since;
    bool congested = false;  // the kernel made it wait, which was logged
  };

  /// Of a descriptor that is watched already the events change, which the kernel never refuses.
  bool watch(int fd, std::uint32_t events, std::uint64_t token) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = token;
    return ::epoll_ctl(epoll_.raw(), EPOLL_CTL_ADD, fd, &event) == 0 ||
           (errno == EEXIST && ::epoll_ctl(epoll_.raw(), EPOLL_CTL_MOD, fd, &event) == 0);
  }

  void dispatch(std::uint64_t token, Instant now) {
    if (token == kDoor) {
      accept_some(now);
    } else if (token >= kBells && token < kBells + options_.vectors) {
      const auto vector = static_cast<std::uint16_t>(token - kBells);
      if (!window_) return;
      drain_doorbell((*window_->own_bells)[vector].raw());
      events_.rung(vector);
    } else if (window_ && token == window_->token) {
      attend(now);
    } else if (const auto it = knocking_.find(token); it != knocking_.end()) {
      admit(it, now);
    } else {
      refused_.erase(token);  // it hung up, or spoke
    }
  }

  void tick(Instant now) {
    last_ = now;
    if (paused_until_ != Instant{} && now >= paused_until_) {
      paused_until_ = {};
      (void)watch(listener_.fd(), EPOLLIN, kDoor);
    }
    for (auto it = knocking_.begin(); it != knocking_.end();) {
      const auto next = std::next(it);
      admit(it, now);
      it = next;
    }
    if (window_ && !window_->queue.empty()) attend(now);
  }

  // newcomers

  void accept_some(Instant now) {
    for (int i = 0; i < kAcceptsInTurn; ++i) {
      UniqueFd socket(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (socket) {
        knock(std::move(socket), now);
      } else if (out_of_room(errno)) {
        log_.caused(now, "{}: accepts nobody for {} ms: {}", options_.name, kAcceptPause.ns / 1'000'000,
                    system_words(errno));
        (void)watch(listener_.fd(), 0, kDoor);
        paused_until_ = now + kAcceptPause;
        return;
      } else if (errno == EAGAIN) {
        return;
      }  // anything else is that one client's trouble
    }
  }

  void knock(UniqueFd socket, Instant now) {
    auto who = credentials_of(socket.raw());
    if (!who || (who->uid != ::geteuid() && who->uid != 0)) {
      log_.caused(now, "{}: refused pid {}: uid {} is neither root nor the server's", options_.name,
                  who ? who->pid : 0, who ? static_cast<long>(who->uid) : -1L);
      return refuse(std::move(socket), wire::Refusal::kNotAdmitted);
    }
    if (window_ || knocking_.size() >= kKnockingAtOnce) return turn_away(std::move(socket), *who, now);
    const std::uint64_t token = next_token_++;
    if (!watch(socket.raw(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, token)) return;
    Knocker& knocker = knocking_[token];
    knocker = {std::move(socket), std::move(*who), {}, now};
    knocker.queue.push(wire::kVersion);
    admit(knocking_.find(token), now);
  }

  void turn_away(UniqueFd socket, const Credentials& who, Instant now) {
    log_.caused(now, "{}: refused pid {}: {}", options_.name, who.pid,
                window_ ? fmt::format("pid {} is there", window_->who.pid) : "too many are knocking");
    refuse(std::move(socket), wire::Refusal::kFull);
  }

  void refuse(UniqueFd socket, wire::Refusal why) {
    if (send_message(socket.raw(), wire::encode(static_cast<std::int64_t>(why)), -1) < 0) return;
    const std::uint64_t token = next_token_++;
    if (!watch(socket.raw(), EPOLLIN | EPOLLRDHUP, token)) return;
    refused_.emplace(token, std::move(socket));
    if (refused_.size() > kRefusedKept) refused_.erase(refused_.begin());
  }

  using Knocking = std::map<std::uint64_t, Knocker>;

  void admit(Knocking::iterator it, Instant now) {
    Knocker& knocker = it->second;
    bool moved = false;
    if (flush(knocker.queue, knocker.socket, moved) == SendQueue::Flush::kDead) {
      knocking_.erase(it);
      return;
    }
    // Before looking for an end of file: a socket that was closed counts as read, too.
    const bool read = knocker.queue.empty() && all_was_read(knocker.socket.raw());
    if (listen_to(knocker.socket.raw()) != Heard::kNothing) {  // left, or spoke
      knocking_.erase(it);
    } else if (read) {
      Knocker one = std::move(knocker);
      knocking_.erase(it);
      if (window_) return turn_away(std::move(one.socket), one.who, now);
      enroll(std::move(one), now);
    } else if (elapsed(knocker.since, now) > options_.knock_limit) {
      UniqueFd socket = std::move(knocker.socket);
      knocking_.erase(it);
      refuse(std::move(socket), wire::Refusal::kTooLate);
    }
  }

  // the client

  void enroll(Knocker knocker, Instant now) {
    const std::uint64_t token = next_token_++;
    try {
      window_.emplace(options_, token);
    } catch (const Error& e) {
      log_.caused(now, "{}: a client was refused: {}", options_.name, e.what());
      return refuse(std::move(knocker.socket), wire::Refusal::kNoDescriptors);
    }
    Window& w = *window_;
    bool fine = w.own_bells && w.client_bells &&
                watch(knocker.socket.raw(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, token);
    for (std::uint16_t i = 0; fine && i < options_.vectors; ++i) {
      fine = watch((*w.own_bells)[i].raw(), EPOLLIN, kBells + i);
    }
    if (!fine) {
      log_.caused(now, "{}: a client was refused: {}", options_.name,
                  wire::sentence(static_cast<std::int64_t>(wire::Refusal::kNoDescriptors)));
      window_.reset();
      return refuse(std::move(knocker.socket), wire::Refusal::kNoDescriptors);
    }
    w.socket = std::move(knocker.socket);
    w.who = std::move(knocker.who);
    log_.caused(now, "{}: pid {} (uid {}) joined", options_.name, w.who.pid, w.who.uid);
    events_.joined();
    w.queue.push(kClientId);
    w.queue.push(wire::kMemory, w.mapping.fds());
    w.queue.push(kOwnId, w.own_bells);
    w.queue.push(kClientId, w.client_bells);  // last: QEMU needs the memory first
    attend(now);
  }

  void attend(Instant now) {
    Window& w = *window_;
    switch (listen_to(w.socket.raw())) {
      case Heard::kGone:
        log_.caused(now, "{}: pid {} left", options_.name, w.who.pid);
        return part();
      case Heard::kBytes:
        return drop("it sent something, which no client does");
      case Heard::kNothing:
        break;
    }
    bool moved = false;
    const auto result = flush(w.queue, w.socket, moved);
    if (result == SendQueue::Flush::kDead) {
      log_.caused(now, "{}: pid {} left", options_.name, w.who.pid);
      return part();
    }
    if (result == SendQueue::Flush::kDrained) {
      w.stuck_since.reset();
    } else if (result == SendQueue::Flush::kCongested) {
      w.stuck_since.reset();  // its socket had room: it is made to wait by others, and not for what it did
      if (!std::exchange(w.congested, true)) {
        log_.caused(now,
                    "{}: pid {} has to wait: the kernel is short of memory, or lets this user have no more "
                    "descriptors in flight",
                    options_.name, w.who.pid);
      }
    } else if (moved || !w.stuck_since) {
      w.stuck_since = now;
    } else if (elapsed(*w.stuck_since, now) > options_.stall_limit) {
      drop("it does not read its greeting");
    }
  }

  static SendQueue::Flush flush(SendQueue& queue, const UniqueFd& socket, bool& moved) {
    return queue.flush(
        [&](std::span<const std::byte> bytes, int fd) { return send_message(socket.raw(), bytes, fd); },
        moved);
  }

  void part() {
    events_.left();
    // The client holds these files too: closing ours would not end the watch.
    for (const auto& fd : *window_->own_bells) ::epoll_ctl(epoll_.raw(), EPOLL_CTL_DEL, fd.raw(), nullptr);
    window_.reset();
  }

  ServedWindowOptions options_;
  Events events_;
  Log log_;
  Listener listener_;
  UniqueFd epoll_;
  SureBell bell_;
  std::uint64_t next_token_ = kSockets;
  Knocking knocking_;
  std::map<std::uint64_t, UniqueFd> refused_;  // told so, and left open until they hang up, as Server does
  std::optional<Window> window_;
  Instant last_{};
  Instant paused_until_{};
};

ServedWindow::ServedWindow(ServedWindowOptions options, Events events)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(events))) {}
ServedWindow::~ServedWindow() = default;

int ServedWindow::fd() const {
  return impl_->fd();
}
void ServedWindow::poll(Instant now) {
  impl_->poll(now);
}
Instant ServedWindow::due() const {
  return impl_->due();
}
bool ServedWindow::occupied() const {
  return impl_->occupied();
}
std::span<std::byte> ServedWindow::memory() const {
  return impl_->memory();
}
Credentials ServedWindow::client() const {
  return impl_->client();
}
void ServedWindow::ring(std::uint16_t vector) {
  impl_->ring(vector);
}
void ServedWindow::drop(std::string why) {
  impl_->drop(std::move(why));
}

}  // namespace hawser::ivshmem
