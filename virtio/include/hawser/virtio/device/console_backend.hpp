// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What stands behind one port of a console device: a terminal, a pair of pipes, a buffer.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::virtio::device {

/// In characters; zero by zero: unknown.
struct ConsoleSize {
  std::uint16_t columns = 0;
  std::uint16_t rows = 0;
  constexpr bool operator==(const ConsoleSize&) const = default;
};

/// Bytes in and out, never waiting.
///
/// read(out)        bytes for the driver, as many as there are and fit; 0: none now
/// write(in)        bytes of the driver's; how many were taken. Fewer than given: full, the device keeps the rest.
///                  `in` may change while it is read.
/// writable()       write() would take something
/// connected()      somebody is at the other end
/// size()           of the other end's window
/// driver_open(on)  the driver opened the port, or closed it
/// want_input(on)   optional: false: bytes would not be read now, so there is no use in waking anybody for them
template <class B>
concept ConsoleBackend = requires(B& backend, const B& cbackend, std::span<std::byte> out,
                                  std::span<const std::byte> in, bool on) {
  { backend.read(out) } -> std::same_as<std::size_t>;
  { backend.write(in) } -> std::same_as<std::size_t>;
  { cbackend.writable() } -> std::same_as<bool>;
  { cbackend.connected() } -> std::same_as<bool>;
  { cbackend.size() } -> std::same_as<ConsoleSize>;
  { backend.driver_open(on) } -> std::same_as<void>;
};

}  // namespace hawser::virtio::device
