// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What transport/ is made of, instantiated without a standard library behind it.
#include <hawser/transport/endian.hpp>
#include <hawser/transport/memory.hpp>
#include <hawser/transport/result.hpp>

#include <span>

using namespace hawser;

template class hawser::Little<std::uint16_t>;
template class hawser::Little<std::uint32_t>;
template class hawser::Little<std::uint64_t>;
template class hawser::Result<RegionMemory::Area, DoorError>;
template class hawser::Result<void, DoorError>;

/// One walk through the door: every kind of access that an area has.
Result<void, DoorError> freestanding_door(std::span<std::byte> region, std::span<std::byte> copy, Offset at) {
  const RegionMemory memory(region);
  HAWSER_TRY(area, memory.area(at, copy.size(), 8));
  area.store<std::uint32_t>(0, area.load<std::uint32_t>(4));
  area.publish<std::uint16_t>(8, area.observe<std::uint16_t>(10));
  memory.full_fence();
  area.read(0, copy);
  area.write(0, copy);
  return {};
}
