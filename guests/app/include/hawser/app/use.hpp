// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver side as a whole: every device that the bus shows is put to work and checked.
#pragma once

#include <hawser/app/driver_session.hpp>
#include <hawser/app/report.hpp>
#include <hawser/app/room.hpp>
#include <hawser/app/use_blk.hpp>
#include <hawser/app/use_console.hpp>
#include <hawser/app/use_net.hpp>
#include <hawser/app/use_rng.hpp>

#include <hawser/virtio/spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hawser::app {

struct UseOptions {
  std::uint64_t disk_bytes = 4 << 20;  ///< Of each block device to write, read and check.
  Duration soak;                       ///< How long to go on after one pass over everything.
  SessionOptions session;
};

template <ManagedLink L, Reporter R>
class Use {
  using Session = DriverSession<L>;
  using Device = typename Session::Device;

 public:
  Use(L& link, std::span<std::uint64_t> bitmap, R& reporter, const UseOptions& options)
      : options_(options), reporter_(reporter), session_(link, bitmap, options.session) {}

  /// True: every row verified, and there was at least one device.
  bool run() {
    if (const auto opened = session_.open(); !opened.ok()) {
      reporter_.say(session_.ended()      ? session_.why_ended()
                    : session_.bus().up() ? describe(opened.error())
                                          : "no device side came to this link in time");
      return false;
    }
    if (session_.device_count() == 0) {
      reporter_.say("the device side serves no devices");
      return false;
    }
    bool good = use_all(Duration{});
    if (options_.soak.ns != 0 && !session_.ended())
      good &= use_all(Duration{options_.soak.ns / session_.device_count()});
    if (session_.ended()) reporter_.say(session_.why_ended());
    return good && !session_.ended();
  }

 private:
  bool use_all(Duration soak) {
    bool good = true;
    for (std::size_t n = 0; n < session_.device_count() && !session_.ended(); ++n) {
      good &= use(session_.device(n), soak);
    }
    return good;
  }

  /// One pass over the device, or `soak` of it.
  bool use(Device& device, Duration soak) {
    switch (device.device_id()) {
      case virtio::VIRTIO_ID_BLOCK: {
        auto& blk = blk_.make(session_, device, reporter_, name("blk", device), blk_storage_);
        const bool good =
            blk.start() && (soak.ns == 0 ? blk.verify(options_.disk_bytes)
                                         : blk.soak(session_.now() + soak, options_.disk_bytes));
        blk_.destroy();
        return good;
      }
      case virtio::VIRTIO_ID_NET: {
        auto& net = net_.make(session_, device, reporter_, name("net", device));
        const bool good = net.start() && (soak.ns == 0 ? net.verify() : net.soak(session_.now() + soak));
        net_.destroy();
        return good;
      }
      case virtio::VIRTIO_ID_CONSOLE: {
        auto& console = console_.make(session_, device, reporter_, name("console", device));
        const bool good =
            console.start() && (soak.ns == 0 ? console.verify() : console.soak(session_.now() + soak));
        console_.destroy();
        return good;
      }
      case virtio::VIRTIO_ID_ENTROPY: {
        auto& rng = rng_.make(session_, device, reporter_, name("rng", device));
        const bool good = rng.start() && (soak.ns == 0 ? rng.verify() : rng.soak(session_.now() + soak));
        rng_.destroy();
        return good;
      }
      default:
        reporter_.say("a device of a kind that nobody here uses was left alone");
        return true;
    }
  }

  /// "blk0": kind and device number.
  std::string_view name(std::string_view kind, const Device& device) {
    std::size_t at = 0;
    for (char c : kind) name_[at++] = c;
    if (device.number() >= 10) name_[at++] = static_cast<char>('0' + device.number() / 10 % 10);
    name_[at++] = static_cast<char>('0' + device.number() % 10);
    return std::string_view(name_.data(), at);
  }

  UseOptions options_;
  R& reporter_;
  Session session_;
  std::array<char, 16> name_{};
  typename UseBlk<L, R>::Storage blk_storage_;
  Room<UseBlk<L, R>> blk_;
  Room<UseNet<L, R>> net_;
  Room<UseConsole<L, R>> console_;
  Room<UseRng<L, R>> rng_;
};

}  // namespace hawser::app
