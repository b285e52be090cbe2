// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device behind somebody else's vhost-user socket, for Hawser's own drivers: as much of the protocol as a block device
// and a benchmark need. Rings and buffers lie in a memory file that the device maps as a whole, so the addresses in the
// ring are offsets here too.
#pragma once

#include <hawser/virtio/driver/transport.hpp>

#include <hawser/process/owned_fd.hpp>
#include <hawser/transport/memory.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace hawser::peers {

class VhostUserTransport {
 public:
  using MemoryType = RegionMemory;

  /// Null from problem(), or nothing works.
  VhostUserTransport(const std::string& path, std::uint32_t device_id)
      : device_id_(device_id),
        file_(memfd_create("vhost-user", MFD_CLOEXEC)),
        socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        kick_(eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC)),
        call_(eventfd(0, EFD_CLOEXEC)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const std::uint64_t for_ever = UINT64_MAX - 1;
    if (write(kick_.get(), &for_ever, sizeof for_ever) != sizeof for_ever) return;
    if (ftruncate(file_.get(), kBytes) != 0) return;
    void* at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file_.get(), 0);
    if (at == MAP_FAILED) return;
    memory_ = std::span(static_cast<std::byte*>(at), kBytes);
    arena_.emplace(Offset(0), kBytes, bitmap_);
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    problem_ = nullptr;
  }
  ~VhostUserTransport() {
    if (!memory_.empty()) munmap(memory_.data(), memory_.size());
  }
  VhostUserTransport(const VhostUserTransport&) = delete;
  VhostUserTransport& operator=(const VhostUserTransport&) = delete;

  const char* problem() const { return problem_; }

  // --- DriverTransport ---

  std::uint32_t device_id() const { return device_id_; }

  Result<virtio::Features, virtio::TransportError> negotiate(virtio::Features wanted) {
    HAWSER_CHECK(reset());
    std::uint64_t offered = 0, protocol = 0;
    if (!ask(kGetFeatures, {}, offered)) return Err{virtio::TransportError::kBadAnswer};
    if ((offered & kProtocolFeatures) == 0 || !ask(kGetProtocolFeatures, {}, protocol) ||
        (protocol & kConfig) == 0)
      return Err{virtio::TransportError::kNotPossible};
    wanted.set(virtio::VIRTIO_F_VERSION_1);
    virtio::Features has;
    has.set_block(0, static_cast<std::uint32_t>(offered & ~kProtocolFeatures));
    has.set_block(1, static_cast<std::uint32_t>(offered >> 32));
    if (!has.has(virtio::VIRTIO_F_VERSION_1)) return Err{virtio::TransportError::kMissingVersion1};
    negotiated_ = wanted & has;
    const std::uint64_t taken =
        std::uint64_t{negotiated_.block(1)} << 32 | negotiated_.block(0) | kProtocolFeatures;
    const Region region{1, 0, 0, kBytes, user_address(Offset(0)), 0};
    if (!tell(kSetProtocolFeatures, kConfig) || !(owned_ || tell(kSetOwner)) || !tell(kSetFeatures, taken) ||
        !tell(kSetMemory, region, file_.get()))
      return Err{virtio::TransportError::kLinkDown};
    owned_ = true;
    return negotiated_;
  }

  Result<void, virtio::TransportError> read_config(std::uint32_t at, std::span<std::byte> out) {
    std::vector<std::byte> message(12 + out.size());
    const std::array<std::uint32_t, 3> head{at, static_cast<std::uint32_t>(out.size()), 0};
    std::memcpy(message.data(), head.data(), sizeof head);
    std::vector<std::byte> answer(message.size());
    if (!send(kGetConfig, message, -1) || !receive(kGetConfig, answer))
      return Err{virtio::TransportError::kBadAnswer};
    std::memcpy(out.data(), answer.data() + sizeof head, out.size());
    return {};
  }
  Result<void, virtio::TransportError> write_config(std::uint32_t, std::span<const std::byte>) {
    return Err{virtio::TransportError::kNotPossible};
  }

  Result<std::uint16_t, virtio::TransportError> queue_max_size(std::uint16_t index) {
    return static_cast<std::uint16_t>(index == 0 ? 128 : 0);
  }

  Result<virtio::AnyDriverQueue<RegionMemory>, virtio::TransportError> start_queue(
      std::uint16_t index, std::uint16_t size, std::span<virtio::DriverSlot> slots) {
    if (index != 0 || shape_) return Err{virtio::TransportError::kNoSuchQueue};
    const virtio::RingShape shape = virtio::ring_bytes(virtio::ring_format(negotiated_), size);
    const auto descriptors = arena_->allocate(shape.descriptors.bytes, 4096);
    const auto driver = arena_->allocate(shape.driver.bytes, 64),
               device = arena_->allocate(shape.device.bytes, 64);
    if (!descriptors || !driver || !device) return Err{virtio::TransportError::kNoMemory};
    layout_ = {size, *descriptors, *driver, *device};
    shape_ = shape;
    auto queue = virtio::AnyDriverQueue<RegionMemory>::make(memory(), layout_, negotiated_, slots);
    if (!queue.ok()) return Err{virtio::TransportError::kQueueRefused};
    const Addresses addresses{
        0, 0, user_address(layout_.descriptors), user_address(layout_.device), user_address(layout_.driver),
        0};
    const bool done = tell(kSetSize, State{0, size}) && tell(kSetBase, State{0, 0}) &&
                      tell(kSetAddresses, addresses) && tell(kSetCall, std::uint64_t{0}, call_.get()) &&
                      tell(kSetKick, std::uint64_t{0}, kick_.get()) && tell(kSetEnable, State{0, 1});
    if (!done) return Err{virtio::TransportError::kLinkDown};
    return std::move(queue).value();
  }

  Result<void, virtio::TransportError> start() { return {}; }
  void notify(std::uint16_t, std::uint32_t) {}  // see kick_
  Result<void, virtio::TransportError> reset_queue(std::uint16_t) {
    return Err{virtio::TransportError::kNotPossible};
  }
  /// A ring ends when the device has told where it was.
  Result<void, virtio::TransportError> reset() {
    if (!shape_) return {};
    std::uint64_t word = 0;
    if (!ask(kGetBase, State{0, 0}, word)) return Err{virtio::TransportError::kLinkDown};
    arena_->release(layout_.descriptors, shape_->descriptors.bytes);
    arena_->release(layout_.driver, shape_->driver.bytes);
    arena_->release(layout_.device, shape_->device.bytes);
    shape_.reset();
    return {};
  }
  void fail() {}
  bool take_config_change() { return false; }
  bool needs_reset() const { return false; }
  virtio::Arena& arena() { return *arena_; }
  RegionMemory memory() const { return RegionMemory{memory_}; }
  Instant now() const {
    return Instant{static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count())};
  }
  Wake wait(Instant) {
    std::this_thread::yield();
    return Wake::kRung;
  }

 private:
  static constexpr std::size_t kBytes = 8u << 20;
  static constexpr std::uint64_t kProtocolFeatures = 1u << 30, kConfig = 1u << 9;
  enum Request : std::uint32_t {
    kGetFeatures = 1,
    kSetFeatures = 2,
    kSetOwner = 3,
    kSetMemory = 5,
    kSetSize = 8,
    kSetAddresses = 9,
    kSetBase = 10,
    kGetBase = 11,
    kSetKick = 12,
    kSetCall = 13,
    kGetProtocolFeatures = 15,
    kSetProtocolFeatures = 16,
    kSetEnable = 18,
    kGetConfig = 24
  };
  struct Header {
    std::uint32_t request, flags, bytes;
  };
  struct State {
    std::uint32_t index, value;
  };
  struct Addresses {
    std::uint32_t index, flags;
    std::uint64_t descriptors, used, available, log;
  };
  struct Region {
    std::uint32_t count, padding;
    std::uint64_t guest, bytes, user, offset;
  };
  struct Nothing {};

  std::uint64_t user_address(Offset at) const {
    return reinterpret_cast<std::uintptr_t>(memory_.data()) + at.bytes();
  }

  bool send(Request request, std::span<const std::byte> payload, int fd) {
    Header header{request, 1, static_cast<std::uint32_t>(payload.size())};
    std::array<iovec, 2> parts{
        {{&header, sizeof header}, {const_cast<std::byte*>(payload.data()), payload.size()}}};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    if (fd >= 0) {
      message.msg_control = room.data();
      message.msg_controllen = room.size();
      cmsghdr* control = CMSG_FIRSTHDR(&message);
      control->cmsg_level = SOL_SOCKET;
      control->cmsg_type = SCM_RIGHTS;
      control->cmsg_len = CMSG_LEN(sizeof fd);
      std::memcpy(CMSG_DATA(control), &fd, sizeof fd);
    }
    return sendmsg(socket_.get(), &message, MSG_NOSIGNAL) ==
           static_cast<ssize_t>(sizeof header + payload.size());
  }

  bool receive(Request request, std::span<std::byte> payload) {
    Header header{};
    return recv(socket_.get(), &header, sizeof header, MSG_WAITALL) == sizeof header &&
           header.request == request && header.bytes == payload.size() &&
           recv(socket_.get(), payload.data(), payload.size(), MSG_WAITALL) ==
               static_cast<ssize_t>(payload.size());
  }

  bool tell(Request request) { return send(request, {}, -1); }
  template <class T>
  bool tell(Request request, const T& payload, int fd = -1) {
    return send(request, std::as_bytes(std::span(&payload, 1)), fd);
  }
  template <class T>
  bool ask(Request request, const T& question, std::uint64_t& answer) {
    const bool empty = std::is_empty_v<T>;
    return (empty ? tell(request) : tell(request, question)) &&
           receive(request, std::as_writable_bytes(std::span(&answer, 1)));
  }
  bool ask(Request request, Nothing, std::uint64_t& answer) {
    return ask<Nothing>(request, Nothing{}, answer);
  }

  const std::uint32_t device_id_;
  process::OwnedFd file_, socket_;
  /// Each read takes one off it, and there are enough for centuries: a device that knows no polling, but looks again as
  /// long as this is readable, polls.
  process::OwnedFd kick_;
  process::OwnedFd call_;
  std::span<std::byte> memory_;
  std::vector<std::uint64_t> bitmap_ = std::vector<std::uint64_t>(virtio::Arena::bitmap_words(kBytes));
  std::optional<virtio::Arena> arena_;
  virtio::Features negotiated_;
  virtio::QueueLayout layout_;
  std::optional<virtio::RingShape> shape_;
  bool owned_ = false;
  const char* problem_ = "nobody answers at the vhost-user socket";
};

static_assert(virtio::DriverTransport<VhostUserTransport>);

}  // namespace hawser::peers
