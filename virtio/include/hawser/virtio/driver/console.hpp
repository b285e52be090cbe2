// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The console driver (VIRTIO 1.3 §5.3): ports of bytes, with names, sizes and somebody at the other end or not.
#pragma once

#include <hawser/virtio/console_spec.hpp>
#include <hawser/virtio/driver/console_port.hpp>
#include <hawser/virtio/driver/transport.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace hawser::virtio::driver {

struct ConsoleDriverOptions {
  Features queue_features = kQueueFeatures;  ///< Of the queue features, those to ask for.
  bool multiport = true;                     ///< Without it there is port 0 and nothing to be told about it.
  bool open_ports = true;                    ///< Open each port as soon as it appears; a console is always.
};

struct ConsoleDriverCounters {
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t uncertain_bytes = 0;  ///< In flight when the device went away: perhaps written, perhaps not.
  std::uint64_t messages_ignored =
      0;  ///< Control messages that were cut short, unknown, or about unknown ports.
};

/// What the device says about a port.
struct ConsolePortState {
  static constexpr std::size_t kNameBytes = 48;

  bool present = false;
  bool connected = false;  ///< Somebody is at the other end.
  bool console = false;    ///< The device wants a terminal there.
  std::uint16_t columns = 0;
  std::uint16_t rows = 0;

  std::string_view name() const { return {name_text.data(), name_bytes}; }
  std::array<char, kNameBytes> name_text{};
  std::uint8_t name_bytes = 0;
};

/// One thread; nothing here waits, except start() and resume() as long as the transport does. Bytes in flight when
/// the device is lost are neither written again nor taken for written, for either may be wrong: they are counted.
/// Buffers go back to the arena in a stop() whose reset is confirmed, no sooner: a device that seems gone may be slow. A
/// driver that is destroyed before leaves them taken.
template <DriverTransport T, std::uint16_t kMaxPorts = 1, std::uint16_t kQueueSize = 16,
          std::uint32_t kBufferBytes = 256>
class Console {
  using M = typename T::MemoryType;
  static_assert(kMaxPorts >= 1 && kMaxPorts <= 0x3fff && std::has_single_bit(kQueueSize));

 public:
  explicit Console(const ConsoleDriverOptions& options = {}) : options_(options) {}
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// From reset to DRIVER_OK. The transport must stay where it is until stop() or another resume().
  Result<void, TransportError> start(T& transport) {
    transport_ = &transport;
    const auto done = bring_up();
    if (!done.ok()) {
      stop();  // memory comes back by a reset only, so the device is told after it
      transport.fail();
    }
    return done;
  }

  /// The device or the link is gone: nothing that it did from now on is believed.
  void suspend() {
    for (Port& port : ports_) {
      counters_.uncertain_bytes += port.transmitter.drop();
      port.receive = {};
      port.transmit = {};
      port.state = {};
      port.answers = 0;
    }
    (void)messages_out_.drop();
    control_in_ = {};
    control_out_ = {};
    refusal_.reset();
    started_ = false;
  }

  /// The device is back, perhaps behind another transport (with the same arena: buffers lie there). On an error call it
  /// again.
  Result<void, TransportError> resume(T& transport) {
    suspend();
    return start(transport);
  }

  /// Resets the device and gives all memory back; if the reset is not confirmed, the next start() has it again.
  void stop() {
    if (transport_ == nullptr) return;
    suspend();
    if (transport_->reset().ok()) release();
    transport_ = nullptr;
  }

  bool started() const { return started_; }
  bool multiport() const { return started_ && negotiated_.has(VIRTIO_CONSOLE_F_MULTIPORT); }
  /// Ports that can exist: the device's, as far as kMaxPorts goes.
  std::uint16_t ports() const { return count_; }
  const ConsoleDriverCounters& counters() const { return counters_; }

  /// The device latched itself or one of its queues broken. Only resume() helps.
  bool broken() const {
    if (!started_) return false;
    if (transport_->needs_reset() || (multiport() && (faulty(control_in_) || faulty(control_out_))))
      return true;
    return std::any_of(ports_.begin(), ports_.begin() + count_,
                       [](const Port& port) { return faulty(port.receive) || faulty(port.transmit); });
  }

