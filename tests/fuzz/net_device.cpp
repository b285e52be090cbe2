// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A network device whose driver may do anything. What reaches the backend is always a frame whose header holds.
#include "support/device_play.hpp"

#include <hawser/virtio/device/net.hpp>

#include <deque>

using namespace hawser;
using namespace hawser::virtio;
using hawser::test::Input;
using hawser::test::must;

namespace {

struct Network {
  std::deque<std::vector<std::byte>> frames[2];
  bool busy = false;
  bool up = true;
  volatile unsigned sum = 0;

  NetOffloads takes() const { return NetOffloads::all(); }
  NetOffloads gives() const { return NetOffloads::all(); }
  std::uint16_t queues() const { return 2; }
  std::uint16_t mtu() const { return 1500; }
  bool link_up() const { return up; }
  void start(const NetOffloads&, std::uint16_t n) { must(n == 1); }
  void adjust(const NetOffloads&, std::uint16_t n) { must(n >= 1 && n <= 2); }
  void stop() {}
  device::NetSent send(std::uint16_t queue, const NetHeader& header,
                       std::span<const std::span<const std::byte>> parts) {
    must(queue < 2);
    std::size_t bytes = 0;
    for (const auto part : parts) {
      bytes += part.size();
      for (const std::byte byte : part) sum = sum + std::to_integer<unsigned>(byte);  // all of it can be read
    }
    must(bytes >= kEthernetHeader && bytes <= kMaxFrame && !header.checksum_good);
    if (header.needs_checksum) must(std::size_t{header.checksum_start} + header.checksum_offset + 2 <= bytes);
    if (header.segmentation != Segmentation::kNone) {
      must(header.needs_checksum && header.segment_bytes != 0 && header.header_bytes <= bytes);
    }
    return busy ? device::NetSent::kBusy : device::NetSent::kSent;
  }
  bool can_send(std::uint16_t) const { return !busy; }
  device::NetFrame front(std::uint16_t queue) {
    must(queue < 2);
    if (frames[queue].empty()) return {};
    return {{}, frames[queue].front()};
  }
  void pop(std::uint16_t queue) {
    must(queue < 2 && !frames[queue].empty());
    frames[queue].pop_front();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Network network;
  static device::Net<RegionMemory, Network, 2, 16> net(network, {.mac = {2, 0, 0, 0, 0, 1}, .pairs = 2});
  network = {};
  Input input({data, size});
  test::DevicePlay<decltype(net)>::play(input, net, [](Input& from) {
    switch (from.below(4)) {
      case 0:
        network.busy = !network.busy;
        break;
      case 1:
        network.up = !network.up;
        break;
      case 2:
        net.announce();
        break;
      case 3:
        if (network.frames[0].size() + network.frames[1].size() < 8) {
          network.frames[from.below(2)].emplace_back(14 + from.word() % 5000);
        }
        break;
    }
  });
  return 0;
}
