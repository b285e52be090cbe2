// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One port of a console device: its two queues, its backend, and what the driver has yet to be told of it.
#pragma once

#include <hawser/virtio/console_spec.hpp>
#include <hawser/virtio/device/console_backend.hpp>
#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/chain_io.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace hawser::virtio::device {

/// Messages to the driver (§5.3.6.2). As a set of bits: a flood of requests makes no longer line than this.
enum class PortNews : std::uint8_t {
  kRemove = 1 << 0,  // in the order in which they are sent
  kAdd = 1 << 1,
  kConsole = 1 << 2,
  kName = 1 << 3,
  kSize = 1 << 4,
  kOpen = 1 << 5,
};

template <LendableMemory M, ConsoleBackend Backend, std::uint16_t kQueueSize>
class ConsolePort {
 public:
  /// The name outlives the port. A console port has a size and is where a driver puts its terminal.
  void set_up(Backend& backend, std::string_view name, bool console) {
    backend_ = &backend;
    name_ = name;
    console_ = console;
    size_shown_ = backend.size();
  }

  Backend& backend() const { return *backend_; }
  std::string_view name() const { return name_; }
  bool console() const { return console_; }
  bool plugged() const { return plugged_; }
  bool open() const { return driver_open_; }

  // --- bytes ---

  /// From the backend into the driver's buffers. True: stopped because of the budget. A buffer for which there are no
  /// bytes yet stays with us.
  bool receive(AnyDeviceQueue<M>& queue, int budget) {
    if (!driver_open_) return false;  // what comes in before somebody reads stays where it is
    for (; budget != 0; --budget) {
      if (!receiving_.held()) {
        auto chain = queue.try_take(receiving_segments_);
        if (!chain.ok()) return false;
        receiving_ = std::move(*chain);
      }
      ChainWriter<M> writer(queue.memory(), receiving_);
      std::uint32_t bytes = 0;
      while (!writer.done()) {
        auto room = writer.borrow();
        if (!room.ok()) break;
        const std::size_t got = std::min(backend_->read(*room), room->size());
        bytes += static_cast<std::uint32_t>(got);
        if (got < room->size()) break;
      }
      if (bytes == 0 && receiving_.writable_bytes() != 0) return false;
      queue.complete(std::move(receiving_), bytes);
    }
    return true;
  }

  /// From the driver to the backend. What a full backend does not take stays with us, in its place.
  bool transmit(AnyDeviceQueue<M>& queue, int budget) {
    for (; budget != 0; --budget) {
      if (!transmitting_.held()) {
        auto chain = queue.try_take(transmitting_segments_);
        if (!chain.ok()) return false;
        transmitting_ = std::move(*chain);
        transmitted_ = 0;
      }
      ChainReader<M> reader(queue.memory(), transmitting_);
      (void)reader.skip(transmitted_);  // at most what it has
      while (plugged_ && !reader.done()) {
        auto bytes = reader.borrow();
        if (!bytes.ok()) break;
        const std::size_t taken = std::min(backend_->write(*bytes), bytes->size());
        transmitted_ += taken;
        if (taken < bytes->size()) return false;
      }
      queue.complete(std::move(transmitting_), 0);
    }
    return true;
  }

  bool prepare_to_wait_to_receive(AnyDeviceQueue<M>& queue) {
    const bool wanted = driver_open_ && receiving_.held();
    want_input(wanted);
    if (driver_open_ && !wanted) return queue.arm();
    queue.disarm();  // we have a buffer, or use for none: only the backend has anything to say
    return false;
  }
  bool prepare_to_wait_to_transmit(AnyDeviceQueue<M>& queue) {
    return transmitting_.held() ? !plugged_ || backend_->writable() : queue.arm();
  }

  /// The queue goes. Nothing is written to it: its memory may be somebody else's by now.
  void forget_receiving() {
    receiving_ = Chain();
    if (input_wanted_) want_input(false);  // nobody asks us before we sleep: there may never be another queue
  }
  void forget_transmitting() { transmitting_ = Chain(); }

  // --- news ---

  /// The device begins, without multiport: there is nothing to negotiate about.
  void begin_alone() { set_driver_open(true); }
  void end() {
    set_driver_open(false);
    driver_ready_ = false;
    added_ = false;
    news_ = 0;
  }
  void plug(bool on, bool device_ready) {
    if (plugged_ == on) return;
    plugged_ = on;
    if (on) {
      if (device_ready) tell(PortNews::kAdd);
      return;
    }
    set_driver_open(false);
    driver_ready_ = false;
    news_ = 0;  // of a port that is gone nothing else is of interest
    if (std::exchange(added_, false)) tell(PortNews::kRemove);
  }

