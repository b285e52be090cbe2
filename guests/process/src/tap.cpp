// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/tap.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

// Newer than the headers of Debian 12 (Linux 6.1): UDP segmentation, since Linux 6.2.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace hawser::process {

using virtio::NetHeader;
using virtio::NetOffloads;
using virtio::device::NetFrame;
using virtio::device::NetSent;

namespace {

constexpr std::size_t kHeader = sizeof(virtio::virtio_net_hdr);
constexpr auto kLookEvery = std::chrono::milliseconds(100);
constexpr int kMostDiscarded = 100000;  // a flood that never ends must not keep start() for ever

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), std::min(name.size(), sizeof(request.ifr_name) - 1));
  return request;
}

}  // namespace

Tap::Tap(const TapOptions& options) : log_(options.log), name_(options.name) {
  if (options.name.size() >= IFNAMSIZ) {
    throw std::invalid_argument(
        fmt::format("'{}' is too long for the name of a network interface ({} characters at most)",
                    options.name, IFNAMSIZ - 1));
  }
  if (options.queues < 1 || options.queues > 256) {
    throw std::invalid_argument(fmt::format("a TAP interface has 1 to 256 queues, not {}", options.queues));
  }
  for (std::uint16_t n = 0; n < options.queues; ++n) open_queue(options.queues > 1);

  const NetOffloads with_udp = NetOffloads::all();
  NetOffloads without_udp = with_udp;
  without_udp.uso4 = without_udp.uso6 = false;
  if (set_offloads(with_udp)) {
    offloads_ = with_udp;
  } else if (set_offloads(without_udp)) {
    offloads_ = without_udp;
  }
  (void)set_offloads({});

  control_ = OwnedFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!control_) fail("socket");
  ifreq request = request_for(name_);
  if (::ioctl(control_.get(), SIOCGIFMTU, &request) != 0)
    fail(fmt::format("asking for the MTU of {}", name_));
  mtu_ = static_cast<std::uint16_t>(std::clamp(request.ifr_mtu, 68, 65535));
}

void Tap::open_queue(bool several) {
  Queue queue;
  queue.fd = OwnedFd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!queue.fd) fail("opening /dev/net/tun");
  ifreq request = request_for(name_);
  request.ifr_flags =
      static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0));
  if (::ioctl(queue.fd.get(), TUNSETIFF, &request) != 0) {
    fail(fmt::format("making or opening the TAP interface '{}'", name_));
  }
  name_ = request.ifr_name;
  int header_bytes = static_cast<int>(kHeader);
  if (::ioctl(queue.fd.get(), TUNSETVNETHDRSZ, &header_bytes) != 0) fail("setting the TAP header's size");
  int little = 1;
  if (std::endian::native != std::endian::little && ::ioctl(queue.fd.get(), TUNSETVNETLE, &little) != 0) {
    fail("setting the TAP header's byte order");
  }
  queue.buffer.resize(kHeader + virtio::kMaxFrame + 1);  // one more, to know a frame that is longer
  queues_.push_back(std::move(queue));
}

bool Tap::link_up() const {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_up_ >= kLookEvery) {
    looked_up_ = now;
    ifreq request = request_for(name_);
    up_ = ::ioctl(control_.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
  }
  return up_ && !gone_;
}

bool Tap::set_offloads(const NetOffloads& accepted) {
  unsigned flags = 0;
  if (accepted.checksum) {
    flags |= TUN_F_CSUM;
    if (accepted.tso4) flags |= TUN_F_TSO4;
    if (accepted.tso6) flags |= TUN_F_TSO6;
    if (accepted.ecn && (accepted.tso4 || accepted.tso6)) flags |= TUN_F_TSO_ECN;
    // The kernel has both or none (as it wants them set together).
    if (accepted.uso4 && accepted.uso6) flags |= TUN_F_USO4 | TUN_F_USO6;
  }
  return ::ioctl(queues_[0].fd.get(), TUNSETOFFLOAD, static_cast<unsigned long>(flags)) == 0;
}

void Tap::start(const NetOffloads& accepted, std::uint16_t queues) {
  for (Queue& queue : queues_) attach(queue, true);
  adjust(accepted, queues);
  for (Queue& queue : queues_) discard(queue);
}

void Tap::adjust(const NetOffloads& accepted, std::uint16_t queues) {
  accepted_ = accepted;
  (void)set_offloads(accepted);  // a subset of what has been tried
  for (std::size_t n = 0; n < queues_.size(); ++n) attach(queues_[n], n < queues);
}

void Tap::stop() {
  accepted_ = {};
  for (Queue& queue : queues_) {
    discard(queue);
    mute(queue);
  }
}

