/* SPDX-FileCopyrightText: 2026 The Hawser authors */
/* SPDX-License-Identifier: MIT */

/*
 * What headers about bytes on a wire are written in, so that C (the kernel module) and C++ (everything else) read the
 * same ones: integer fields with their byte order, constants, sizes that are checked. In C++ the constants and structs
 * are in the namespace that the header opens; in C they have the prefix that they are written with.
 */
#pragma once

#ifdef __cplusplus

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser {
using hawser_u8 = std::uint8_t;
using hawser_u16 = std::uint16_t;
using hawser_u32 = std::uint32_t;
using hawser_u64 = std::uint64_t;
using hawser_size = std::size_t;
using hawser_le16 = le16;
using hawser_le32 = le32;
using hawser_le64 = le64;
}  // namespace hawser

#define HAWSER_WIRE_CONSTANT(type, name, value) inline constexpr type name = value
#define HAWSER_WIRE_SIZE(name, bytes) static_assert(sizeof(name) == (bytes))
#define HAWSER_WIRE_OFFSET(name, field, bytes) static_assert(offsetof(name, field) == (bytes))

#else /* C: the kernel's types, which sparse knows the byte order of; user space has the same ones. */

#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/stddef.h>
#else
#include <stddef.h>
#endif

typedef __u8 hawser_u8;
typedef __le16 hawser_le16;
typedef __le32 hawser_le32;
typedef __le64 hawser_le64;

/* The type is the C++ constant's; in C all of them are ints, or as wide as their value needs. */
// clang-format off
#define HAWSER_WIRE_CONSTANT(type, name, value) enum { name = (value) }
// clang-format on
#define HAWSER_WIRE_SIZE(name, bytes) _Static_assert(sizeof(struct name) == (bytes), #name)
#define HAWSER_WIRE_OFFSET(name, field, bytes) _Static_assert(offsetof(struct name, field) == (bytes), #name)

#endif
