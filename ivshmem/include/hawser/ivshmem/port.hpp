// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The seam between the ivshmem link and whatever holds the device: a PCI function in a guest, a server
// socket in a process, Xen static shared memory with event channels. Everything above it is common.
#pragma once

#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::ivshmem {

/// One party's attachment to an ivshmem window.
///
/// memory()        the whole window; at least 8-byte aligned; the same span for the life of the port.
/// own_id()        IVPosition: the number by which others ring this port. 0..65535.
/// vectors()       how many vectors others can ring here; at least 1.
/// ring(id, v)     a doorbell to vector v of peer id. A hint: may coalesce, may be lost if the peer is not
/// there.
///                 Orders every earlier store to the window before the ring (a device barrier where it takes
///                 one). v is reduced modulo what the peer has, if the port knows it.
/// wait(deadline)  sleeps until rung on any vector, the deadline, or cancellation. A ring that came after the
/// last
///                 wait() returned is never lost, so "look, find nothing, wait" needs no arming. Spurious
///                 returns are legal.
/// now()           monotonic.
template <class P>
concept Port = requires(P& port, const P& cport, std::uint16_t id, std::uint16_t vector, Instant deadline) {
  { cport.memory() } -> std::same_as<std::span<std::byte>>;
  { cport.own_id() } -> std::same_as<std::uint16_t>;
  { cport.vectors() } -> std::same_as<std::uint16_t>;
  { port.ring(id, vector) } -> std::same_as<void>;
  { port.wait(deadline) } -> std::same_as<Wake>;
  { cport.now() } -> std::same_as<Instant>;
};

}  // namespace hawser::ivshmem
