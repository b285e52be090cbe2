// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A network driver whose device may answer anything. What it hands out is always a frame whose header holds, and it
// gives back every byte of memory.
#include "support/device_play.hpp"
#include "unit/virtio_devices/puppet_device.hpp"

#include <hawser/virtio/driver/net.hpp>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Input;
using hawser::test::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Puppet = test::PuppetDevice<VIRTIO_ID_NET>;
  using Transport = test::DirectTransport<Puppet>;
  Input input({data, size});
  test::TestRegion region(std::size_t{1} << 20);
  Puppet puppet(5);
  puppet.config.resize(12);
  puppet.features.set_block(0, static_cast<std::uint32_t>(input.quad()));
  puppet.features.set_block(1, static_cast<std::uint32_t>(input.quad()));
  const auto config = input.take(12);
  std::ranges::copy(config, puppet.config.begin());
  Transport transport(region, puppet, kQueueFeatures);
  {
    driver::Net<Transport, 2, 16> net({.mergeable = input.below(2) == 0,
                                       .pairs = 2,
                                       .queue_size = 16,
                                       .receive_buffers = 4,
                                       .receive_buffer_bytes = input.below(2) == 0 ? 2048u : 0u,
                                       .command_timeout = milliseconds(1)});
    (void)net.start(transport);
    std::vector<std::byte> room(kMaxFrame);
    for (int steps = 0; steps < 300 && !input.done(); ++steps) {
      const auto pair = static_cast<std::uint16_t>(input.below(3));
      switch (input.below(8)) {
        case 0:
        case 1: {
          const auto queue = static_cast<std::uint16_t>(input.below(5));
          const auto written = static_cast<std::uint32_t>(input.word());
          const auto answer = input.take(input.below(64));
          (void)puppet.answer(queue, answer, written);
          break;
        }
        case 2:
        case 3: {
          const auto got = net.receive(pair, std::span(room).first(input.below(2) == 0 ? room.size() : 100));
          if (got.ok()) {
            must(got->bytes >= kEthernetHeader && got->bytes <= kMaxFrame);
            must(check_header(to_wire(got->header, 1), got->bytes, net.receive_offloads()).ok());
          }
          break;
        }
        case 4: {
          const auto frame = input.take(input.byte());
          const std::span<const std::byte> part(frame);
          (void)net.send(pair, {}, std::span(&part, 1));
          break;
        }
        case 5: {
          puppet.config_changed = true;
          puppet.config[6] = std::byte(input.byte());
          (void)net.poll();
          break;
        }
        case 6: {
          const auto verdict = input.byte();
          puppet.on_service = [&puppet, verdict](std::uint16_t queue) {
            if (verdict < 4)
              (void)puppet.answer(queue, std::vector<std::byte>(1, std::byte(verdict)), verdict);
          };
          if (input.below(2) == 0) {
            (void)net.set_promiscuous(true);
          } else {
            (void)net.acknowledge_announcement();
          }
          puppet.on_service = nullptr;
          break;
        }
        case 7:
          (void)net.resume(transport);
          break;
      }
    }
    net.stop();
  }
  must(!region.arena().misused());
  must(region.arena().free_bytes() == region.arena().size());
  return 0;
}