  /// Queues bytes for a port; how many. Fewer than given: no room now, or no such port.
  std::size_t write(std::uint16_t id, std::span<const std::byte> bytes) {
    if (!usable(id) || bytes.empty()) return 0;
    Port& port = ports_[id];
    const std::size_t done = port.transmitter.write(port.transmit, bytes);
    counters_.written_bytes += done;
    publish(port.transmit, transmit_index(id));
    return done;
  }
  /// Copies what has arrived, as much as fits; how much.
  std::size_t read(std::uint16_t id, std::span<std::byte> out) {
    if (!usable(id)) return 0;
    Port& port = ports_[id];
    bool given = false;
    const std::size_t done = port.receiver.read(port.receive, out, given);
    counters_.read_bytes += done;
    if (given) publish(port.receive, receive_index(id));
    return done;
  }
  /// Bytes written that the device has not taken yet.
  std::uint64_t unwritten(std::uint16_t id) {
    if (!usable(id)) return 0;
    ports_[id].transmitter.reclaim(ports_[id].transmit);
    return ports_[id].transmitter.in_flight();
  }

  /// Takes in what the device says about its ports. True: take_change() has news.
  bool poll() {
    if (!started_) return false;
    if (transport_->take_config_change() && read_size().ok()) ports_[0].changed = true;
    if (multiport()) {
      take_messages();
      send_answers();
    }
    return std::any_of(ports_.begin(), ports_.begin() + count_,
                       [](const Port& port) { return port.changed; });
  }
  const ConsolePortState& port(std::uint16_t id) const {
    static constexpr ConsolePortState kNoPort{};
    return id < count_ ? ports_[id].state : kNoPort;
  }
  /// True once after port(id) changed.
  bool take_change(std::uint16_t id) { return id < count_ && std::exchange(ports_[id].changed, false); }

  /// Tells the device that somebody reads the port, or nobody any more (multiport only).
  void open(std::uint16_t id, bool on = true) {
    if (id >= count_ || !multiport() || !ports_[id].state.present) return;
    ports_[id].open = on;
    ports_[id].answers |= kTellOpen;
    send_answers();
  }

  /// Asks the device to tell of received bytes and messages, and of room for answers that found none. True: look again
  /// instead of waiting.
  bool prepare_to_wait() {
    bool again = false;
    for (std::uint16_t id = 0; started_ && id < count_; ++id) again = ports_[id].receive.arm() || again;
    if (!multiport()) return again;
    if (!refusal_) again = control_in_.arm() || again;  // else messages are not read anyway
    if (!owes_answers()) {
      control_out_.disarm();
      return again;
    }
    return control_out_.arm() || again;
  }
  /// Asks the device also to tell when it has taken written bytes. True: try again at once.
  bool prepare_to_wait_for_room(std::uint16_t id) { return usable(id) && ports_[id].transmit.arm(); }

 private:
  static constexpr std::uint32_t kMessageBytes = 64;
  static constexpr std::uint16_t kControlToDriver = 2;
  static constexpr std::uint16_t kControlToDevice = 3;
  // Messages owed to the device, as a set: a flood of questions makes no longer line than this.
  static constexpr std::uint8_t kTellReady = 1;
  static constexpr std::uint8_t kTellOpen = 2;

  struct Port {
    AnyDriverQueue<M> receive;
    AnyDriverQueue<M> transmit;
    ConsoleReceiver<M, kQueueSize, kBufferBytes> receiver;
    ConsoleTransmitter<M, kQueueSize, kBufferBytes> transmitter;
    std::array<DriverSlot, kQueueSize> receive_slots{};
    std::array<DriverSlot, kQueueSize> transmit_slots{};
    ConsolePortState state;
    std::uint8_t answers = 0;
    bool changed = false;
    bool open = false;
  };

  // §5.3.2: port 0, control, then the other ports.
  static std::uint16_t receive_index(std::uint16_t id) {
    return static_cast<std::uint16_t>(id == 0 ? 0 : 2 * id + 2);
  }
  static std::uint16_t transmit_index(std::uint16_t id) {
    return static_cast<std::uint16_t>(receive_index(id) + 1);
  }
  static bool faulty(const AnyDriverQueue<M>& queue) { return queue.fault() != QueueFault::kNone; }
  bool usable(std::uint16_t id) const { return started_ && id < count_ && ports_[id].state.present; }

