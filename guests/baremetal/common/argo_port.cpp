// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/guest/argo_port.hpp>

#include <hawser/argo/calls.hpp>
#include <hawser/argo/frames.hpp>
#include <hawser/guest/restart.hpp>
#include <hawser/guest/window_port.hpp>

#include <algorithm>
#include <utility>

namespace hawser::guest {

namespace {

/// A domain that Xen started itself may get its label while it runs already. Until then a FLASK policy refuses it.
void await_label(Machine& machine, XenPort& port, std::uint16_t peer) {
  const argo::Address ring{argo::port_of(0, argo::Role::kDevice, argo::RingKind::kControl), peer};
  argo::Calls calls(port, port.memory());
  const Instant deadline = machine.now() + milliseconds(1000);
  while (machine.now() < deadline) {
    const auto state = calls.query(ring, 1);
    if (state.ok() || state.error() != argo::Error::kRefused) return;
    (void)machine.wait(machine.now() + milliseconds(10));
  }
}

}  // namespace

bool ArgoPort::open(Machine& machine, std::size_t bytes) {
  const Console console = machine.console();
  if (machine.on_xen()) {
    auto port = XenPort::open(machine.take_spare_memory(bytes));
    if (!port) {
      console.print(describe(port.error()), "\n");
      return false;
    }
    xen_.emplace(*std::move(port));
    if (const auto peer = machine.arguments().number("peer"))
      await_label(machine, *xen_, static_cast<std::uint16_t>(*peer));
    return true;
  }
  IvshmemPort* window = find_ivshmem(machine, true);
  if (window == nullptr) {
    console.print("link=argo: this is no Xen domain, and no broker's ivshmem-doorbell device is there\n");
    return false;
  }
  broker_.emplace(*window);
  if (const auto attached = broker_->attach(); !attached) {
    console.print(argo::describe(attached.error()), "\n");
    return false;
  }
  return true;
}

std::optional<argo::LinkOptions> argo_options(Machine& machine, argo::Role role) {
  constexpr std::uint64_t kFirstReserved = 0x7ff0;  // xen.h: DOMID_FIRST_RESERVED
  const auto peer = machine.arguments().number("peer");
  if (!peer || *peer >= kFirstReserved) {
    machine.console().print("link=argo: the argument peer=DOMAIN says which domain is at the other end\n");
    return std::nullopt;
  }
  argo::LinkOptions options{
      .role = role,
      .peer = static_cast<std::uint16_t>(*peer),
      .number = static_cast<std::uint32_t>(machine.arguments().number("link-number").value_or(0)),
      // The clock starts anew with the image, and may well read the same here each time.
      .noise = static_cast<std::uint32_t>(machine.now().ns) + restarts() * 0x9e3779b9u};
  if (const auto ms = machine.arguments().number("silence")) options.silence = milliseconds(*ms);
  return options;
}

std::size_t argo_memory(Machine& machine, std::size_t most) {
  return std::min<std::uint64_t>(machine.arguments().number("memory").value_or(12u << 20), most);
}

}  // namespace hawser::guest
