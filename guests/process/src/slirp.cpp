// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/slirp.hpp>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace hawser::process {

using virtio::NetHeader;
using virtio::device::NetFrame;
using virtio::device::NetSent;

namespace {

constexpr std::size_t kMostFrames = 512;
constexpr std::size_t kSlirpMtu = 1500;

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

in_addr address(const char* text) {
  in_addr made{};
  ::inet_pton(AF_INET, text, &made);
  return made;
}

short to_poll(int events) {
  short made = 0;
  if ((events & SLIRP_POLL_IN) != 0) made |= POLLIN;
  if ((events & SLIRP_POLL_OUT) != 0) made |= POLLOUT;
  if ((events & SLIRP_POLL_PRI) != 0) made |= POLLPRI;
  return made;
}
int from_poll(short events) {
  int made = 0;
  if ((events & POLLIN) != 0) made |= SLIRP_POLL_IN;
  if ((events & POLLOUT) != 0) made |= SLIRP_POLL_OUT;
  if ((events & POLLPRI) != 0) made |= SLIRP_POLL_PRI;
  if ((events & POLLERR) != 0) made |= SLIRP_POLL_ERR;
  if ((events & POLLHUP) != 0) made |= SLIRP_POLL_HUP;
  return made;
}

using Members = std::vector<pollfd>;

int add_member(int fd, int events, void* opaque) {
  auto& members = *static_cast<Members*>(opaque);
  members.push_back({fd, to_poll(events), 0});
  return static_cast<int>(members.size()) - 1;
}
int member_events(int index, void* opaque) {
  const auto& members = *static_cast<Members*>(opaque);
  return index < 0 || static_cast<std::size_t>(index) >= members.size()
             ? 0
             : from_poll(members[static_cast<std::size_t>(index)].revents);
}

}  // namespace

/// What libslirp calls. `opaque` is the UserNetwork.
struct SlirpCalls {
  static UserNetwork& self(void* opaque) { return *static_cast<UserNetwork*>(opaque); }

  static ssize_t send_packet(const void* bytes, std::size_t count, void* opaque) {
    UserNetwork& network = self(opaque);
    if (network.frames_.size() >= kMostFrames) {
      ++network.counters_.overflowed;  // libslirp's TCP sends it again
    } else {
      const auto* from = static_cast<const std::byte*>(bytes);
      network.frames_.emplace_back(from, from + count);
    }
    return static_cast<ssize_t>(count);
  }
  static void guest_error(const char*, void* opaque) { ++self(opaque).counters_.guest_errors; }
  static std::int64_t clock(void*) { return now_ns(); }
  static void* timer_new(SlirpTimerCb call, void* call_opaque, void* opaque) {
    return &self(opaque).timers_.emplace_back(UserNetwork::Timer{call, call_opaque, -1});
  }
  static void timer_free(void* timer, void* opaque) {
    self(opaque).timers_.remove_if([timer](const auto& one) { return &one == timer; });
  }
  static void timer_mod(void* timer, std::int64_t expires_ms, void*) {
    static_cast<UserNetwork::Timer*>(timer)->expires_ms = expires_ms;
  }
  static void ignore_fd(int, void*) {}
  static void ignore(void*) {}
};

UserNetwork::UserNetwork(const SlirpOptions& options)
    : clock_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (!clock_) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  wake_.watch(clock_.get(), EPOLLIN);

  static constexpr SlirpCb kCalls = [] {
    SlirpCb calls{};
    calls.send_packet = SlirpCalls::send_packet;
    calls.guest_error = SlirpCalls::guest_error;
    calls.clock_get_ns = SlirpCalls::clock;
    calls.timer_new = SlirpCalls::timer_new;
    calls.timer_free = SlirpCalls::timer_free;
    calls.timer_mod = SlirpCalls::timer_mod;
    calls.register_poll_fd = SlirpCalls::ignore_fd;
    calls.unregister_poll_fd = SlirpCalls::ignore_fd;
    calls.notify = SlirpCalls::ignore;
    return calls;
  }();
  SlirpConfig config{};
  config.version = 1;
  config.restricted = options.restricted ? 1 : 0;
  config.in_enabled = true;
  config.vnetwork = address("10.0.2.0");
  config.vnetmask = address("255.255.255.0");
  config.vhost = address("10.0.2.2");
  config.vnameserver = address("10.0.2.3");
  config.vdhcp_start = address("10.0.2.15");
  config.if_mtu = kSlirpMtu;
  config.if_mru = kSlirpMtu;
  slirp_ = ::slirp_new(&config, &kCalls, this);
  if (slirp_ == nullptr) throw std::runtime_error("libslirp did not start");
  for (const SlirpForward& forward : options.forwards) {
    if (::slirp_add_hostfwd(slirp_, forward.udp ? 1 : 0, address("127.0.0.1"), forward.host_port,
                            address("10.0.2.15"), forward.guest_port) != 0) {
      const int error = errno;
      ::slirp_cleanup(slirp_);
      throw std::runtime_error(fmt::format("forwarding {} port {} of 127.0.0.1 is not possible: {}",
                                           forward.udp ? "UDP" : "TCP", forward.host_port,
                                           std::strerror(error)));
    }
  }
}

