// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both sides of a link by one command: the ivshmem server, a device party, a driver party, their consoles, the table.
#pragma once

#include <hawser/launch/accel.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hawser::launch {

enum class Home {
  kGuest,  ///< Bare metal.
  kLinux,
  kProcess
};
enum class Order {
  kDriverFirst,
  kDeviceFirst
};

/// What carries the link.
enum class LinkKind {
  kIvshmem,  ///< A window of our ivshmem server; guests are QEMU machines, sides may be processes.
  kArgoBroker,  ///< The same parties; a broker of ours carries Argo messages between them. A third domain tries to join in.
  kArgo,  ///< Xen's Argo, between two domains of one emulated arm64 machine; a third one tries to join in.
  kXenShm,  ///< Static shared memory and event channels of Xen; both sides are domains of one emulated arm64 machine.
};

/// Kill one side while the other runs, and start it again.
struct PlannedKill {
  std::string party;         ///< "driver" or "device".
  double after_seconds = 0;  ///< Since the driver side's first row, however long the guests took to start.
};

struct BootOptions {
  LinkKind link = LinkKind::kIvshmem;
  Arch driver_arch = host_arch();
  Arch device_arch = host_arch();
  Home driver = Home::kGuest;
  Home device = Home::kGuest;
  Order order = Order::kDeviceFirst;
  std::string accel = "auto";
  unsigned seconds = 0;  ///< How long the driver keeps traffic going; 0: one pass over everything.
  /// How much longer the driver side may take, with its start and all. Linux guests have three times that.
  std::chrono::seconds patience{60};
  bool json = false;
  bool quiet = false;  ///< No consoles, only the table.
  std::uint64_t window_bytes = 16u << 20;
  unsigned vectors = 8;
  std::string queue_layout =
      "self-describing";  ///< or "plain": which AMP message queue layout the device end offers.
  std::optional<std::filesystem::path>
      disk;  ///< Lent to a device guest as memory (or, told disk=initrd, as that), served by a process as a file.
  std::vector<std::string> driver_arguments;  ///< Further words for either side.
  std::vector<std::string> device_arguments;
  std::vector<std::string>
      xen_arguments;  ///< Further words for Xen, after ours; of two that differ, the later counts.
  std::vector<PlannedKill> kills;
  std::filesystem::path
      images;  ///< Where the guest images are: ARCH/hawser-driver.img, or a folder of build folders.
  std::filesystem::path
      xsm_policy;  ///< For Argo on Xen: a compiled FLASK policy; empty: Xen allows all domains to speak Argo.
  std::filesystem::path xen;  ///< The hypervisor, for links that are Xen's; empty: xen/xen among the images.
  std::filesystem::path program;  ///< The hawser executable, for process parties.
  std::filesystem::path log_directory;
};

/// Runs until the driver side has ended. 0: every row verified. 1: something did not verify or a side failed. 2: it could
/// not be started. All sentences go to standard error, the table or JSON to standard output. Leaves nothing but logs.
int boot(const BootOptions& options);

}  // namespace hawser::launch
