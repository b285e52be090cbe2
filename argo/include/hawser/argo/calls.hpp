// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Argo's operations as typed calls. Arguments are written into scratch memory that the hypervisor can read, results
// are cut to 32 bits, errors are named.
#pragma once

#include <hawser/argo/error.hpp>
#include <hawser/argo/port.hpp>
#include <hawser/argo/spec.hpp>
#include <hawser/transport/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser::argo {

/// An own ring: where it listens, and to whom.
struct RingId {
  std::uint32_t port = 0;
  std::uint16_t partner = 0;
};

/// Where a message goes: a port of another domain.
struct Address {
  std::uint32_t port = 0;
  std::uint16_t domain = 0;
};

/// What Xen tells about a ring that one may send to.
struct RingState {
  bool exists = false;
  bool empty = false;
  bool sufficient =
      false;  ///< Room for the payload that was asked about. If not, a signal comes once there is.
  bool too_small = false;  ///< There never will be.
};

/// What the hypercalls of one end amount to. Numbers only grow; they wrap silently.
struct ArgoCounters {
  std::uint64_t registers = 0;     ///< register_ring
  std::uint64_t unregisters = 0;   ///< unregister_ring
  std::uint64_t sends = 0;         ///< sendv
  std::uint64_t notifies = 0;      ///< notify, with a query or without
  std::uint64_t no_room = 0;       ///< of the sends: EAGAIN, EBUSY, ENOMEM
  std::uint64_t bytes_sent = 0;    ///< payload, copied once by the hypervisor
  std::uint64_t bytes_staged = 0;  ///< of it, copied once more because it did not lie in the port's memory

  std::uint64_t hypercalls() const { return registers + unregisters + sends + notifies; }
};

/// Scratch memory begins with arguments; what is behind them stages payload and lists of pages.
inline constexpr std::size_t kArgumentBytes = 512;

/// Scratch that suffices for so many bytes of payload outside of the port's memory, and for rings of so many pages.
constexpr std::size_t scratch_bytes(std::size_t payload, std::size_t ring_pages) {
  const std::size_t list = ring_pages * sizeof(le64);
  return kArgumentBytes + (payload > list ? payload : list);
}

/// @tparam P  must outlive this. `scratch` must lie in its memory, 8-byte aligned, and belong to this object alone.
template <Port P>
class Calls {
 public:
  Calls(P& port, std::span<std::byte> scratch) : port_(port), scratch_(scratch) {}

  /// Memory for payload that the hypervisor can read; what is sent from there is not copied again.
  std::span<std::byte> staging() const { return scratch_.subspan(kArgumentBytes); }

  /// Registers `memory` (whole pages, page-aligned, at most 16 MiB) as a ring. What Xen finds in its header decides where
  /// the ring begins: clear it first. `only_if_new`: kRingExists if there is one, which then stays as it is.
  Result<void, Error> register_ring(RingId ring, std::span<std::byte> memory, bool only_if_new = false) {
    const std::size_t pages = memory.size() / kPageBytes;
    if (pages * sizeof(le64) > staging().size()) return Err{Error::kBadArgument};
    for (std::size_t i = 0; i < pages; ++i) {
      write(kArgumentBytes + i * sizeof(le64), le64(port_.frame(memory.data() + i * kPageBytes)));
    }
    const auto length = static_cast<std::uint32_t>(memory.size() - kRingHeaderBytes);
    void* what = write(0, wire::RegisterRing{ring.port, ring.partner, 0, length});
    ++counters_.registers;
    return done(port_.hypercall(Command::kRegisterRing, what, scratch_.data() + kArgumentBytes,
                                static_cast<std::uint32_t>(pages),
                                only_if_new ? XEN_ARGO_REGISTER_FLAG_FAIL_EXIST : 0));
  }

  /// The memory is the caller's own again.
  Result<void, Error> unregister_ring(RingId ring) {
    void* what = write(0, wire::UnregisterRing{ring.port, ring.partner, 0});
    ++counters_.unregisters;
    return done(port_.hypercall(Command::kUnregisterRing, what, nullptr, 0, 0));
  }

