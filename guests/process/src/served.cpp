// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/served.hpp>

#include "words.hpp"

#include <hawser/app/console_echo.hpp>
#include <hawser/app/net_echo.hpp>
#include <hawser/virtio/device/blk.hpp>
#include <hawser/virtio/device/console.hpp>
#include <hawser/virtio/device/memory_disk.hpp>
#include <hawser/virtio/device/net.hpp>
#include <hawser/virtio/device/rng.hpp>

#include <fmt/format.h>
#include <sys/random.h>

#include <stdexcept>

namespace hawser::process {
namespace {

using Ref = virtio::msg::DeviceRef<RegionMemory>;

class ServedMemoryDisk final : public Served {
 public:
  ServedMemoryDisk(std::uint64_t bytes, bool read_only) : bytes_(bytes), disk_(bytes_, read_only) {}
  Ref model() override { return Ref(blk_); }
  std::string describe() const override {
    return fmt::format("block, {} MiB of memory", bytes_.size() >> 20);
  }

 private:
  std::vector<std::byte> bytes_;
  virtio::device::MemoryDisk disk_;
  virtio::device::BlkRoom<RegionMemory> room_;
  virtio::device::Blk<RegionMemory, virtio::device::MemoryDisk> blk_{room_, disk_, {.id = "hawser-memory"}};
};

class ServedEcho final : public Served {
 public:
  explicit ServedEcho(const virtio::Mac& mac) : net_(echo_, {.mac = mac}) {}
  Ref model() override { return Ref(net_); }
  std::string describe() const override { return "network, echo"; }

 private:
  app::NetEcho echo_;
  virtio::device::Net<RegionMemory, app::NetEcho> net_;
};

class ServedEchoConsole final : public Served {
 public:
  Ref model() override { return Ref(console_); }
  std::string describe() const override { return "console, two ports that echo"; }

 private:
  using Port = virtio::device::ConsolePortConfig<app::ConsoleEcho>;
  app::ConsoleEcho echoes_[2];
  const Port ports_[2] = {{&echoes_[0], "hawser.echo0", true}, {&echoes_[1], "hawser.echo1", false}};
  virtio::device::Console<RegionMemory, app::ConsoleEcho, 2> console_{ports_};
};

/// The kernel's random numbers.
struct KernelRandom {
  std::size_t fill(std::span<std::byte> out) {
    const ssize_t got = ::getrandom(out.data(), out.size(), GRND_NONBLOCK);
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  }
};

class ServedRng final : public Served {
 public:
  Ref model() override { return Ref(rng_); }
  std::string describe() const override { return "entropy of the kernel"; }

 private:
  KernelRandom source_;
  virtio::device::Rng<RegionMemory, KernelRandom> rng_{source_};
};

[[noreturn]] void unknown_word(std::string_view kind, const Word& word) {
  throw std::invalid_argument(
      fmt::format("'{}' is not an option of the device {}; see hawser serve --help", word.text, kind));
}

std::unique_ptr<Served> make_blk(const Words& words) {
  std::uint64_t memory = 0;
  bool read_only = false;
  for (const Word& word : words.rest()) {
    if (word.key == "memory") {
      memory = word.size();
    } else if (word.text == "ro") {
      read_only = true;
    } else {
      unknown_word("blk", word);
    }
  }
  if (memory == 0) throw std::invalid_argument("the device blk needs memory=SIZE or file=PATH");
  if (memory < 512 || memory > (std::uint64_t{1} << 40)) {
    throw std::invalid_argument("the device blk: memory must be from 512 bytes to 1 TiB");
  }
  return std::make_unique<ServedMemoryDisk>(memory, read_only);
}

std::unique_ptr<Served> make_net(const Words& words) {
  bool echo = false;
  for (const Word& word : words.rest()) {
    if (word.text == "echo") {
      echo = true;
    } else {
      unknown_word("net", word);
    }
  }
  if (!echo) throw std::invalid_argument("the device net needs to know its network: echo");
  return std::make_unique<ServedEcho>(virtio::Mac{0x02, 0x48, 0x57, 0x53, 0x52, 0x02});
}

std::unique_ptr<Served> make_console(const Words& words) {
  bool echo = false;
  for (const Word& word : words.rest()) {
    if (word.text == "echo") {
      echo = true;
    } else {
      unknown_word("console", word);
    }
  }
  if (!echo) throw std::invalid_argument("the device console needs to know its terminal: echo");
  return std::make_unique<ServedEchoConsole>();
}

std::unique_ptr<Served> make_rng(const Words& words) {
  if (!words.rest().empty()) unknown_word("rng", words.rest().front());
  return std::make_unique<ServedRng>();
}

}  // namespace

std::unique_ptr<Served> make_served(std::string_view text) {
  const Words words(text);
  if (words.first() == "blk") return make_blk(words);
  if (words.first() == "net") return make_net(words);
  if (words.first() == "console") return make_console(words);
  if (words.first() == "rng") return make_rng(words);
  throw std::invalid_argument(
      fmt::format("'{}' is not a kind of device; there are blk, net, console and rng", words.first()));
}

std::string_view served_help() {
  return "Devices (--device, repeated; the first gets number 0):\n"
         "  blk,memory=SIZE[,ro]   a disk in this process's memory, lost when it ends\n"
         "  net,echo               a network of one that sends every frame back\n"
         "  console,echo           two ports that say what they hear\n"
         "  rng                    entropy of the kernel";
}

}  // namespace hawser::process
