// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Event channels of this domain, two-level (Xen's event_channel.h): Xen sets a channel's bit in the page that it shares
// with the domain and raises one interrupt for all. Each channel's events are counted, as message interrupts are.
#pragma once

#include <cstdint>
#include <optional>

namespace hawser::guest::xen::events {

/// Channels that are told apart; events of higher ones end a sleep and count for nobody.
inline constexpr std::uint32_t kChannels = 64;

/// From now on `page` is what Xen shows of its events. Takes what came before: Xen says nothing twice.
void open(std::uint64_t page);

/// For the architecture's interrupt handler. Does nothing before open().
void take();

/// How many events of this channel were taken, modulo 2^32. Fewer than were sent, if several came between two looks.
std::uint32_t count(std::uint32_t channel);

/// Binds a virtual interrupt of this domain, or finds it bound; its channel, or nothing if Xen refuses.
std::optional<std::uint32_t> bind(std::uint32_t virq);

/// The first channel from `from` on that leads to another domain.
std::optional<std::uint32_t> find_connected(std::uint32_t from);

/// Lets the channel's events through, also one that is waiting.
void unmask(std::uint32_t channel);

/// Rings whoever holds the other end.
void send(std::uint32_t channel);

}  // namespace hawser::guest::xen::events
