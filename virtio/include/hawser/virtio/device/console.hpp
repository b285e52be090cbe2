// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The console device (VIRTIO 1.3 §5.3) with one or more ports, each with its own backend.
#pragma once

#include <hawser/virtio/console_spec.hpp>
#include <hawser/virtio/device/console_backend.hpp>
#include <hawser/virtio/device/console_port.hpp>
#include <hawser/virtio/device/model.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace hawser::virtio::device {

template <ConsoleBackend Backend>
struct ConsolePortConfig {
  Backend* backend = nullptr;
  std::string_view name;  ///< Outlives the device. May be empty.
  bool console = true;    ///< A terminal, not just a stream of bytes.
};

struct ConsoleCounters {
  std::uint64_t messages_ignored =
      0;  ///< Control messages that were cut short, unknown, or about unknown ports.
};

/// No byte is lost in it: what a full backend does not take, and what the driver gives no buffer for, waits.
template <LendableMemory M, ConsoleBackend Backend, std::uint16_t kMaxPorts = 1,
          std::uint16_t kQueueSize = 64>
class Console {
  static_assert(kMaxPorts >= 1 && kMaxPorts <= 0x3fff);

 public:
  static constexpr std::uint32_t kDeviceId = VIRTIO_ID_CONSOLE;

  /// One to kMaxPorts ports; what is too much is left out. Port 0 is the one that drivers without multiport see.
  explicit Console(std::span<const ConsolePortConfig<Backend>> ports) {
    count_ = static_cast<std::uint16_t>(std::min<std::size_t>(ports.size(), kMaxPorts));
    for (std::uint16_t id = 0; id < count_; ++id) {
      ports_[id].set_up(*ports[id].backend, ports[id].name, ports[id].console);
    }
  }
  explicit Console(Backend& only) {
    count_ = 1;
    ports_[0].set_up(only, {}, true);
  }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console() { stop(); }

  // --- DeviceModel ---

  Features offered() const {
    return {VIRTIO_CONSOLE_F_SIZE, VIRTIO_CONSOLE_F_MULTIPORT, VIRTIO_CONSOLE_F_EMERG_WRITE};
  }
  bool acceptable(const Features&) const { return true; }
  std::uint16_t queue_count() const { return static_cast<std::uint16_t>(2 * count_ + 2); }
  std::uint16_t queue_max_size(std::uint16_t index) const {
    return index < queue_count() ? kQueueSize : std::uint16_t{0};
  }

  std::uint32_t config_size() const { return sizeof(virtio_console_config); }
  void read_config(std::uint32_t at, std::span<std::byte> out) const {
    const ConsoleSize size = ports_[0].size();
    const virtio_console_config config{size.columns, size.rows, count_, 0};
    const auto bytes = wire_bytes(config);
    if (out.empty() || at > bytes.size() || out.size() > bytes.size() - at) return;
    std::memcpy(out.data(), bytes.data() + at, out.size());
  }
  /// §5.3.4: a character for emergencies, also before the queues work. Best effort.
  bool write_config(std::uint32_t at, std::span<const std::byte> in) {
    if (at != offsetof(virtio_console_config, emerg_wr) || in.size() != sizeof(le32)) return false;
    (void)ports_[0].backend().write(in.first(1));
    return true;
  }
  bool take_config_change() {
    look();
    return std::exchange(size_changed_, false);
  }

  void start(const Features& negotiated) {
    multiport_ = negotiated.has(VIRTIO_CONSOLE_F_MULTIPORT);
    size_negotiated_ = negotiated.has(VIRTIO_CONSOLE_F_SIZE);
    started_ = true;
    if (!multiport_) ports_[0].begin_alone();
  }
  void attach(std::uint16_t index, AnyDeviceQueue<M>&& queue) {
    if (index >= queue_count()) return;
    detach(index);
    queues_[index] = std::move(queue);
    attached_[index] = true;
  }
  void detach(std::uint16_t index) {
    if (index >= queue_count()) return;
    if (!is_control(index)) {
      auto& port = ports_[port_of(index)];
      index % 2 == 0 ? port.forget_receiving() : port.forget_transmitting();
    }
    queues_[index] = {};
    attached_[index] = false;
    if (index == kControlToDriver) answers_unannounced_ = false;
  }

  Work service(std::uint16_t index) {
    if (!usable(index)) return {};
    look();
    Work work;
    AnyDeviceQueue<M>& queue = queues_[index];
    if (index == kControlToDriver) {
      work.more = send_news(queue);
    } else if (index == kControlToDevice) {
      work.more = take_messages(queue);
    } else if (index % 2 == 0) {
      work.more = ports_[port_of(index)].receive(queue, kBudget);
    } else {
      work.more = ports_[port_of(index)].transmit(queue, kBudget);
    }
    work.notify = queue.publish();
    if (index == kControlToDriver) work.notify = std::exchange(answers_unannounced_, false) || work.notify;
    if (index == kControlToDevice) work.more = answer_at_once() || work.more;
    if (queue.fault() != QueueFault::kNone) broken_ = true;
    if (broken_) {
      work.more = false;
      // Nobody reads any more, so the backends must not wake anybody for it.
      for (std::uint16_t id = 0; id < count_; ++id) ports_[id].set_driver_open(false);
    }
    return work;
  }

