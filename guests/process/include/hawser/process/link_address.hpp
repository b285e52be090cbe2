// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Where a process finds its link: the argument of --link.
#pragma once

#include <hawser/ivshmem/client/socket_port.hpp>
#include <hawser/ivshmem/link.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/virtio/placement.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hawser::process {

enum class Carrier : std::uint8_t {
  kIvshmem,  ///< A window that both sides share.
  kArgo,     ///< Messages that a broker copies.
  kXen,      ///< Messages that Xen copies, through the module hawser_argo of the Linux domain that we are in.
  kGuest,    ///< A window of the Linux guest that we are in, through the module hawser_ivshmem.
  kVfio,     ///< The same through vfio-pci, without a module of ours.
};

/// `ivshmem:SOCKET[,link=N][,links=N][,unsealed]`: which of the window's links (0), into how many a new window is divided
/// (1), and whether a memory object that others can shrink is acceptable (no).
/// `guest:/dev/hawserN[,link=N][,links=N]`: the same in a Linux guest.
/// `vfio:0000:00:04.0[,link=N][,links=N]`: the same by the PCI function's address, which vfio-pci gives away.
/// `argo:SOCKET,peer=DOMAIN[,link=N]`: the socket of our own domain at a broker, and whose domain is the other side.
/// `xen:/dev/hawser_argo,peer=DOMAIN[,link=N]`: the same in a Linux domain of Xen.
/// Each also with `placement=auto|inline|copied|shared`, as far as the link can: how the bytes of requests travel.
struct LinkAddress {
  Carrier carrier = Carrier::kIvshmem;
  std::string socket;      ///< In a guest or domain: the character device; VFIO: the PCI address.
  std::uint16_t peer = 0;  ///< Argo, Xen: the domain at the other end.
  std::uint32_t number = 0;
  std::uint32_t links = 1;
  bool unsealed = false;
  std::optional<virtio::Placement> placement;  ///< Nothing: by the rule.
  Duration patience =
      seconds(5);  ///< For a server that is not there yet, and for its greeting. Not in the words.
};

/// Throws std::invalid_argument with one sentence.
LinkAddress parse_link(std::string_view text);

/// The address in the same words, without what is as it would be anyway.
std::string describe(const LinkAddress& address);

/// A port to it.
ivshmem::ClientOptions client_options(const LinkAddress& address);

/// What this machine calls itself.
std::string host_name();

}  // namespace hawser::process
