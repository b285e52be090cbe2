// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The first page of the window that a broker shares with one domain: through it go the domain's hypercalls.
// docs/wire/argo-broker.md tells what each field means. Each word has one writer.
#pragma once

#include <hawser/transport/endian.hpp>

#include <cstddef>
#include <cstdint>

namespace hawser::argo::page {

inline constexpr std::uint64_t kMagic = 0x4f47524153574148;  // bytes "HAWSARGO"
inline constexpr std::uint32_t kVersion = 1;

/// Doorbell vectors, the same number both ways. The domain rings kRequest at the broker's peer id; the broker rings
/// kSignal and kDone at the domain.
inline constexpr std::uint16_t kRequest = 0, kSignal = 0, kDone = 1;
inline constexpr std::uint16_t kVectors = 2;

/// A command for the broker itself, not for Argo: arg1 is the version that the domain speaks. All that the domain
/// registered before is gone then. Nothing else is served before it.
inline constexpr std::uint32_t kAttach = 0x80000000;

/// Written by the broker before the domain sees the window, and never again.
struct Header {
  le64 magic;
  le32 version;
  le32 domain;  // this domain's id
  le32 broker;  // the broker's peer id
  le32 reserved;
  le64 window_bytes;  // this page included
};
static_assert(sizeof(Header) == 32 && offsetof(Header, window_bytes) == 24);

/// Written by the domain; `sequence` last.
struct Request {
  le32 sequence;  // another number than before: here is a request
  le32 command;
  le64 arg1, arg2, arg3, arg4;
  le64 base;  // the address at which the domain sees the window's first byte
  le32 idle;  // 0: the domain looks by itself; else it wants to be rung
  le32 reserved;
};
static_assert(sizeof(Request) == 56 && offsetof(Request, base) == 40 && offsetof(Request, idle) == 48);

/// Written by the broker; `sequence` last.
struct Done {
  le32 sequence;  // that of the request that this is the result of
  le32 reserved;
  le64 result;  // as the hypercall's register would hold it
};
static_assert(sizeof(Done) == 16);

/// Written by the broker.
struct Signals {
  le32 count;  // goes up by one for each VIRQ_ARGO
};

inline constexpr std::size_t kHeaderAt = 0x000, kRequestAt = 0x040, kDoneAt = 0x080, kSignalsAt = 0x0c0;

}  // namespace hawser::argo::page