  /// Sends the parts as one message. Parts outside the port's memory are staged; empty ones are left out (Xen logs each).
  /// kTooLong also for more than XEN_ARGO_MAXIOV parts or more staged bytes than there is staging.
  Result<void, Error> sendv(std::uint32_t from_port, Address to,
                            std::span<const std::span<const std::byte>> parts, std::uint32_t type) {
    const std::span<const std::byte> memory = port_.memory();
    std::uint32_t count = 0;
    std::size_t staged = 0;
    std::size_t total = 0;
    for (std::span<const std::byte> part : parts) {
      if (part.empty()) continue;
      if (count == XEN_ARGO_MAXIOV) return Err{Error::kTooLong};
      if (!within(memory, part)) {
        if (part.size() > staging().size() - staged) return Err{Error::kTooLong};
        const auto copy = staging().subspan(staged, part.size());
        std::memcpy(copy.data(), part.data(), part.size());
        staged += part.size();
        part = copy;
      }
      write(sizeof(wire::SendAddress) + count * sizeof(wire::Iov),
            wire::Iov{reinterpret_cast<std::uintptr_t>(part.data()), static_cast<std::uint32_t>(part.size()),
                      0});
      ++count;
      total += part.size();
    }
    void* addresses =
        write(0, wire::SendAddress{{from_port, XEN_ARGO_DOMID_ANY, 0}, {to.port, to.domain, 0}});
    ++counters_.sends;
    counters_.bytes_staged += staged;
    auto sent = done(port_.hypercall(Command::kSendv, addresses, scratch_.data() + sizeof(wire::SendAddress),
                                     count, type));
    if (sent.ok()) {
      counters_.bytes_sent += total;
    } else if (sent.error() == Error::kNoRoom || sent.error() == Error::kTooManyWaiters ||
               sent.error() == Error::kNoMemory) {
      ++counters_.no_room;
    }
    return sent;
  }

  /// Has Xen signal those who wait for room in this domain's rings.
  Result<void, Error> notify() {
    ++counters_.notifies;
    return done(port_.hypercall(Command::kNotify, nullptr, nullptr, 0, 0));
  }

  /// The same, and asks whether a ring has room for `payload` bytes (at least 1: for none, Xen always says yes).
  Result<RingState, Error> query(Address ring, std::uint32_t payload) {
    void* what = write(0, wire::RingData{1, 0, {{ring.port, ring.domain, 0}, 0, 0, payload, 0}});
    ++counters_.notifies;
    if (auto asked = done(port_.hypercall(Command::kNotify, what, nullptr, 0, 0)); !asked.ok()) {
      return Err{asked.error()};
    }
    const std::uint16_t flags = read_wire<wire::RingData>(scratch_)->data.flags;
    return RingState{.exists = (flags & XEN_ARGO_RING_EXISTS) != 0,
                     .empty = (flags & XEN_ARGO_RING_EMPTY) != 0,
                     .sufficient = (flags & XEN_ARGO_RING_SUFFICIENT) != 0,
                     .too_small = (flags & XEN_ARGO_RING_EMSGSIZE) != 0};
  }

  const ArgoCounters& counters() const { return counters_; }

 private:
  template <Wire W>
  void* write(std::size_t at, const W& value) {
    // Told how it is aligned, a compiler that must align every access needs no call to copy a few words.
    auto* const to = static_cast<std::byte*>(__builtin_assume_aligned(scratch_.data(), alignof(le64))) + at;
    std::memcpy(to, &value, sizeof value);
    return to;
  }

  static bool within(std::span<const std::byte> memory, std::span<const std::byte> part) {
    const auto first = reinterpret_cast<std::uintptr_t>(memory.data());
    const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
    return begin >= first && begin - first <= memory.size() && part.size() <= memory.size() - (begin - first);
  }

  static Result<void, Error> done(std::int64_t raw) {
    const std::int32_t result = result_of(raw);
    if (result < 0) return Err{error_of(result)};
    return {};
  }

  P& port_;
  std::span<std::byte> scratch_;
  ArgoCounters counters_;
};

}  // namespace hawser::argo
