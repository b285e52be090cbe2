// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Argo on whatever this machine has: one type of port, so that an image holds one copy of all that is made for it.
#pragma once

#include <hawser/argo/broker_port.hpp>
#include <hawser/argo/link_options.hpp>
#include <hawser/argo/port.hpp>
#include <hawser/guest/ivshmem_port.hpp>
#include <hawser/guest/machine.hpp>
#include <hawser/guest/xen_port.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::guest {

/// Xen's Argo in a Xen domain; elsewhere that of a broker, whose window is the first ivshmem function with a doorbell.
class ArgoPort {
 public:
  constexpr ArgoPort() = default;

  /// Before anything else. On Xen, the port's memory is `bytes` of the machine's spare memory, or what there is. False,
  /// after a line that says why, if there is no Argo.
  bool open(Machine& machine, std::size_t bytes);

  /// Is called before and after each hypercall, and need not return: for an image that ends in the middle of things.
  using Watch = void (*)(argo::Command command, const void* first, std::uint32_t fourth);
  void watch(Watch watch) { watch_ = watch; }

  // argo::Port.
  std::span<std::byte> memory() const { return xen_ ? xen_->memory() : broker_->memory(); }
  std::uint64_t frame(const std::byte* page) const { return xen_ ? xen_->frame(page) : broker_->frame(page); }
  std::int64_t hypercall(argo::Command command, void* first, void* second, std::uint32_t third,
                         std::uint32_t fourth) {
    if (watch_ != nullptr) watch_(command, first, fourth);
    const std::int64_t result = xen_ ? xen_->hypercall(command, first, second, third, fourth)
                                     : broker_->hypercall(command, first, second, third, fourth);
    if (watch_ != nullptr) watch_(command, first, fourth);
    return result;
  }
  bool take_signal() { return xen_ ? xen_->take_signal() : broker_->take_signal(); }
  Wake wait(Instant deadline) { return xen_ ? xen_->wait(deadline) : broker_->wait(deadline); }
  Instant now() const { return xen_ ? xen_->now() : broker_->now(); }

 private:
  std::optional<XenPort> xen_;
  std::optional<argo::BrokerPort<IvshmemPort>> broker_;
  Watch watch_ = nullptr;
};

static_assert(argo::Port<ArgoPort>);

/// A link as the arguments say: peer=DOMAIN, link-number=N, silence=MILLISECONDS. Nothing, after a line that says why, without a peer.
std::optional<argo::LinkOptions> argo_options(Machine& machine, argo::Role role);

/// memory=SIZE, at most `most`.
std::size_t argo_memory(Machine& machine, std::size_t most);

}  // namespace hawser::guest
