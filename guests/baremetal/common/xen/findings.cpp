// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a domain's device tree says about Xen. Xen writes the node "hypervisor" for domains that are to know where they are
// (dom0less: `xen,enhanced`), and a node for each window that it shares (docs/misc/arm/device-tree/guest.txt).
#include "xen/domain.hpp"

#include "device_tree.hpp"

namespace hawser::guest::xen {
namespace {

constexpr std::uint64_t kPrivateInterrupt = 1;  // first cell of an interrupt; the second counts from 16
constexpr unsigned kFirstPrivate = 16;
constexpr unsigned kPrivateCount = 16;

void find_windows(const DeviceTree& tree, Findings& findings) {
  tree.for_each_node([&](const DeviceTree::Node& node) {
    const auto compatible = tree.property(node, "compatible");
    if (!compatible || !compatible->lists("xen,shared-memory-v1")) return false;
    const auto memory = tree.reg(node, 0);
    if (!memory || memory->empty() || memory->base % kPageSize != 0 || memory->size % kPageSize != 0)
      return false;
    const auto id = tree.property(node, "xen,id");
    findings.windows[findings.window_count++] = {id ? id->text() : std::string_view(), *memory};
    return findings.window_count == Findings::kMaxWindows;
  });
}

}  // namespace

std::optional<Findings> find(const DeviceTree& tree) {
  const auto node = tree.compatible("xen,xen");
  if (!node) return std::nullopt;
  const auto unused = tree.reg(*node, 0);
  const auto interrupts = tree.property(*node, "interrupts");
  if (!unused || !interrupts || unused->base % kPageSize != 0 || unused->size < kPageSize)
    return std::nullopt;
  const auto kind = interrupts->number(0, 1);
  const auto number = interrupts->number(1, 1);
  if (!kind || *kind != kPrivateInterrupt || !number || *number >= kPrivateCount) return std::nullopt;
  Findings findings;
  findings.unused_frames = *unused;
  findings.event_interrupt = static_cast<unsigned>(*number) + kFirstPrivate;
  find_windows(tree, findings);
  return findings;
}

}  // namespace hawser::guest::xen
