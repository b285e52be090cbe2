// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A console device whose driver may do anything. Bytes reach the backend only within what it has room for.
#include "support/device_play.hpp"

#include <hawser/virtio/device/console.hpp>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Input;
using hawser::test::must;

namespace {

struct Tape {
  std::size_t input = 0;
  std::size_t room = 1000;
  bool somebody = true;
  device::ConsoleSize window;
  volatile unsigned sum = 0;

  std::size_t read(std::span<std::byte> out) {
    const std::size_t bytes = std::min(out.size(), input);
    std::fill_n(out.begin(), bytes, std::byte{'x'});
    input -= bytes;
    return bytes;
  }
  std::size_t write(std::span<const std::byte> in) {
    const std::size_t bytes = std::min(in.size(), room);
    for (const std::byte byte : in.first(bytes)) sum = sum + std::to_integer<unsigned>(byte);
    room -= bytes;
    return bytes;
  }
  bool writable() const { return room != 0; }
  bool connected() const { return somebody; }
  device::ConsoleSize size() const { return window; }
  void driver_open(bool) {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Tape tapes[3];
  const device::ConsolePortConfig<Tape> ports[3] = {{&tapes[0], "first", true},
                                                    {&tapes[1], "a name longer than some buffers are", false},
                                                    {&tapes[2], "", true}};
  auto console = std::make_unique<device::Console<RegionMemory, Tape, 3, 16>>(ports);
  Input input({data, size});
  test::DevicePlay<device::Console<RegionMemory, Tape, 3, 16>>::play(input, *console, [&](Input& from) {
    Tape& tape = tapes[from.below(3)];
    switch (from.below(5)) {
      case 0:
        tape.input += from.word();
        break;
      case 1:
        tape.room = from.word();
        break;
      case 2:
        tape.somebody = !tape.somebody;
        break;
      case 3:
        tape.window = {static_cast<std::uint16_t>(from.byte()), 25};
        break;
      case 4:
        console->plug(static_cast<std::uint16_t>(from.below(4)), from.below(2) == 0);
        break;
    }
  });
  return 0;
}
