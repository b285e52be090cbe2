// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Uses a console. If its ports echo (ConsoleEcho, known by their names): bytes both ways on each port, and a resize.
// Otherwise somebody else is at the other end, and gets a line of text; what comes from there can not be checked.
#pragma once

#include <hawser/app/console_echo.hpp>
#include <hawser/app/pattern.hpp>
#include <hawser/app/use_device.hpp>

#include <hawser/virtio/driver/console.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace hawser::app {

template <ManagedLink L, Reporter R>
class UseConsole : UseDevice<L, R> {
  using Base = UseDevice<L, R>;
  using Base::device_;
  using Base::measured;
  using Base::session_;
  using typename Base::Device;
  using typename Base::Session;
  static constexpr std::uint16_t kPorts = 2;
  using Driver = virtio::driver::Console<Device, kPorts>;

 public:
  UseConsole(Session& session, Device& device, R& reporter, std::string_view name)
      : Base(session, device, reporter, name),
        driver_({.queue_features = session.options().queue_features}) {}
  ~UseConsole() { driver_.stop(); }

  bool start() { return Base::started(driver_); }

  bool verify() {
    bool good = measured("ports", [&] { return find_ports(); });
    if (!good) return false;
    if (!echoes()) return measured("write", [&] { return write_line(); });
    good &= measured("echo", [&] { return echo(0, 64); });
    if (driver_.ports() > 1) good &= measured("echo-port1", [&] { return echo(1, 16); });
    good &= measured("resize", [&] { return resized(); });
    return good;
  }

  bool soak(Instant until) {
    if (!find_ports().good || !echoes()) return true;  // nobody wants to read that much
    return measured("soak", [&] {
      Totals totals;
      while (totals.good && session_.now() < until) totals.add(echo(0, 8));
      return totals;
    });
  }

 private:
  static constexpr std::size_t kPiece = 256;

  bool ready(std::uint16_t id) const { return driver_.port(id).present && driver_.port(id).connected; }

  bool echoes() const { return !driver_.multiport() || driver_.port(0).name().starts_with("hawser.echo"); }

  /// Each port appears and, with multiport, has a name. Echoes are always there; others come and go.
  Totals find_ports() {
    Totals totals;
    for (std::uint16_t id = 0; id < driver_.ports(); ++id) {
      const bool named = driver_.multiport();
      const auto there = [&] {
        if (named && driver_.port(id).name().empty()) return false;
        return echoes() ? ready(id) : driver_.port(id).present;
      };
      if (!until(there)) return Totals::bad("a port did not appear with a name and, as an echo, connected");
      ++totals.operations;
    }
    return totals;
  }

  /// A line for whoever is there, on each port; the device takes it in any case.
  Totals write_line() {
    constexpr std::string_view kLine = "Hawser's driver side was here.\r\n";
    Totals totals;
    for (std::uint16_t id = 0; id < driver_.ports(); ++id) {
      std::size_t written = 0;
      const auto done = [&] {
        written += driver_.write(id, std::as_bytes(std::span(kLine)).subspan(written));
        return written == kLine.size() && driver_.unwritten(id) == 0;
      };
      if (!until(done)) return Totals::bad("the device did not take the bytes");
      totals.bytes += written;
      ++totals.operations;
    }
    totals.note = "no echo on these ports: what arrived was not checked";
    return totals;
  }

  /// Says pieces and hears each come back, byte for byte. A piece that was under way when the device side was lost is
  /// said again: what became of it can not be known.
  Totals echo(std::uint16_t id, unsigned pieces) {
    Totals totals;
    for (unsigned n = 0; n < pieces; ++n) {
      std::array<std::byte, kPiece> said, heard;
      Pattern(0x636f6e00 + ++pieces_).fill(said, 0);
      const Instant limit = session_.now() + Base::patience();
      while (true) {
        const unsigned losses = session_.losses();
        std::size_t written = 0, read = 0;
        while (read < kPiece && session_.losses() == losses) {
          if (Base::late(limit)) return Totals::bad("bytes did not come back");
          std::size_t moved = 0;
          if (ready(id)) {
            moved = driver_.write(id, std::span(said).subspan(written));
            written += moved;
            const std::size_t got = driver_.read(id, std::span(heard).subspan(read));
            read += got;
            moved += got;
          }
          (void)driver_.poll();
          if (moved == 0) wait();
        }
        if (read == kPiece) break;
      }
      if (std::memcmp(said.data(), heard.data(), kPiece) != 0) return Totals::bad("other bytes came back");
      totals.bytes += kPiece;
      ++totals.operations;
    }
    return totals;
  }

  /// The echo has heard enough by now to have grown.
  Totals resized() {
    const auto large = [&] {
      return driver_.port(0).columns == ConsoleEcho::kLarge.columns &&
             driver_.port(0).rows == ConsoleEcho::kLarge.rows;
    };
    if (!until(large)) return Totals::bad("the new size was not announced");
    return {.bytes = 0, .operations = 1};
  }

  template <class Condition>
  bool until(Condition condition) {
    const Instant limit = session_.now() + Base::patience();
    while (!condition()) {
      if (Base::late(limit)) return false;
      (void)driver_.poll();
      if (!condition()) wait();
    }
    return true;
  }

  void wait() {
    if (Base::healthy() && driver_.started() && !driver_.broken()) {
      if (!driver_.prepare_to_wait()) session_.wait(device_);
      return;
    }
    driver_.suspend();
    if (session_.recover(device_).ok()) (void)driver_.resume(device_);
  }

  Driver driver_;
  std::uint64_t pieces_ = 0;
};

}  // namespace hawser::app