UserNetwork::~UserNetwork() {
  ::slirp_cleanup(slirp_);
}

void UserNetwork::start(const virtio::NetOffloads&, std::uint16_t) {
  frames_.clear();
  asked_ = false;
  running_ = true;
  turn();
}

/// Without a driver nobody lets libslirp turn, so it must not wake anybody.
void UserNetwork::stop() {
  frames_.clear();
  running_ = false;
  for (const int fd : watched_) wake_.forget(fd);
  watched_.clear();
  const itimerspec never{};
  (void)::timerfd_settime(clock_.get(), 0, &never, nullptr);
}

void UserNetwork::run_timers() {
  const std::int64_t now = now_ns() / 1'000'000;
  for (Timer& timer : timers_) {
    if (timer.expires_ms < 0 || timer.expires_ms > now) continue;
    timer.expires_ms = -1;
    timer.call(timer.opaque);  // may set itself again
  }
}

void UserNetwork::turn() {
  Members members;
  std::uint32_t timeout_ms = UINT32_MAX;
  ::slirp_pollfds_fill(slirp_, &timeout_ms, add_member, &members);
  const int ready = ::poll(members.data(), members.size(), 0);
  ::slirp_pollfds_poll(slirp_, ready < 0 ? 1 : 0, member_events, &members);
  run_timers();

  // What it waits for may be something else now.
  members.clear();
  timeout_ms = UINT32_MAX;
  ::slirp_pollfds_fill(slirp_, &timeout_ms, add_member, &members);
  std::set<int> now;
  for (const pollfd& member : members) {
    const auto events = static_cast<std::uint32_t>(member.events);  // EPOLLIN is POLLIN, and so on
    wake_.watch(member.fd, events);
    if (events != 0) now.insert(member.fd);
  }
  for (const int fd : watched_) {
    if (!now.contains(fd)) wake_.forget(fd);
  }
  watched_ = std::move(now);

  std::int64_t wait_ms = timeout_ms == UINT32_MAX ? -1 : std::int64_t{timeout_ms};
  const std::int64_t now_ms = now_ns() / 1'000'000;
  for (const Timer& timer : timers_) {
    if (timer.expires_ms < 0) continue;
    const std::int64_t left = std::max<std::int64_t>(timer.expires_ms - now_ms, 1);
    wait_ms = wait_ms < 0 ? left : std::min(wait_ms, left);
  }
  itimerspec next{};
  if (wait_ms >= 0) {
    wait_ms = std::max<std::int64_t>(wait_ms, 1);
    next.it_value.tv_sec = wait_ms / 1000;
    next.it_value.tv_nsec = wait_ms % 1000 * 1'000'000;
  }
  (void)::timerfd_settime(clock_.get(), 0, &next, nullptr);  // clears what had expired, too
}

NetSent UserNetwork::send(std::uint16_t, const NetHeader&,
                          std::span<const std::span<const std::byte>> parts) {
  sending_.clear();
  for (const auto part : parts) sending_.insert(sending_.end(), part.begin(), part.end());
  ::slirp_input(slirp_, reinterpret_cast<const std::uint8_t*>(sending_.data()),
                static_cast<int>(sending_.size()));
  turn();
  return NetSent::kSent;
}

NetFrame UserNetwork::front(std::uint16_t) {
  // Asked again without pop(): there is no buffer for it. What is ready meanwhile would wake us for ever.
  if (running_ && (frames_.empty() || asked_)) turn();
  if (frames_.empty()) return {};
  asked_ = true;
  return {{}, frames_.front()};
}

void UserNetwork::pop(std::uint16_t) {
  asked_ = false;
  if (!frames_.empty()) frames_.pop_front();
}

}  // namespace hawser::process