void Tap::mute(Queue& queue) {
  queue.muted = true;
  watch(queue);
}

void Tap::attach(Queue& queue, bool on) {
  if (queues_.size() > 1 && queue.attached != on) {
    ifreq request{};
    request.ifr_flags = static_cast<short>(on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE);
    if (::ioctl(queue.fd.get(), TUNSETQUEUE, &request) == 0) queue.attached = on;
  }
  if (!on) {
    discard(queue);
    mute(queue);
  }
}

void Tap::discard(Queue& queue) {
  queue.busy = false;
  if (!queue.waiting.bytes.empty()) ++counters_.discarded;
  queue.waiting = {};
  for (int n = 0; n<kMostDiscarded&& ::read(queue.fd.get(), queue.buffer.data(), queue.buffer.size())> 0;
       ++n) {
    ++counters_.discarded;
  }
}

/// A deleted interface is ready for ever, and each call on it fails.
void Tap::lose(int error) {
  gone_ = true;
  for (Queue& queue : queues_) {
    queue.busy = false;
    wake_.forget(queue.fd.get());
  }
  say_somewhere(log_, fmt::format("the interface {} is gone ({}): serve again once it is there", name_,
                                  std::strerror(error)));
}

void Tap::watch(Queue& queue) {
  if (gone_) return;
  wake_.watch(queue.fd.get(), (queue.muted ? 0u : static_cast<unsigned>(EPOLLIN)) |
                                  (queue.busy ? static_cast<unsigned>(EPOLLOUT) : 0u));
}

NetSent Tap::send(std::uint16_t number, const NetHeader& header,
                  std::span<const std::span<const std::byte>> parts) {
  if (gone_) {
    ++counters_.refused;
    return NetSent::kDropped;
  }
  Queue& queue = queues_[number % queues_.size()];
  const virtio::virtio_net_hdr wire = virtio::to_wire(header, 0);
  std::array<iovec, 512> pieces;
  if (parts.size() >= pieces.size()) return NetSent::kDropped;
  pieces[0] = {const_cast<virtio::virtio_net_hdr*>(&wire), kHeader};
  int count = 1;
  for (const auto part : parts) {
    if (!part.empty())
      pieces[static_cast<std::size_t>(count++)] = {const_cast<std::byte*>(part.data()), part.size()};
  }
  if (::writev(queue.fd.get(), pieces.data(), count) >= 0) {
    if (std::exchange(queue.busy, false)) watch(queue);
    return NetSent::kSent;
  }
  if (errno == EAGAIN) {
    queue.busy = true;
    watch(queue);
    return NetSent::kBusy;
  }
  ++counters_.refused;
  if (errno == EBADFD) lose(errno);
  return NetSent::kDropped;
}

bool Tap::can_send(std::uint16_t number) const {
  const Queue& queue = queues_[number % queues_.size()];
  if (!queue.busy) return true;
  pollfd member{queue.fd.get(), POLLOUT, 0};
  return ::poll(&member, 1, 0) > 0;
}

NetFrame Tap::front(std::uint16_t number) {
  if (number >= queues_.size()) return {};
  Queue& queue = queues_[number];
  if (!queue.attached) return {};  // to the kernel it is as a deleted one
  if (!queue.waiting.bytes.empty()) {
    // Asked again without pop(): there is no buffer for it. The next frame would wake us in vain.
    if (!queue.muted) mute(queue);
    return queue.waiting;
  }
  for (int tries = 0; tries < 64; ++tries) {
    const ssize_t got = ::read(queue.fd.get(), queue.buffer.data(), queue.buffer.size());
    if (got <= 0) {
      if (got < 0 && errno != EAGAIN && errno != EINTR && !gone_) lose(errno);
      if (std::exchange(queue.muted, false)) watch(queue);  // somebody looks, and may sleep now
      return {};
    }
    const std::span<const std::byte> bytes(queue.buffer.data(), static_cast<std::size_t>(got));
    const auto wire = read_wire<virtio::virtio_net_hdr>(bytes);
    if (wire) {
      const auto header = virtio::check_header(*wire, bytes.size() - kHeader, accepted_);
      if (header.ok()) {
        queue.waiting = {*header, bytes.subspan(kHeader)};
        return queue.waiting;
      }
    }
    ++counters_.malformed;
  }
  return {};
}

void Tap::pop(std::uint16_t number) {
  if (number >= queues_.size()) return;
  Queue& queue = queues_[number];
  queue.waiting = {};
  if (std::exchange(queue.muted, false)) watch(queue);
}

}  // namespace hawser::process
