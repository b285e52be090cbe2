// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Uses an entropy device. Randomness can not be verified; that bytes came, and are not all alike or repeated, can.
#pragma once

#include <hawser/app/use_device.hpp>

#include <hawser/virtio/driver/rng.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace hawser::app {

template <ManagedLink L, Reporter R>
class UseRng : UseDevice<L, R> {
  using Base = UseDevice<L, R>;
  using Base::device_;
  using Base::measured;
  using Base::session_;
  using typename Base::Device;
  using typename Base::Session;
  using Driver = virtio::driver::Rng<Device>;

 public:
  UseRng(Session& session, Device& device, R& reporter, std::string_view name)
      : Base(session, device, reporter, name), driver_(session.options().queue_features) {}
  ~UseRng() { driver_.stop(); }

  bool start() { return Base::started(driver_); }

  bool verify() {
    return measured("read", [&] { return read(16); });
  }
  bool soak(Instant until) {
    return measured("soak", [&] {
      Totals totals;
      while (totals.good && session_.now() < until) totals.add(read(4));
      return totals;
    });
  }

 private:
  static constexpr std::size_t kPiece = 1024;

  Totals read(unsigned pieces) {
    Totals totals;
    std::array<std::byte, kPiece> bytes;
    for (unsigned n = 0; n < pieces && totals.good; ++n) {
      if (!fill(bytes)) return Totals::bad("the device gave no bytes in time");
      // 1 KiB of randomness has 1016 or so pairs of neighbors that differ, and never repeats.
      unsigned changes = 0;
      for (std::size_t at = 1; at < bytes.size(); ++at) changes += bytes[at] != bytes[at - 1];
      if (changes < kPiece * 9 / 10) totals = Totals::bad("the bytes are too much alike to be random");
      if (seen_ && std::memcmp(bytes.data(), last_.data(), kPiece) == 0)
        totals = Totals::bad("the same bytes came twice");
      last_ = bytes;
      seen_ = true;
      totals.bytes += bytes.size();
      ++totals.operations;
    }
    return totals;
  }

  bool fill(std::span<std::byte> bytes) {
    const Instant until = session_.now() + Base::patience();
    while (!Base::late(until)) {
      if (Base::healthy() && driver_.state() == Driver::State::kRunning) {
        const auto filled = driver_.fill(bytes, session_.now() + kPollInterval);
        if (filled.ok()) return true;
        if (filled.error() == virtio::driver::RngError::kCancelled) session_.heed(Wake::kCancelled);
        continue;
      }
      driver_.suspend();
      if (session_.recover(device_).ok()) (void)driver_.resume(device_);
    }
    return false;
  }

  Driver driver_;
  std::array<std::byte, kPiece> last_{};
  bool seen_ = false;
};

}  // namespace hawser::app
