// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the machine can do at best. Each does its unit that often, and times each of them where `single` is given.
#pragma once

#include "pair.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::bench {

/// A round trip when both sides write the same cache line, and when each writes a line of its own.
Run pingpong_one_line(Cores cores, unsigned units, Histogram* single);
Run pingpong_two_line(Cores cores, unsigned units, Histogram* single);

/// A copy within the caches.
Run memcpy_warm(Cores cores, std::size_t bytes, unsigned units);
/// A copy between places that no cache holds.
Run memcpy_cold(Cores cores, std::size_t bytes, unsigned units);

/// Of those, as many as a run should do: flushing takes longer than what is timed.
unsigned cold_copies(std::size_t bytes);

/// A payload copied once into memory that both see, handed over by a cache line, and looked at there, a word of each
/// line; `outstanding` of them under way.
Run hand_over(Cores cores, std::size_t bytes, unsigned outstanding, unsigned units, Histogram* single);

/// A system call that does nothing.
Run system_call(Cores cores, unsigned units);

/// There and back, both sleeping meanwhile.
Run eventfd_trip(Cores cores, unsigned units, Histogram* single);
Run futex_trip(Cores cores, unsigned units, Histogram* single);

/// Reads a word of each line, so that all of it comes to this processor.
std::uint64_t touch(std::span<const std::byte> bytes);

/// Points of other suites hold themselves against these; here, named and described.
Point pingpong_point(Cores cores);
Point pingpong_two_line_point(Cores cores);
Point copy_point(Cores cores, std::size_t bytes, bool warm);
Point eventfd_point(Cores cores);
Point futex_point(Cores cores);
Point hand_over_point(Cores cores, std::size_t bytes, unsigned outstanding);

}  // namespace hawser::bench
