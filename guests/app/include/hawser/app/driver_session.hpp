// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver side of one link: the bus, the arena, the devices that were found; and what brings all of it back after
// the device side was lost.
#pragma once

#include <hawser/app/report.hpp>

#include <hawser/transport/link.hpp>
#include <hawser/virtio/msg/driver_bus.hpp>
#include <hawser/virtio/msg/driver_device.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hawser::app {

struct SessionOptions {
  Duration patience = seconds(30);  ///< How long a device side that is not there is waited for.
  virtio::Features queue_features = virtio::kQueueFeatures;
  virtio::msg::DriverBusOptions bus;
};

/// What an operation cost, read off the link's counters.
struct Meter {
  Instant start;
  LinkCounters before;
};

template <ManagedLink L>
class DriverSession {
 public:
  static constexpr std::size_t kMaxDevices = 8;
  using Bus = virtio::msg::DriverBus<L>;
  using Device = virtio::msg::DriverDevice<L>;

  /// `bitmap` holds Arena::bitmap_words(region size) words.
  DriverSession(L& link, std::span<std::uint64_t> bitmap, const SessionOptions& options = {})
      : link_(link),
        options_(options),
        bus_(link, options.bus),
        arena_(Offset(0), link.region().size(), bitmap) {}

  L& link() { return link_; }
  Bus& bus() { return bus_; }
  virtio::Arena& arena() { return arena_; }
  const SessionOptions& options() const { return options_; }
  Instant now() const { return link_.now(); }

  /// Waits for the link and finds the devices, for options.patience at most: a link that is lost meanwhile may return.
  Result<void, virtio::TransportError> open() {
    const Instant until = now() + options_.patience;
    while (true) {
      HAWSER_CHECK(wait_up(until));
      const std::uint32_t session = bus_.session();
      const auto found = find_devices();
      if (found.ok() || ended() || now() >= until) return found;
      const bool lost = !bus_.up() || bus_.session() != session;
      if (!lost && found.error() != virtio::TransportError::kTimeout) return found;
    }
  }

  std::size_t device_count() const { return count_; }
  Device& device(std::size_t index) { return *devices_[index]; }

  /// False: the device side was lost since the device was opened, or the device asks to be reset.
  bool healthy(const Device& device) const {
    return bus_.up() && bus_.session() == session_ && !device.needs_reset();
  }

  /// Waits for the device side to return, for options.patience at most, then opens the device anew. What its driver
  /// resumes on is good when this says so.
  Result<void, virtio::TransportError> recover(Device& device) {
    const Instant until = now() + options_.patience;
    ++losses_;
    while (true) {
      HAWSER_CHECK(wait_up(until));
      session_ = bus_.session();
      const auto opened = device.open();
      if (opened.ok()) return {};
      if (now() >= until) return Err{opened.error()};
    }
  }

  /// Sleeps until the device has news, at most kPollInterval.
  void wait(Device& device) { heed(device.wait(now() + kPollInterval)); }
  void heed(Wake wake) {
    if (wake == Wake::kCancelled) end("stopped");
  }

  /// Nothing will come of waiting any more, because of this. No patience from now on.
  void end(std::string_view why) {
    if (!ended()) why_ended_ = why;
  }
  bool ended() const { return !why_ended_.empty(); }
  std::string_view why_ended() const { return why_ended_; }
  Duration patience() const { return ended() ? Duration{} : options_.patience; }

  /// How often the device side was lost.
  unsigned losses() const { return losses_; }

  Meter meter() const { return {link_.now(), link_.counters()}; }

  /// A row with everything measured since `since`.
  Row row(const Meter& since, std::string_view device, std::string_view operation) const {
    const LinkCounters after = link_.counters();
    return {.device = device,
            .operation = operation,
            .ns = elapsed(since.start, link_.now()).ns,
            .doorbells = after.doorbells - since.before.doorbells,
            .interrupts = after.wakes - since.before.wakes};
  }

 private:
  Result<void, virtio::TransportError> find_devices() {
    session_ = bus_.session();
    HAWSER_TRY(found, bus_.devices());
    count_ = 0;
    for (std::uint16_t number = 0; number < virtio::msg::kDriverDevices && count_ < kMaxDevices; ++number) {
      if (!found.has(number)) continue;
      Device& device = devices_[count_].emplace(bus_, number, arena_);
      HAWSER_CHECK(device.open());
      ++count_;
    }
    return {};
  }

  /// Waits until the link is up. One that the peer broke starts anew; an end that another party holds is waited for, if
  /// it was ours before: two driver sides of one link are a mistake at the start, and only there.
  Result<void, virtio::TransportError> wait_up(Instant until) {
    constexpr Duration kGlance = milliseconds(20);
    const char* rival = nullptr;
    while (true) {
      if (link_.state() == LinkState::kBroken) {
        const auto by = link_.broken_by();
        if (by == BrokenBy::kRival) rival = link_.broken_reason();
        if (by == BrokenBy::kCarrier || (rival != nullptr && link_.epoch().own == 0))
          end(link_.broken_reason());
        if (ended()) return Err{virtio::TransportError::kLinkDown};
        link_.reset();
      }
      const auto up = bus_.wait_up(std::min(until, now() + kGlance));
      if (up.ok()) return {};
      if (up.error() == virtio::TransportError::kCancelled) heed(Wake::kCancelled);
      if (!ended() && now() < until) continue;
      if (rival != nullptr && !link_.holds_end()) end(rival);
      return up;
    }
  }

  L& link_;
  SessionOptions options_;
  Bus bus_;
  virtio::Arena arena_;
  std::array<std::optional<Device>, kMaxDevices> devices_;
  std::size_t count_ = 0;
  std::uint32_t session_ = 0;  ///< Of the bus, when devices were opened.
  unsigned losses_ = 0;
  std::string_view why_ended_;
};

}  // namespace hawser::app
