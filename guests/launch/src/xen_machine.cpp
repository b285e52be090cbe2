// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The nodes that Xen reads are described in its sources: docs/misc/arm/device-tree/{booting,guest}.txt.
#include <hawser/launch/xen_machine.hpp>

#include "device_tree_editor.hpp"
#include "qemu_words.hpp"
#include "runtime_directory.hpp"

#include <hawser/launch/child.hpp>

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

namespace hawser::launch {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kRam = 0x40000000;  // QEMU virt
// QEMU puts its kernel, here Xen, at the start of RAM and the device tree 128 MiB behind.
constexpr std::uint64_t kFirstImage = kRam + 160 * kMiB;
constexpr std::uint64_t kXenItself = 256 * kMiB;    // with the images; the domains' memory comes on top
constexpr std::uint64_t kBesideImages = 64 * kMiB;  // what Xen has at least, for itself, behind the images
constexpr std::uint64_t kPiece = 2 * kMiB;          // pieces start at multiples of this
constexpr unsigned kDomain0Mib = 16;
constexpr std::uint32_t kFirstChannel = 10;  // of the windows: any free number, the same in both domains

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::uint32_t high(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32);
}
std::uint32_t low(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}

std::uint64_t bytes_of(const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) throw std::runtime_error(fmt::format("can't read {}: {}", file.string(), error.message()));
  return size;
}

std::string xen_command_line(const XenMachine& machine, const std::string& console) {
  std::string line = fmt::format("console=dtuart dtuart={} noreboot", console);
  if (machine.argo) line += " argo=1,mac-permissive=0";
  if (!machine.policy.empty()) line += " xsm=" + machine.policy;
  if (!machine.domain0.empty()) line += fmt::format(" dom0_mem={}M dom0_max_vcpus=1", kDomain0Mib);
  if (!machine.arguments.empty()) line += " " + one_line(machine.arguments);
  return line;
}

/// One domain's half of a window.
void add_window(DeviceTreeEditor& tree, const std::string& domain, const XenLayout& layout, std::size_t index,
                const std::string& id, std::uint32_t own_channel, std::uint32_t other_channel) {
  const auto [base, bytes] = layout.windows[index];
  const std::uint64_t in_guest = XenLayout::kWindowInGuest + (base - layout.windows.front().base);
  const auto memory = tree.add_node(domain, fmt::format("shm@{:x}", base));
  tree.set_text(memory, "compatible", "xen,domain-shared-memory-v1");
  tree.set_text(memory, "xen,shm-id", id);
  tree.set_cells(memory, "xen,shared-mem",
                 {high(base), low(base), high(in_guest), low(in_guest), high(bytes), low(bytes)});
  const auto channel = tree.add_node(domain, fmt::format("evtchn@{:x}", kFirstChannel + index));
  tree.set_text(channel, "compatible", "xen,evtchn-v1");
  tree.set_cells(channel, "phandle", {own_channel});
  tree.set_cells(channel, "xen,evtchn", {kFirstChannel + static_cast<std::uint32_t>(index), other_channel});
}

std::string add_module(DeviceTreeEditor& tree, const std::string& domain, const char* kind,
                       XenLayout::Piece piece) {
  auto module = tree.add_node(domain, fmt::format("module@{:x}", piece.base));
  tree.set_texts(module, "compatible", {kind, "multiboot,module"});
  tree.set_cells(module, "reg", {high(piece.base), low(piece.base), high(piece.bytes), low(piece.bytes)});
  return module;
}

std::string add_domain(DeviceTreeEditor& tree, const XenDomain& domain, XenLayout::Piece image,
                       XenLayout::Piece ramdisk) {
  auto node = tree.add_node("/chosen", domain.name);
  tree.set_text(node, "compatible", "xen,domain");
  tree.set_cells(node, "#address-cells", {2});
  tree.set_cells(node, "#size-cells", {2});
  tree.set_cells(node, "cpus", {1});
  tree.set_cells(node, "memory", {0, domain.memory_mib * 1024});
  tree.set_flag(node, "vpl011");
  tree.set_text(node, "xen,enhanced", "no-xenstore");  // the domain is told that it is one
  if (ramdisk.bytes != 0) add_module(tree, node, "multiboot,ramdisk", ramdisk);
  const auto kernel = add_module(tree, node, "multiboot,kernel", image);
  tree.set_text(kernel, "bootargs", one_line(domain.arguments));
  return node;
}

std::vector<std::string> bare_machine(const XenMachine& machine, const XenLayout& layout,
                                      const std::string& more) {
  // RNDR is only in "max"; pointer authentication costs much to emulate, and Xen 4.17 does not know SVE.
  return {"qemu-system-aarch64",
          "-machine",
          "virt,virtualization=on,gic-version=3" + more,
          "-cpu",
          "max,pauth=off,sve=off",
          "-smp",
          fmt::format("{}", machine.processors),
          "-m",
          fmt::format("{}", layout.memory_mib),
          "-nodefaults",
          "-display",
          "none",
          "-no-reboot",
          "-net",
          "none"};
}

std::vector<std::byte> bare_tree(const XenMachine& machine, const XenLayout& layout) {
  const RuntimeDirectory directory;
  const auto file = directory.path() / "bare.dtb";
  Child qemu(bare_machine(machine, layout, ",dumpdtb=" + option_value(file.string())));
  std::optional<Ending> ending;
  for (int tries = 0; tries < 1000 && !ending; ++tries) {
    ending = qemu.try_reap();
    if (!ending) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!ending || ending->by_signal || ending->number != 0 || bytes.empty())
    throw std::runtime_error("qemu-system-aarch64 does not tell the machine's device tree");
  const auto* first = reinterpret_cast<const std::byte*>(bytes.data());
  return {first, first + bytes.size()};
}

}  // namespace

