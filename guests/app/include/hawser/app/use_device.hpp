// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What every use of a device has in common: where it reports, and how it notices that the device side was lost.
#pragma once

#include <hawser/app/driver_session.hpp>
#include <hawser/app/report.hpp>

#include <cstdint>
#include <string_view>

namespace hawser::app {

/// What an operation did, and whether it was right.
struct Totals {
  std::uint64_t bytes = 0;
  std::uint64_t operations = 0;
  bool good = true;
  std::string_view note;

  static Totals bad(std::string_view note) { return {.good = false, .note = note}; }

  void add(const Totals& other) {
    bytes += other.bytes;
    operations += other.operations;
    if (other.good) return;
    good = false;
    note = other.note;
  }
};

template <ManagedLink L, Reporter R>
class UseDevice {
 protected:
  using Session = DriverSession<L>;
  using Device = typename Session::Device;

  UseDevice(Session& session, Device& device, R& reporter, std::string_view name)
      : session_(session), device_(device), reporter_(reporter), name_(name) {}
  ~UseDevice() = default;

  /// Measures `work`, which returns Totals, and reports it as a row. True: it was right.
  template <class Work>
  bool measured(std::string_view operation, Work work) {
    const unsigned losses = session_.losses();
    const Meter meter = session_.meter();
    const Totals totals = work();
    Row row = session_.row(meter, name_, operation);
    row.bytes = totals.bytes;
    row.operations = totals.operations;
    row.verified = totals.good;
    row.note = !totals.good && session_.ended() ? session_.why_ended() : totals.note;
    if (totals.good && session_.losses() != losses) row.note = "the device side was lost and came back";
    reporter_.row(row);
    return totals.good;
  }

  /// Starts the driver. A device side that is lost just then is waited for like at any other moment.
  template <class Driver>
  bool started(Driver& driver) {
    const Instant until = session_.now() + patience();
    auto result = driver.start(device_);
    while (!result.ok() && result.error() == virtio::TransportError::kLinkDown && !late(until)) {
      result = session_.recover(device_);
      if (result.ok()) result = driver.start(device_);
    }
    return result.ok() || fail("start", session_.ended() ? session_.why_ended() : describe(result.error()));
  }

  bool fail(std::string_view operation, std::string_view note) {
    reporter_.row({.device = name_, .operation = operation, .verified = false, .note = note});
    return false;
  }

  bool healthy() const { return session_.healthy(device_); }
  /// Past the limit of somebody's patience, or nothing to wait for any more.
  bool late(Instant limit) const { return session_.ended() || session_.now() > limit; }
  Duration patience() const { return session_.patience(); }

  Session& session_;
  Device& device_;
  R& reporter_;
  std::string_view name_;
};

}  // namespace hawser::app
