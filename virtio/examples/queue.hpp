// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What queue.cpp shows.
#pragma once

#include <hawser/virtio/queue/any.hpp>
#include <hawser/virtio/queue/arena.hpp>

#include <hawser/transport/memory.hpp>

#include <cstdint>
#include <optional>

/// A driver's first step: room for the ring. Nothing when the arena is full.
std::optional<hawser::virtio::QueueLayout> place_ring(hawser::virtio::Arena& arena, std::uint16_t size,
                                                      const hawser::virtio::Features& features);

/// The driver asks for `question` + 1. False: no room now.
bool ask(hawser::virtio::AnyDriverQueue<hawser::RegionMemory>& queue, hawser::virtio::Arena& arena,
         std::uint32_t question, bool& tell_device);

/// The next answer, if there is one.
std::optional<std::uint32_t> answer(hawser::virtio::AnyDriverQueue<hawser::RegionMemory>& queue,
                                    hawser::virtio::Arena& arena);

/// The device answers everything that is there; whether the driver wants to be told.
bool serve(hawser::virtio::AnyDeviceQueue<hawser::RegionMemory>& queue);