  Result<void, TransportError> bring_up() {
    if (transport_->device_id() != VIRTIO_ID_CONSOLE) return Err{TransportError::kNoSuchDevice};
    suspend();
    Features wanted = options_.queue_features | Features{VIRTIO_CONSOLE_F_SIZE};
    wanted.set(VIRTIO_CONSOLE_F_MULTIPORT, options_.multiport);
    HAWSER_TRY(negotiated, transport_->negotiate(wanted));
    negotiated_ = negotiated;
    count_ = 1;
    const bool multiport = negotiated_.has(VIRTIO_CONSOLE_F_MULTIPORT);
    if (multiport) {
      le32 most(0);
      HAWSER_CHECK(transport_->read_config(offsetof(virtio_console_config, max_nr_ports),
                                           std::as_writable_bytes(std::span(&most, 1))));
      device_ports_ = most;
      if (device_ports_ == 0) return Err{TransportError::kBadAnswer};
      count_ = static_cast<std::uint16_t>(std::min<std::uint32_t>(device_ports_, kMaxPorts));
    } else {
      ports_[0].state.present = ports_[0].state.connected = ports_[0].state.console = true;
      HAWSER_CHECK(read_size());
    }
    for (std::uint16_t id = 0; id < count_; ++id) HAWSER_CHECK(start_port(id));
    if (multiport) HAWSER_CHECK(start_control());
    HAWSER_CHECK(transport_->start());
    started_ = true;
    for (std::uint16_t id = 0; id < count_; ++id) publish(ports_[id].receive, receive_index(id));
    if (multiport) {
      publish(control_in_, kControlToDriver);
      (void)say(0, VIRTIO_CONSOLE_DEVICE_READY, 1);  // the first in an empty queue
      publish(control_out_, kControlToDevice);
    }
    return {};
  }

  void release() {
    Arena& arena = transport_->arena();
    for (Port& port : ports_) {
      port.receiver.release(arena);
      port.transmitter.release(arena);
    }
    messages_in_.release(arena);
    messages_out_.release(arena);
  }

  Result<void, TransportError> start_port(std::uint16_t id) {
    Port& port = ports_[id];
    HAWSER_TRY(receive, start_queue(receive_index(id), port.receive_slots));
    port.receive = std::move(receive);
    HAWSER_TRY(transmit, start_queue(transmit_index(id), port.transmit_slots));
    port.transmit = std::move(transmit);
    Arena& arena = transport_->arena();
    if (!port.receiver.allocate(arena) || !port.transmitter.allocate(arena))
      return Err{TransportError::kNoMemory};
    port.receiver.fill(port.receive);
    port.transmit.disarm();  // what has been written is reclaimed when room is needed
    return {};
  }
  Result<void, TransportError> start_control() {
    HAWSER_TRY(in, start_queue(kControlToDriver, control_in_slots_));
    control_in_ = std::move(in);
    HAWSER_TRY(out, start_queue(kControlToDevice, control_out_slots_));
    control_out_ = std::move(out);
    Arena& arena = transport_->arena();
    if (!messages_in_.allocate(arena) || !messages_out_.allocate(arena))
      return Err{TransportError::kNoMemory};
    fill_messages();
    control_out_.disarm();
    return {};
  }
  Result<AnyDriverQueue<M>, TransportError> start_queue(std::uint16_t index, std::span<DriverSlot> slots) {
    HAWSER_TRY(most, transport_->queue_max_size(index));
    if (most == 0) return Err{TransportError::kNoSuchQueue};
    return transport_->start_queue(index, std::bit_floor(std::min(most, kQueueSize)), slots);
  }

  /// §5.3.4: the size of port 0, for those without multiport.
  Result<void, TransportError> read_size() {
    if (!negotiated_.has(VIRTIO_CONSOLE_F_SIZE)) return {};
    std::array<le16, 2> size{le16(0), le16(0)};
    HAWSER_CHECK(transport_->read_config(0, std::as_writable_bytes(std::span(size))));
    ports_[0].state.columns = size[0];
    ports_[0].state.rows = size[1];
    return {};
  }

  void fill_messages() {
    for (std::uint16_t n = 0; n < std::min(kQueueSize, control_in_.size()); ++n) give_message(n);
  }
  void give_message(std::uint64_t buffer) {
    const Segment room{messages_in_.at(buffer), kMessageBytes};
    (void)control_in_.try_add({}, std::span(&room, 1), Token{buffer});
  }

  /// At most one queue's worth, so that no flood keeps us here, and none while a refusal finds no room: there is a
  /// place for only one.
  void take_messages() {
    bool given = false;
    for (std::uint32_t budget = control_in_.size(); budget != 0 && send_refusal(); --budget) {
      const auto reaped = control_in_.try_reap();
      if (!reaped.ok()) break;
      std::array<std::byte, kMessageBytes> bytes;
      const auto message = std::span(bytes).first(std::min<std::size_t>(reaped->written, bytes.size()));
      auto area = control_in_.memory().area(messages_in_.at(reaped->token.value), kMessageBytes, 1);
      if (area.ok()) area->read(0, message);
      if (!area.ok() || !believe(message)) ++counters_.messages_ignored;
      give_message(reaped->token.value);
      given = true;
    }
    if (given) publish(control_in_, kControlToDriver);
  }

