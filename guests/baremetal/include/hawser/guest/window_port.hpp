// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A window on whatever this machine has: one type of port, so that an image holds one copy of all that is made for it.
#pragma once

#include <hawser/guest/ivshmem_port.hpp>
#include <hawser/guest/machine.hpp>
#include <hawser/guest/xen_shm_port.hpp>
#include <hawser/ivshmem/port.hpp>

#include <optional>

namespace hawser::guest {

/// An ivshmem function or a window that Xen shares. Refers to the machine's port.
class WindowPort {
 public:
  explicit WindowPort(IvshmemPort& port) : ivshmem_(&port) {}
  explicit WindowPort(XenShmPort& port) : xen_shm_(&port) {}

  // ivshmem::Port.
  std::span<std::byte> memory() const { return ivshmem_ ? ivshmem_->memory() : xen_shm_->memory(); }
  std::uint16_t own_id() const { return ivshmem_ ? ivshmem_->own_id() : xen_shm_->own_id(); }
  std::uint16_t vectors() const { return ivshmem_ ? ivshmem_->vectors() : xen_shm_->vectors(); }
  void ring(std::uint16_t id, std::uint16_t vector) {
    ivshmem_ ? ivshmem_->ring(id, vector) : xen_shm_->ring(id, vector);
  }
  Wake wait(Instant deadline) { return ivshmem_ ? ivshmem_->wait(deadline) : xen_shm_->wait(deadline); }
  Instant now() const { return ivshmem_ ? ivshmem_->now() : xen_shm_->now(); }

 private:
  IvshmemPort* ivshmem_ = nullptr;
  XenShmPort* xen_shm_ = nullptr;
};

static_assert(ivshmem::Port<WindowPort>);

/// What the argument link=ivshmem|xen-shm asks for: the first ivshmem function with a doorbell, or Xen's first window.
/// Without the argument, the first of these that there is. Nothing, after a line that says why, if there is none.
std::optional<WindowPort> choose_window(Machine& machine);

/// The first ivshmem function with a doorbell, or without one; nullptr if there is none.
IvshmemPort* find_ivshmem(Machine& machine, bool with_doorbell);

}  // namespace hawser::guest
