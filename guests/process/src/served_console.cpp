// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kinds.hpp"

#include <hawser/process/terminal.hpp>

#include <hawser/app/console_echo.hpp>
#include <hawser/virtio/device/console.hpp>

#include <fmt/format.h>

#include <array>
#include <stdexcept>

namespace hawser::process {
namespace {

class ServedEchoConsole final : public Served {
 public:
  DeviceRef model() override { return DeviceRef(console_); }
  std::string describe() const override { return "console, two ports that echo"; }

 private:
  using Port = virtio::device::ConsolePortConfig<app::ConsoleEcho>;
  app::ConsoleEcho echoes_[2];
  const Port ports_[2] = {{&echoes_[0], "hawser.echo0", true}, {&echoes_[1], "hawser.echo1", false}};
  virtio::device::Console<RegionMemory, app::ConsoleEcho, 2> console_{ports_};
};

constexpr std::uint16_t kMaxPorts = 4;

/// What a port was asked to be.
struct PortWord {
  bool stdio = false;
  bool keys = false;  ///< Of stdio: the keys for interrupt and the like are the driver's.
  std::string link;   ///< Of a pseudo-terminal.
};

class ServedTerminals final : public Served {
 public:
  explicit ServedTerminals(const std::vector<PortWord>& words) {
    std::vector<virtio::device::ConsolePortConfig<Terminal>> ports;
    unsigned ptys = 0;
    for (const PortWord& word : words) {
      Port& port = ports_[count_++];
      if (word.stdio) {
        port.name = "hawser.stdio";
        port.stdio = std::make_unique<Stdio>(word.keys);
        text_ += ", standard input and output";
      } else {
        port.name = fmt::format("hawser.pty{}", ptys++);
        port.pty = std::make_unique<Pty>(word.link);
        text_ += fmt::format(", {}", port.pty->path());
        if (!word.link.empty()) text_ += fmt::format(" ({})", word.link);
      }
      ports.push_back({port.terminal(), port.name, true});
    }
    console_.emplace(ports);
  }
  DeviceRef model() override { return DeviceRef(*console_); }
  std::string describe() const override { return "console" + text_; }
  std::vector<int> wake_fds() const override {
    std::vector<int> fds;
    for (std::size_t n = 0; n < count_; ++n) fds.push_back(ports_[n].terminal()->wake_fd());
    return fds;
  }

 private:
  struct Port {
    std::string name;
    std::unique_ptr<Pty> pty;
    std::unique_ptr<Stdio> stdio;
    Terminal* terminal() const { return stdio ? static_cast<Terminal*>(stdio.get()) : pty.get(); }
  };

  std::array<Port, kMaxPorts> ports_;
  std::size_t count_ = 0;
  std::string text_;
  std::optional<virtio::device::Console<RegionMemory, Terminal, kMaxPorts>> console_;
};

}  // namespace

MakeServed parse_console(const Words& words) {
  bool echo = false, stdio = false, keys = false;
  std::vector<PortWord> ports;
  words.once({"pty"});
  for (const Word& word : words.rest()) {
    if (word.text == "echo") {
      echo = true;
    } else if (word.text == "stdio") {
      stdio = true;
      ports.push_back({.stdio = true});
    } else if (word.key == "pty") {
      ports.push_back({.link = word.value ? word.string() : ""});
    } else if (word.text == "keys") {
      keys = true;
    } else {
      unknown_word("console", word);
    }
  }
  if (keys && !stdio)
    throw std::invalid_argument(
        "the device console: keys says whose the keys of stdio are; there is no stdio");
  if (echo && !ports.empty())
    throw std::invalid_argument("the device console has either echo or terminals, not both");
  if (!echo && ports.empty())
    throw std::invalid_argument("the device console needs to know its terminal: pty, stdio or echo");
  if (ports.size() > kMaxPorts)
    throw std::invalid_argument(
        fmt::format("the device console has at most {} ports, not {}", kMaxPorts, ports.size()));
  if (echo) return [](const Say&) { return std::make_unique<ServedEchoConsole>(); };
  for (PortWord& port : ports) port.keys = port.stdio && keys;
  return [ports](const Say&) { return std::make_unique<ServedTerminals>(ports); };
}

}  // namespace hawser::process
