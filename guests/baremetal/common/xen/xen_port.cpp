// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/guest/xen_port.hpp>

#include "arch.hpp"
#include "wait.hpp"
#include "xen/abi.hpp"
#include "xen/domain.hpp"
#include "xen/events.hpp"

namespace hawser::guest {

std::string_view describe(XenPortError error) {
  switch (error) {
    case XenPortError::kNotBuiltIn:
      return "this Xen has no Argo: build it with CONFIG_ARGO";
    case XenPortError::kSwitchedOff:
      return "Argo is switched off: put argo=1 on Xen's command line";
    case XenPortError::kRefused:
      return "Xen's policy keeps this domain from Argo: put xsm=dummy on Xen's command line, or change the "
             "policy";
    case XenPortError::kDomainUnknown:
      return "Xen does not tell this domain its number";
    case XenPortError::kNoSignal:
      return "Xen does not bind VIRQ_ARGO for this domain: something else in it has done that";
  }
  return "unknown";
}

Result<XenPort, XenPortError> XenPort::open(std::span<std::byte> memory) {
  XenPort port;
  port.memory_ = memory;
  // A notification about nothing does nothing, but tells whether we may.
  switch (argo::result_of(port.hypercall(argo::Command::kNotify, nullptr, nullptr, 0, 0))) {
    case 0:
      break;
    case xen::kNoSuchCall:
      return Err{XenPortError::kNotBuiltIn};
    case xen::kNotSupported:
      return Err{XenPortError::kSwitchedOff};
    default:
      return Err{XenPortError::kRefused};
  }
  const auto domain = xen::own_domain();
  if (!domain) return Err{XenPortError::kDomainUnknown};
  port.domain_ = *domain;
  const auto channel = xen::events::bind(xen::kVirqArgo);
  if (!channel) return Err{XenPortError::kNoSignal};
  port.channel_ = *channel;
  port.taken_ = port.waited_ = port.interrupts();
  return port;
}

std::int64_t XenPort::hypercall(argo::Command command, void* first, void* second, std::uint32_t third,
                                std::uint32_t fourth) {
  return raw(static_cast<std::uint32_t>(command), {reinterpret_cast<std::uint64_t>(first),
                                                   reinterpret_cast<std::uint64_t>(second), third, fourth});
}

std::int64_t XenPort::raw(std::uint32_t command, const std::array<std::uint64_t, 4>& arguments) {
  return arch::hypercall(xen::Hypercall::kArgo,
                         {command, arguments[0], arguments[1], arguments[2], arguments[3]});
}

bool XenPort::take_signal() {
  arch::take_pending();
  const std::uint32_t before = taken_;
  taken_ = interrupts();
  return taken_ != before;
}

Wake XenPort::wait(Instant deadline) {
  const Wake wake = wait_until(deadline, [this] { return interrupts() != waited_; });
  waited_ = interrupts();
  return wake;
}

Instant XenPort::now() const {
  return arch::now();
}

std::uint32_t XenPort::interrupts() const {
  return xen::events::count(channel_);
}

}  // namespace hawser::guest
