// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The broker's end of a domain's first page (broker_page.hpp): requests in, results and signals out. Knows no socket.
#pragma once

#include <hawser/argo/broker/xen.hpp>
#include <hawser/transport/memory.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace hawser::argo::broker {

/// A place for a domain, which is there from its ATTACH to the gate's destruction. Not before: what others register for it
/// must not be swept away when it attaches. It may write anything into its window at any time: it harms nobody but itself.
class Gate {
 public:
  using Ring = std::function<void(std::uint16_t vector)>;

  /// @param window  zeroed, at least two pages; stays until the gate is gone.
  /// @param broker  the peer id by which the domain rings the broker.
  /// @param ring    rings the domain; must not call back.
  /// Nobody else makes a domain with that id while the gate is there: ATTACH traps then.
  Gate(Xen& xen, DomainId id, std::span<std::byte> window, std::uint16_t broker, Ring ring);
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// Serves at most one request. @return whether there was one.
  bool serve(Instant now);

  DomainId id() const { return id_; }
  bool attached() const { return attached_; }

 private:
  std::int64_t answer(const Call& call, Instant now);
  void attach(bool known_version);
  void signal();
  void ring_if_idle(std::uint16_t vector);

  Xen& xen_;
  const DomainId id_;
  const std::span<std::byte> window_;
  RegionMemory::Area page_;
  Ring ring_;
  std::uint32_t done_ = 0;     // the page says the same, unless the domain wrote there
  std::uint32_t signals_ = 0;  // so does this
  bool attached_ = false;
};

}  // namespace hawser::argo::broker
