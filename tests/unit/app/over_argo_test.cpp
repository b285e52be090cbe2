// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The whole driver side against the whole device side as two domains of one Xen, which is the broker's.
#include "all_devices.hpp"

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/use.hpp>
#include <hawser/argo/broker/domain_port.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using namespace hawser;
using namespace hawser::test;
using argo::broker::DomainPort;
using argo::broker::House;

TEST_CASE("all four devices work between two domains over Argo") {
  constexpr std::size_t kMemory = 16 << 20;
  for (const std::uint32_t data_bytes : {64u << 10, 512u << 10}) {
    CAPTURE(data_bytes);
    House house({.rules = {{.from = std::uint16_t{1}, .to = std::uint16_t{2}},
                           {.from = std::uint16_t{2}, .to = std::uint16_t{1}}}});
    DomainPort driver_port(house, 1, kMemory), device_port(house, 2, kMemory);
    argo::LinkOptions options{.role = argo::Role::kDriver, .peer = 2, .data_bytes = data_bytes};
    options.max_parcel = std::min(options.max_parcel, data_bytes / 2);
    auto driver = std::make_unique<app::ArgoDriverEnd<DomainPort>>(driver_port, options);
    options.role = argo::Role::kDevice;
    options.peer = 1;
    std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(kMemory)), device_bitmap(bitmap.size());
    auto device = std::make_unique<app::ArgoDeviceEnd<DomainPort>>(device_port, options, device_bitmap);
    std::vector<std::byte> disk(2 << 20);
    AllDevices devices(device->end, disk);
    driver_port.idle = [&] { devices.step(); };

    Verdicts verdicts;
    app::UseOptions use_options{.disk_bytes = 1 << 20};
    use_options.session.patience = seconds(10);
    using Use = app::Use<app::ArgoDriverEnd<DomainPort>::End, Verdicts>;
    CHECK(std::make_unique<Use>(driver->end, bitmap, verdicts, use_options)->run());
    CHECK(verdicts.wrong == "");
    CHECK(verdicts.rows == kRowsOfAllDevices);
  }
}
