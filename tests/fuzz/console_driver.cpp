// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A console driver whose device may answer anything: it stays within its ports and gives back every byte of memory.
#include "support/device_play.hpp"
#include "unit/virtio_devices/puppet_device.hpp"

#include <hawser/virtio/driver/console.hpp>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Input;
using hawser::test::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Puppet = test::PuppetDevice<VIRTIO_ID_CONSOLE>;
  using Transport = test::DirectTransport<Puppet>;
  Input input({data, size});
  test::TestRegion region(std::size_t{1} << 18);
  Puppet puppet(8);
  puppet.config.resize(12);
  puppet.features = Features{VIRTIO_CONSOLE_F_SIZE};
  puppet.features.set(VIRTIO_CONSOLE_F_MULTIPORT, input.below(4) != 0);
  puppet.config[4] = std::byte(input.below(6));
  Transport transport(region, puppet, kQueueFeatures);
  {
    driver::Console<Transport, 3> console;
    (void)console.start(transport);
    std::byte room[600];
    for (int steps = 0; steps < 300 && !input.done(); ++steps) {
      const auto port = static_cast<std::uint16_t>(input.below(4));
      switch (input.below(8)) {
        case 0: {
          const auto queue = static_cast<std::uint16_t>(input.below(8));
          const auto written = static_cast<std::uint32_t>(input.word() % 300);
          (void)puppet.answer(queue, input.take(input.below(64)), written);
          break;
        }
        case 1:
        case 2: {  // a message that is nearly right
          const virtio_console_control message{le32(input.below(5)),
                                               le16(static_cast<std::uint16_t>(input.below(9))),
                                               le16(static_cast<std::uint16_t>(input.below(3)))};
          const auto head = wire_bytes(message);
          std::vector<std::byte> bytes(head.begin(), head.end());
          const auto rest = input.take(input.below(70));
          bytes.insert(bytes.end(), rest.begin(), rest.end());
          (void)puppet.answer(2, bytes, static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), 64)));
          break;
        }
        case 3:
          (void)console.poll();
          break;
        case 4:
          must(console.read(port, std::span(room).first(input.word() % 600)) <= 600);
          break;
        case 5:
          must(console.write(port, std::span(room).first(input.word() % 600)) <= 600);
          break;
        case 6:
          console.open(port, input.below(2) == 0);
          break;
        case 7:
          if (input.below(4) == 0) (void)console.resume(transport);
          break;
      }
      must(console.port(port).name_bytes <= driver::ConsolePortState::kNameBytes);
    }
    console.stop();
  }
  must(!region.arena().misused());
  must(region.arena().free_bytes() == region.arena().size());
  return 0;
}
