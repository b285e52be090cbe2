// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two domains of the broker's engine in one program, and a link between them: a parcel is sent from where it lies and
// read where it arrived. On Xen only the port would be another. Built and run by `./dev test`.
#include <hawser/argo/broker/domain_port.hpp>
#include <hawser/argo/link.hpp>

#include <array>
#include <cstdio>
#include <string_view>

using namespace hawser;

namespace {

using Link = argo::Link<argo::broker::DomainPort>;

/// A domain's memory: first what the link needs, then what the program does with the rest.
struct Domain {
  Domain(argo::broker::House& house, std::uint16_t id, const argo::LinkOptions& options)
      : port(house, id), link(port, port.memory().first(argo::link_bytes(options)), options) {}
  argo::broker::DomainPort port;
  Link link;
};

}  // namespace

int main() {
  argo::broker::House house({.rules = {argo::broker::parse_rule("1:2"), argo::broker::parse_rule("2:1")}});
  Domain driver(house, 1, {.role = argo::Role::kDriver, .peer = 2});
  Domain device(house, 2, {.role = argo::Role::kDevice, .peer = 1});
  driver.port.idle = [&] { (void)device.link.poll(); };

  for (int i = 0; i < 100 && driver.link.state() != LinkState::kUp; ++i) {
    (void)driver.link.poll();
    (void)driver.link.bell().wait(driver.link.now() + kPollInterval);
  }
  if (driver.link.state() != LinkState::kUp) return 1;
  (void)device.link.poll();

  // In the port's memory, so that only the hypervisor copies it; elsewhere it would be copied there first.
  constexpr std::string_view kText = "a parcel";
  const auto payload = driver.port.memory().last(kText.size());
  std::copy_n(reinterpret_cast<const std::byte*>(kText.data()), kText.size(), payload.begin());
  const std::array<std::span<const std::byte>, 1> parts = {payload};
  if (!driver.link.parcels().try_send(parts).ok()) return 1;

  const auto parcel = device.link.parcels().try_receive();
  if (!parcel.ok()) return 1;
  std::printf("%.*s\n", static_cast<int>(parcel->size()),
              reinterpret_cast<const char*>(parcel->parts[0].data()));
  device.link.parcels().release(parcel->number);
  return driver.link.argo_counters().bytes_staged == 0 ? 0 : 1;
}
