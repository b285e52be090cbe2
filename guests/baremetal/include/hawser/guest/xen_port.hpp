// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A Xen domain's access to Argo: hypercalls made here, VIRQ_ARGO taken here.
#pragma once

#include <hawser/argo/port.hpp>
#include <hawser/transport/result.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hawser::guest {

/// Why there is no port.
enum class XenPortError : std::uint8_t {
  kNotBuiltIn,     ///< This Xen has no Argo.
  kSwitchedOff,    ///< It has, and was told not to use it.
  kRefused,        ///< Its policy keeps this domain from it.
  kDomainUnknown,  ///< Xen tells this domain nothing about any domain, not even itself.
  kNoSignal,       ///< VIRQ_ARGO can not be bound: it is already.
};
std::string_view describe(XenPortError error);

/// At most one in a domain: there is one VIRQ_ARGO.
class XenPort {
 public:
  /// `memory`: whole pages of this domain's RAM, mapped one to one, for whatever hypercalls will be given.
  static Result<XenPort, XenPortError> open(std::span<std::byte> memory);

  // argo::Port. Nothing cancels a wait: a bare-metal image has one thread of execution.
  std::span<std::byte> memory() const { return memory_; }
  std::uint64_t frame(const std::byte* page) const { return reinterpret_cast<std::uint64_t>(page) >> 12; }
  std::int64_t hypercall(argo::Command command, void* first, void* second, std::uint32_t third,
                         std::uint32_t fourth);
  bool take_signal();
  Wake wait(Instant deadline);
  Instant now() const;

  /// HYPERVISOR_argo_op with any command; the result as the register holds it.
  std::int64_t raw(std::uint32_t command, const std::array<std::uint64_t, 4>& arguments);

  /// This domain's number.
  std::uint16_t domain() const { return domain_; }

  /// VIRQ_ARGO taken since start, modulo 2^32.
  std::uint32_t interrupts() const;

 private:
  XenPort() = default;

  std::span<std::byte> memory_;
  std::uint16_t domain_ = 0;
  std::uint32_t channel_ = 0;
  std::uint32_t taken_ = 0;   // up to where take_signal() has told
  std::uint32_t waited_ = 0;  // up to where wait() has
};

static_assert(argo::Port<XenPort>);

}  // namespace hawser::guest