  /// The driver's DEVICE_READY. What it has been told of is not added again (§5.3.6.2.1).
  void introduce() {
    if (plugged_ && !added_) tell(PortNews::kAdd);
  }
  /// The driver's PORT_READY.
  void driver_ready(bool ready) {
    driver_ready_ = ready && plugged_;
    if (!driver_ready_) return;
    if (console_) tell(PortNews::kConsole);
    if (!name_.empty()) tell(PortNews::kName);
    if (console_ && backend_->size() != ConsoleSize{}) tell(PortNews::kSize);
    size_shown_ = backend_->size();
    open_shown_ = backend_->connected();
    if (open_shown_) tell(PortNews::kOpen);
  }
  void set_driver_open(bool open) {
    const bool now = open && plugged_;
    if (std::exchange(driver_open_, now) != now) backend_->driver_open(now);
  }

  /// Notices what changed at the other end. True: the size did.
  bool look() {
    if (driver_ready_) {
      const bool connected = backend_->connected();
      if (std::exchange(open_shown_, connected) != connected) tell(PortNews::kOpen);
    }
    const ConsoleSize size = backend_->size();
    if (std::exchange(size_shown_, size) == size) return false;
    if (driver_ready_ && console_) tell(PortNews::kSize);
    return true;
  }

  bool has_news() const { return news_ != 0; }

  /// Writes the next message; its length. The news is gone only if it fitted.
  std::uint32_t write_news(std::uint16_t id, ChainWriter<M>& writer) {
    const auto news = static_cast<PortNews>(news_ & -news_);
    virtio_console_control message{le32(id), le16(0), le16(1)};
    switch (news) {
      case PortNews::kRemove:
        message.event = VIRTIO_CONSOLE_DEVICE_REMOVE;
        break;
      case PortNews::kAdd:
        message.event = VIRTIO_CONSOLE_DEVICE_ADD;
        break;
      case PortNews::kConsole:
        message.event = VIRTIO_CONSOLE_CONSOLE_PORT;
        break;
      case PortNews::kName:
        message.event = VIRTIO_CONSOLE_PORT_NAME;
        break;
      case PortNews::kSize:
        message.event = VIRTIO_CONSOLE_RESIZE;
        break;
      case PortNews::kOpen:
        message.event = VIRTIO_CONSOLE_PORT_OPEN;
        message.value = open_shown_ ? 1 : 0;
        break;
    }
    if (!writer.write_wire(message).ok()) return 0;
    std::size_t bytes = sizeof(message);
    if (news == PortNews::kSize) {
      const virtio_console_resize size{size_shown_.columns, size_shown_.rows};
      if (!writer.write_wire(size).ok()) return 0;
      bytes += sizeof(size);
    } else if (news == PortNews::kName) {
      const auto wrote = writer.write_some(std::as_bytes(std::span(name_)));  // a long name may be cut
      if (!wrote.ok()) return 0;
      bytes += *wrote;
    } else if (news == PortNews::kAdd) {
      added_ = true;
    }
    news_ = static_cast<std::uint8_t>(news_ & (news_ - 1));
    return static_cast<std::uint32_t>(bytes);
  }

  ConsoleSize size() const { return size_shown_; }

 private:
  void tell(PortNews news) { news_ |= static_cast<std::uint8_t>(news); }
  void want_input(bool on) {
    input_wanted_ = on;
    if constexpr (requires { backend_->want_input(on); }) backend_->want_input(on);
  }

  Backend* backend_ = nullptr;
  std::string_view name_;
  ConsoleSize size_shown_;
  Chain receiving_;
  Chain transmitting_;
  std::uint64_t transmitted_ = 0;  ///< Bytes of transmitting_ that the backend has.
  std::array<Segment, kQueueSize> receiving_segments_;
  std::array<Segment, kQueueSize> transmitting_segments_;
  std::uint8_t news_ = 0;
  bool console_ = false;
  bool plugged_ = true;
  bool added_ = false;         ///< The driver has been told that it exists.
  bool driver_ready_ = false;  ///< ... and has said that it can deal with it.
  bool driver_open_ = false;
  bool open_shown_ = false;
  bool input_wanted_ = false;  ///< As the backend was told last.
};

}  // namespace hawser::virtio::device
