// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The machine that an image runs on, and the one function that an image defines.
#pragma once

#include <hawser/guest/arguments.hpp>
#include <hawser/guest/console.hpp>
#include <hawser/guest/ivshmem_port.hpp>
#include <hawser/guest/pci.hpp>
#include <hawser/guest/xen_shm_port.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::guest {

struct Boot;

/// One processor, its serial line, clock, memory and PCI bus 0. The runtime makes the only one.
class Machine {
 public:
  static constexpr std::size_t kMaxIvshmem = 8;
  static constexpr std::size_t kMaxXenShm = 4;

  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Console console() const { return {}; }

  /// Since the runtime started.
  Instant now() const;

  /// Sleeps until any port is rung, a key is typed, or the deadline passes; the ring still counts for its port.
  /// What came since the last wait() of this kind is never slept over. For one port alone use its own wait().
  Wake wait(Instant deadline);

  const Arguments& arguments() const { return arguments_; }

  /// What `-initrd` brought, at its place in RAM: may be written. Empty if there is none.
  std::span<std::byte> initrd() const { return initrd_; }

  /// The largest piece of RAM that nothing else uses. Not cleared.
  std::span<std::byte> spare_memory() const { return spare_memory_; }

  /// Takes the last `bytes` of it, whole pages, or all if there are fewer.
  std::span<std::byte> take_spare_memory(std::size_t bytes);

  /// Everything on bus 0. Functions other than ivshmem are switched off.
  std::span<const pci::Function> pci_functions() const;

  /// The ivshmem functions in the order of their PCI addresses. One that could not be opened is left out, after a line
  /// on the console that says why.
  std::size_t ivshmem_count() const { return ivshmem_count_; }

  /// nullptr when there are fewer.
  IvshmemPort* ivshmem(std::size_t index);

  /// Whether this machine is a Xen domain that takes events.
  bool on_xen() const { return on_xen_; }

  /// The windows that Xen shares between this domain and others, in the order of the device tree; none elsewhere.
  std::size_t xen_shm_count() const { return xen_shm_count_; }

  /// nullptr when there are fewer.
  XenShmPort* xen_shm(std::size_t index);

  /// Message, event and console interrupts since start, not those of the clock.
  std::uint64_t interrupts() const;

  /// For the runtime.
  Machine(const Boot& boot, pci::Bus& bus);

 private:
  void open_ivshmem(const Boot& boot);
  void open_xen(const Boot& boot);

  Arguments arguments_;
  std::span<std::byte> initrd_;
  std::span<std::byte> spare_memory_;
  pci::Bus* bus_;
  std::array<std::optional<IvshmemPort>, kMaxIvshmem> ivshmem_;
  std::size_t ivshmem_count_ = 0;
  std::array<std::optional<XenShmPort>, kMaxXenShm> xen_shm_;
  std::size_t xen_shm_count_ = 0;
  bool on_xen_ = false;
  std::uint64_t seen_ = 0;
};

}  // namespace hawser::guest

/// An image's whole program. What it returns ends the machine: 0 for success, else 1..69.
int hawser_main(hawser::guest::Machine& machine);
