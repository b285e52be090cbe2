// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the vocabulary of transport/ refuses at compile time.
//
// RESULT_IGNORED: nodiscard
// OFFSET_FROM_NUMBER: could not convert|no known conversion|no viable conversion|cannot convert
// OFFSET_AS_INDEX: no viable overloaded operator\[\]|no match for .operator\[\]
// OFFSET_AS_POINTER: invalid cast from type|reinterpret_cast from .hawser::Offset.
// BARE_ERROR: could not convert|no viable conversion
// POINTER_ON_THE_WIRE: constraint
#include <hawser/transport/memory.hpp>

#include <cstdint>
#include <span>

using namespace hawser;

Result<int, DoorError> fallible(bool fine) {
#if defined(BARE_ERROR)
  if (!fine) return DoorError::kMisaligned;  // an error must say that it is one
#else
  if (!fine) return Err{DoorError::kMisaligned};
#endif
  return 1;
}

void ignore() {
#if defined(RESULT_IGNORED)
  fallible(true);
#else
  (void)fallible(true);
#endif
}

bool from_number(const RegionMemory& memory, std::uint64_t from_the_peer) {
#if defined(OFFSET_FROM_NUMBER)
  return memory.area(from_the_peer, 8, 8).ok();
#else
  return memory.area(Offset(from_the_peer), 8, 8).ok();
#endif
}

std::byte index(std::span<std::byte> bytes, Offset at) {
#if defined(OFFSET_AS_INDEX)
  return bytes.data()[at];
#elif defined(OFFSET_AS_POINTER)
  return *reinterpret_cast<std::byte*>(at);
#else
  return bytes[at.bytes()];
#endif
}

std::uint64_t pointer_on_the_wire(std::span<const std::byte> bytes) {
#if defined(POINTER_ON_THE_WIRE)
  return read_wire<std::byte*>(bytes).has_value();
#else
  return read_wire<le64>(bytes).value_or(le64(0));
#endif
}