  bool prepare_to_wait(std::uint16_t index) {
    if (!usable(index)) return false;
    AnyDeviceQueue<M>& queue = queues_[index];
    if (index == kControlToDriver) {
      if (answers_unannounced_) return true;
      look();
      if (any_news()) return queue.arm();
      queue.disarm();
      return false;
    }
    if (index == kControlToDevice) return queue.arm();
    auto& port = ports_[port_of(index)];
    return index % 2 == 0 ? port.prepare_to_wait_to_receive(queue) : port.prepare_to_wait_to_transmit(queue);
  }

  bool needs_reset() const { return broken_; }

  void stop() {
    for (std::uint16_t index = 0; index < queue_count(); ++index) detach(index);
    for (std::uint16_t id = 0; id < count_; ++id) ports_[id].end();
    started_ = broken_ = device_ready_ = multiport_ = size_negotiated_ = size_changed_ = false;
  }

  // --- for whoever runs it ---

  /// Takes a port away from the driver, or gives it back (multiport only; other drivers do not notice).
  void plug(std::uint16_t id, bool on) {
    if (id < count_) ports_[id].plug(on, device_ready_);
  }
  const ConsoleCounters& counters() const { return counters_; }

 private:
  static constexpr int kBudget = 64;  ///< Chains per service(), so that no queue starves another.
  static constexpr std::uint16_t kControlToDriver = 2;
  static constexpr std::uint16_t kControlToDevice = 3;

  // §5.3.2: port 0, control, then the other ports.
  static bool is_control(std::uint16_t index) {
    return index == kControlToDriver || index == kControlToDevice;
  }
  static std::uint16_t port_of(std::uint16_t index) {
    return static_cast<std::uint16_t>(index < kControlToDriver ? 0 : index / 2 - 1);
  }
  bool usable(std::uint16_t index) const {
    return started_ && !broken_ && index < queue_count() && attached_[index] &&
           (multiport_ || index < kControlToDriver);
  }

  void look() {
    for (std::uint16_t id = 0; id < count_; ++id) {
      const bool resized = ports_[id].look();
      if (id == 0 && resized && size_negotiated_) size_changed_ = true;
    }
  }
  bool any_news() const {
    return std::any_of(ports_.begin(), ports_.begin() + count_,
                       [](const auto& port) { return port.has_news(); });
  }

  bool send_news(AnyDeviceQueue<M>& queue) {
    int budget = kBudget;
    for (std::uint16_t id = 0; id < count_; ++id) {
      while (ports_[id].has_news()) {
        if (budget-- == 0) return true;
        auto chain = queue.try_take(control_segments_);
        if (!chain.ok()) return false;  // news waits for a buffer
        ChainWriter<M> writer(queue.memory(), *chain);
        const std::uint32_t bytes = ports_[id].write_news(id, writer);
        queue.complete(std::move(*chain), bytes);
      }
    }
    return false;
  }

  /// What a message from the driver caused is sent without waiting to be asked for. True: the driver is to be told of
  /// it, which only the other queue's next service() can do: a notification names the queue that was served.
  bool answer_at_once() {
    if (!attached_[kControlToDriver]) return false;
    AnyDeviceQueue<M>& queue = queues_[kControlToDriver];
    (void)send_news(queue);
    if (queue.fault() != QueueFault::kNone) broken_ = true;
    const bool wanted = queue.publish();
    answers_unannounced_ = answers_unannounced_ || wanted;
    return wanted;
  }

  bool take_messages(AnyDeviceQueue<M>& queue) {
    for (int n = 0; n < kBudget; ++n) {
      auto chain = queue.try_take(control_segments_);
      if (!chain.ok()) return false;
      ChainReader<M> reader(queue.memory(), *chain);
      const auto message = reader.template read_wire<virtio_console_control>();
      if (!message.ok() || !obey(*message)) ++counters_.messages_ignored;
      queue.complete(std::move(*chain), 0);
    }
    return true;
  }

  bool obey(const virtio_console_control& message) {
    const std::uint16_t value = message.value;
    if (message.event == VIRTIO_CONSOLE_DEVICE_READY) {
      device_ready_ = value == 1;
      for (std::uint16_t id = 0; device_ready_ && id < count_; ++id) ports_[id].introduce();
      return value <= 1;
    }
    const std::uint32_t id = message.id;
    if (id >= count_ || !ports_[id].plugged()) return false;
    switch (message.event) {
      case VIRTIO_CONSOLE_PORT_READY:
        ports_[id].driver_ready(value == 1);
        return value <= 1;
      case VIRTIO_CONSOLE_PORT_OPEN:
        ports_[id].set_driver_open(value == 1);
        return value <= 1;
      default:
        return false;
    }
  }

  std::array<ConsolePort<M, Backend, kQueueSize>, kMaxPorts> ports_;
  std::array<AnyDeviceQueue<M>, 2 * kMaxPorts + 2> queues_;
  std::array<bool, 2 * kMaxPorts + 2> attached_{};
  std::array<Segment, kQueueSize> control_segments_;
  ConsoleCounters counters_;
  std::uint16_t count_ = 0;
  bool started_ = false;
  bool multiport_ = false;
  bool size_negotiated_ = false;
  bool size_changed_ = false;
  bool device_ready_ = false;
  bool answers_unannounced_ = false;  ///< Published in the control queue, and the driver is still to be told.
  bool broken_ = false;
};

}  // namespace hawser::virtio::device
