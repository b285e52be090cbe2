// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/guest/xen_shm_port.hpp>

#include "arch.hpp"
#include "wait.hpp"
#include "xen/domain.hpp"
#include "xen/events.hpp"

namespace hawser::guest {

std::string_view describe(XenShmError error) {
  switch (error) {
    case XenShmError::kNoChannel:
      return "no event channel leads to another domain: each domain's node wants a xen,evtchn-v1";
    case XenShmError::kDomainUnknown:
      return "Xen does not tell this domain its number";
    case XenShmError::kMemoryCannotBeMapped:
      return "it is beyond the page tables' reach or size";
  }
  return "unknown";
}

Result<XenShmPort, XenShmError> XenShmPort::open(std::string_view id, std::span<std::byte> memory,
                                                 std::uint32_t first_channel) {
  const auto channel = xen::events::find_connected(first_channel);
  if (!channel) return Err{XenShmError::kNoChannel};
  const auto domain = xen::own_domain();
  if (!domain) return Err{XenShmError::kDomainUnknown};
  if (!arch::map({reinterpret_cast<std::uint64_t>(memory.data()), memory.size()}, MemoryKind::kData)) {
    return Err{XenShmError::kMemoryCannotBeMapped};
  }
  XenShmPort port;
  port.id_ = id;
  port.memory_ = memory;
  port.channel_ = *channel;
  port.domain_ = *domain;
  port.seen_ = xen::events::count(*channel);
  xen::events::unmask(*channel);
  return port;
}

void XenShmPort::ring(std::uint16_t, std::uint16_t) {
  arch::device_barrier();
  xen::events::send(channel_);
}

Wake XenShmPort::wait(Instant deadline) {
  const Wake wake = wait_until(deadline, [this] { return interrupts() != seen_; });
  seen_ = interrupts();
  return wake;
}

Instant XenShmPort::now() const {
  return arch::now();
}

std::uint32_t XenShmPort::interrupts() const {
  return xen::events::count(channel_);
}

}  // namespace hawser::guest