  bool believe(std::span<const std::byte> bytes) {
    const auto message = hawser::read_wire<virtio_console_control>(bytes);
    if (!message) return false;
    if (message->id >= count_) {
      // A port of the device's that we have no room for is to be refused (§5.3.6.3).
      if (message->event != VIRTIO_CONSOLE_DEVICE_ADD || message->id >= device_ports_) return false;
      refusal_ = message->id;
      return true;
    }
    const auto rest = bytes.subspan(sizeof(*message));
    Port& port = ports_[message->id];
    const bool on = message->value == 1;
    if (message->event == VIRTIO_CONSOLE_DEVICE_ADD) {
      port.state = {};
      port.state.present = true;
      port.open = options_.open_ports;
      port.answers = static_cast<std::uint8_t>(kTellReady | (port.open ? kTellOpen : 0));
      port.changed = true;
      return true;
    }
    if (!port.state.present) return false;
    switch (message->event) {
      case VIRTIO_CONSOLE_DEVICE_REMOVE:
        port.state = {};
        port.answers = 0;
        break;
      case VIRTIO_CONSOLE_CONSOLE_PORT:
        port.state.console = on;
        if (on) {  // §5.3.6.2.2 asks for this answer
          port.open = true;
          port.answers |= kTellOpen;
        }
        break;
      case VIRTIO_CONSOLE_PORT_OPEN:
        port.state.connected = on;
        break;
      case VIRTIO_CONSOLE_PORT_NAME:
        port.state.name_bytes =
            static_cast<std::uint8_t>(std::min(rest.size(), ConsolePortState::kNameBytes));
        std::memcpy(port.state.name_text.data(), rest.data(), port.state.name_bytes);
        break;
      case VIRTIO_CONSOLE_RESIZE: {
        const auto size = hawser::read_wire<virtio_console_resize>(rest);
        if (!size) return false;
        port.state.columns = size->cols;
        port.state.rows = size->rows;
        break;
      }
      default:
        return false;
    }
    port.changed = true;
    return true;
  }

  bool owes_answers() const {
    return refusal_ || std::any_of(ports_.begin(), ports_.begin() + count_,
                                   [](const Port& port) { return port.answers != 0; });
  }
  /// False: it found no room.
  bool send_refusal() {
    if (refusal_ && say(*refusal_, VIRTIO_CONSOLE_PORT_READY, 0)) refusal_.reset();
    return !refusal_;
  }
  void send_answers() {
    (void)send_refusal();
    for (std::uint16_t id = 0; id < count_; ++id) {
      Port& port = ports_[id];
      if ((port.answers & kTellReady) != 0 && say(id, VIRTIO_CONSOLE_PORT_READY, 1))
        port.answers &= ~kTellReady & 0xff;
      if (port.answers == kTellOpen && say(id, VIRTIO_CONSOLE_PORT_OPEN, port.open ? 1 : 0)) port.answers = 0;
    }
    publish(control_out_, kControlToDevice);
  }
  /// Queues a message; false: no room, later.
  bool say(std::uint32_t id, std::uint16_t event, std::uint16_t value) {
    const virtio_console_control message{le32(id), le16(event), le16(value)};
    return messages_out_.write(control_out_, wire_bytes(message)) != 0;
  }

  void publish(AnyDriverQueue<M>& queue, std::uint16_t index) {
    if (queue.publish()) transport_->notify(index, queue.next_offset());
  }

  T* transport_ = nullptr;
  ConsoleDriverOptions options_;
  ConsoleDriverCounters counters_;
  Features negotiated_;
  std::uint16_t count_ = 0;
  std::uint32_t device_ports_ = 1;
  std::optional<std::uint32_t> refusal_;  ///< The port that is yet to be refused.
  bool started_ = false;
  std::array<Port, kMaxPorts> ports_;
  AnyDriverQueue<M> control_in_;
  AnyDriverQueue<M> control_out_;
  ConsoleBuffers<M, kQueueSize, kMessageBytes> messages_in_;
  ConsoleTransmitter<M, kQueueSize, kMessageBytes> messages_out_;
  std::array<DriverSlot, kQueueSize> control_in_slots_{};
  std::array<DriverSlot, kQueueSize> control_out_slots_{};
};

}  // namespace hawser::virtio::driver