XenLayout::XenLayout(const XenMachine& machine) {
  std::uint64_t next = kFirstImage;
  std::uint64_t memory = kXenItself;
  const auto place = [&](const std::filesystem::path& file) {
    const Piece piece{next, bytes_of(file)};
    next += round_up(piece.bytes, kPiece);
    return piece;
  };
  // Kernels and their ramdisks are large: domains of the same file read it from the same place.
  std::map<std::filesystem::path, Piece> placed;
  const auto place_once = [&](const std::filesystem::path& file) {
    const auto known = placed.find(file);
    return known != placed.end() ? known->second : placed.emplace(file, place(file)).first->second;
  };
  for (const XenDomain& domain : machine.domains) {
    const bool kernel = !domain.ramdisk.empty();
    images.push_back(kernel ? place_once(domain.image) : place(domain.image));
    ramdisks.push_back(kernel ? place_once(domain.ramdisk) : Piece{});
    memory += domain.memory_mib * kMiB;
  }
  if (!machine.domain0.empty()) {
    domain0 = place(machine.domain0);
    memory += kDomain0Mib * kMiB;
  }
  if (!machine.rules.empty()) rules = place(machine.rules);
  const std::uint64_t images_end = round_up(next - kRam, 64 * kMiB) + kBesideImages;
  if (images_end > kXenItself) memory += images_end - kXenItself;
  std::uint64_t shared = 0;
  for (const XenWindow& window : machine.windows) shared += round_up(window.bytes, kPiece);
  const std::uint64_t end = round_up(memory + shared, 64 * kMiB);
  memory_mib = static_cast<unsigned>(end / kMiB);
  next = kRam + end - shared;
  for (const XenWindow& window : machine.windows) {
    windows.push_back({next, window.bytes});
    next += round_up(window.bytes, kPiece);
  }
}

std::vector<std::byte> xen_tree(const XenMachine& machine, const XenLayout& layout,
                                const std::vector<std::byte>& bare_tree) {
  DeviceTreeEditor tree(bare_tree);
  const std::string console = tree.text("/chosen", "stdout-path");
  if (console.empty()) throw std::runtime_error("device tree: /chosen names no console");
  tree.set_text("/chosen", "xen,xen-bootargs", xen_command_line(machine, console));
  tree.set_cells("/chosen", "#address-cells", {2});
  tree.set_cells("/chosen", "#size-cells", {2});

  if (layout.domain0.bytes != 0) add_module(tree, "/chosen", "multiboot,kernel", layout.domain0);
  if (layout.rules.bytes != 0) add_module(tree, "/chosen", "xen,xsm-policy", layout.rules);
  std::vector<std::string> nodes(machine.domains.size());
  for (std::size_t i = nodes.size(); i-- > 0;)
    nodes[i] = add_domain(tree, machine.domains[i], layout.images[i], layout.ramdisks[i]);
  for (std::size_t i = 0; i < machine.windows.size(); ++i) {
    const XenWindow& window = machine.windows[i];
    if (window.id.empty() || window.id.size() > 15)
      throw std::runtime_error(fmt::format("the window's id '{}' has not 1 to 15 characters", window.id));
    if (window.bytes == 0 || window.bytes % 4096 != 0)
      throw std::runtime_error(fmt::format("a window of {} bytes is not whole pages of 4096", window.bytes));
    const std::uint32_t one = tree.new_phandle(), other = tree.new_phandle();
    add_window(tree, nodes.at(window.one), layout, i, window.id, one, other);
    add_window(tree, nodes.at(window.other), layout, i, window.id, other, one);
  }
  return tree.finish();
}

void write_xen_tree(const XenMachine& machine, const XenLayout& layout, const std::filesystem::path& file) {
  std::ofstream out(file, std::ios::binary);
  const auto tree = xen_tree(machine, layout, bare_tree(machine, layout));
  out.write(reinterpret_cast<const char*>(tree.data()), static_cast<std::streamsize>(tree.size()));
  if (!out.flush()) throw std::runtime_error(fmt::format("can't write {}", file.string()));
}

std::vector<std::string> qemu_xen_command(const XenMachine& machine, const XenLayout& layout,
                                          const std::filesystem::path& tree) {
  std::vector<std::string> command = bare_machine(machine, layout, "");
  const auto add = [&](auto... words) { (command.emplace_back(words), ...); };
  // One processor, one thread: with more, a wake-up from one domain to another takes many times as long. Both domains are
  // on it, so they need no barriers of the host's (qemu_words.hpp), which QEMU gives those of several threads.
  add("-accel", machine.processors == 1 ? "tcg,thread=single" : "tcg,thread=multi", "-serial", "stdio");
  if (machine.counted) add("-icount", "shift=0,sleep=off");
  add("-kernel", machine.xen.string(), "-dtb", tree.string());
  std::set<std::uint64_t> loaded;
  const auto load = [&](const std::filesystem::path& file, XenLayout::Piece piece) {
    if (file.empty() || !loaded.insert(piece.base).second) return;
    add("-device",
        fmt::format("loader,file={},addr={:#x},force-raw=on", option_value(file.string()), piece.base));
  };
  for (std::size_t i = 0; i < machine.domains.size(); ++i) {
    load(machine.domains[i].image, layout.images[i]);
    load(machine.domains[i].ramdisk, layout.ramdisks[i]);
  }
  load(machine.domain0, layout.domain0);
  load(machine.rules, layout.rules);
  return command;
}

}  // namespace hawser::launch
