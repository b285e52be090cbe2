// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device tree that Xen gets, read back by libfdt.
#include <hawser/launch/xen_machine.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

extern "C" {
#include <libfdt.h>
}

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

using namespace hawser::launch;

namespace {

/// An image file of that many bytes, gone with the object.
struct Image {
  explicit Image(std::uint64_t bytes)
      : path(std::filesystem::temp_directory_path() /
             ("hawser-image-" + std::to_string(::getpid()) + "-" + std::to_string(count++))) {
    std::ofstream(path).close();
    std::filesystem::resize_file(path, bytes);
  }
  ~Image() { std::filesystem::remove(path); }
  std::filesystem::path path;
  static inline unsigned count = 0;
};

XenMachine two_domains(const Image& image) {
  return {.xen = "xen",
          .domains = {{.name = "one", .image = image.path, .memory_mib = 48, .arguments = {"a=1", "b"}},
                      {.name = "two", .image = image.path}},
          .windows = {{.id = "w", .bytes = 5 << 20}}};
}

/// As small as QEMU's could be.
std::vector<std::byte> bare_tree(bool with_console = true) {
  std::vector<std::byte> tree(4096);
  ::fdt_create_empty_tree(tree.data(), static_cast<int>(tree.size()));
  const int chosen = ::fdt_add_subnode(tree.data(), 0, "chosen");
  if (with_console) ::fdt_setprop_string(tree.data(), chosen, "stdout-path", "/uart@1");
  return tree;
}

struct Tree {
  explicit Tree(std::vector<std::byte> bytes) : bytes(std::move(bytes)) {}

  int node(const std::string& path) const {
    const int offset = ::fdt_path_offset(bytes.data(), path.c_str());
    REQUIRE_MESSAGE(offset >= 0, path);
    return offset;
  }
  std::vector<std::uint64_t> cells(const std::string& path, const char* name) const {
    int length = 0;
    const auto* value = static_cast<const fdt32_t*>(::fdt_getprop(bytes.data(), node(path), name, &length));
    std::vector<std::uint64_t> out;
    for (int i = 0; i < length / 4; ++i) out.push_back(fdt32_to_cpu(value[i]));
    return out;
  }
  std::string text(const std::string& path, const char* name) const {
    const char* value = ::fdt_stringlist_get(bytes.data(), node(path), name, 0, nullptr);
    return value == nullptr ? "(none)" : value;
  }
  std::vector<std::string> children(const std::string& path) const {
    std::vector<std::string> names;
    int child = 0;
    fdt_for_each_subnode(child, bytes.data(), node(path))
        names.push_back(::fdt_get_name(bytes.data(), child, nullptr));
    return names;
  }

  std::vector<std::byte> bytes;
};

}  // namespace

TEST_CASE("domains stand in the tree in the order in which Xen is to number them") {
  const Image image(100);
  const XenMachine machine = two_domains(image);
  const Tree tree(xen_tree(machine, XenLayout(machine), bare_tree()));
  CHECK(tree.children("/chosen") == std::vector<std::string>{"one", "two"});
  CHECK(tree.text("/chosen/one", "compatible") == "xen,domain");
  CHECK(tree.cells("/chosen/one", "memory") == std::vector<std::uint64_t>{0, 48 * 1024});
  CHECK(tree.text("/chosen/one/module@4a000000", "bootargs") == "a=1 b");
  CHECK(tree.cells("/chosen/one/module@4a000000", "reg") ==
        std::vector<std::uint64_t>{0, 0x4a000000, 0, 100});
  CHECK(tree.cells("/chosen/two/module@4a200000", "reg") ==
        std::vector<std::uint64_t>{0, 0x4a200000, 0, 100});
}

TEST_CASE("kernels with ramdisks are loaded once, whoever boots them") {
  const Image kernel(100), ramdisk((2 << 20) + 1);
  XenMachine machine = two_domains(kernel);
  for (auto& domain : machine.domains) domain.ramdisk = ramdisk.path;
  const XenLayout layout(machine);
  const Tree tree(xen_tree(machine, layout, bare_tree()));
  for (const std::string domain : {"/chosen/one", "/chosen/two"}) {
    CHECK(tree.text(domain + "/module@4a000000", "compatible") == "multiboot,kernel");
    CHECK(tree.text(domain + "/module@4a200000", "compatible") == "multiboot,ramdisk");
    CHECK(tree.cells(domain + "/module@4a200000", "reg") ==
          std::vector<std::uint64_t>{0, 0x4a200000, 0, (2 << 20) + 1});
  }
  std::size_t loaders = 0;
  for (const auto& word : qemu_xen_command(machine, layout, "x.dtb")) loaders += word.starts_with("loader,");
  CHECK(loaders == 2);
}

TEST_CASE("several processors are several threads, one is one") {
  const Image image(100);
  XenMachine machine = two_domains(image);
  const auto has = [&](const std::string& option, const std::string& value) {
    const auto command = qemu_xen_command(machine, XenLayout(machine), "x.dtb");
    const auto at = std::find(command.begin(), command.end(), option);
    return at != command.end() && at + 1 != command.end() && at[1] == value;
  };
  CHECK(has("-smp", "1"));
  CHECK(has("-accel", "tcg,thread=single"));
  CHECK_FALSE(has("-icount", "shift=0,sleep=off"));
  machine.processors = 2;
  CHECK(has("-smp", "2"));
  CHECK(has("-accel", "tcg,thread=multi"));
}

TEST_CASE("both domains name the same memory, and each the other's event channel") {
  const Image image(100);
  const XenMachine machine = two_domains(image);
  const XenLayout layout(machine);
  const Tree tree(xen_tree(machine, layout, bare_tree()));
  const std::string memory = "/shm@" + [&] {
    char text[20];
    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(layout.windows[0].base));
    return std::string(text);
  }();
  CHECK(tree.cells("/chosen/one" + memory, "xen,shared-mem") ==
        std::vector<std::uint64_t>{0, layout.windows[0].base, 0, XenLayout::kWindowInGuest, 0, 5 << 20});
  CHECK(tree.cells("/chosen/one" + memory, "xen,shared-mem") ==
        tree.cells("/chosen/two" + memory, "xen,shared-mem"));
  CHECK(tree.text("/chosen/two" + memory, "xen,shm-id") == "w");
  CHECK(tree.cells("/chosen/one/evtchn@a", "xen,evtchn")[0] == 10);
  CHECK(tree.cells("/chosen/one/evtchn@a", "xen,evtchn")[1] ==
        tree.cells("/chosen/two/evtchn@a", "phandle")[0]);
  CHECK(tree.cells("/chosen/two/evtchn@a", "xen,evtchn")[1] ==
        tree.cells("/chosen/one/evtchn@a", "phandle")[0]);
}

TEST_CASE("images, windows and the domains' memory have room, and none lies in another") {
  const Image image((2 << 20) + 1);
  XenMachine machine = two_domains(image);
  machine.windows.push_back({.id = "v", .bytes = 4096});
  const XenLayout layout(machine);
  CHECK(layout.images[1].base - layout.images[0].base >= layout.images[0].bytes);
  CHECK(layout.windows[1].base - layout.windows[0].base >= layout.windows[0].bytes);
  const std::uint64_t end = 0x40000000ull + (std::uint64_t{layout.memory_mib} << 20);
  CHECK(layout.windows[1].base + layout.windows[1].bytes <= end);
  CHECK(layout.windows[0].base >= layout.images[1].base + layout.images[1].bytes);
  CHECK(layout.memory_mib >= 256 + 48 + 64 + 6);
}

TEST_CASE("Xen is told to allow Argo, and by which policy, only when asked") {
  const Image image(100);
  XenMachine machine = two_domains(image);
  const auto line = [&] {
    return Tree(xen_tree(machine, XenLayout(machine), bare_tree())).text("/chosen", "xen,xen-bootargs");
  };
  CHECK(line() == "console=dtuart dtuart=/uart@1 noreboot");
  machine.argo = true;
  machine.policy = "dummy";
  CHECK(line() == "console=dtuart dtuart=/uart@1 noreboot argo=1,mac-permissive=0 xsm=dummy");
}

TEST_CASE("a FLASK policy and a domain 0 are modules of no domain's, and each is loaded once") {
  const Image image(100), labeller(4096), rules(5000);
  XenMachine machine = two_domains(image);
  const unsigned without = XenLayout(machine).memory_mib;
  machine.policy = "flask";
  machine.domain0 = labeller.path;
  machine.rules = rules.path;
  const XenLayout layout(machine);
  const Tree tree(xen_tree(machine, layout, bare_tree()));
  CHECK(tree.text("/chosen", "xen,xen-bootargs") ==
        "console=dtuart dtuart=/uart@1 noreboot xsm=flask dom0_mem=16M dom0_max_vcpus=1");
  CHECK(tree.text("/chosen/module@4a400000", "compatible") == "multiboot,kernel");
  CHECK(tree.cells("/chosen/module@4a400000", "reg") == std::vector<std::uint64_t>{0, 0x4a400000, 0, 4096});
  CHECK(tree.text("/chosen/module@4a600000", "compatible") == "xen,xsm-policy");
  CHECK(tree.cells("/chosen/module@4a600000", "reg") == std::vector<std::uint64_t>{0, 0x4a600000, 0, 5000});
  CHECK(layout.memory_mib >= without);
  std::size_t loaders = 0;
  for (const auto& word : qemu_xen_command(machine, layout, "x.dtb")) loaders += word.starts_with("loader,");
  CHECK(loaders == 4);
}

TEST_CASE("what can not be expressed is refused") {
  const Image image(100);
  const auto refused = [&](auto change) {
    XenMachine machine = two_domains(image);
    change(machine);
    CHECK_THROWS_AS(xen_tree(machine, XenLayout(machine), bare_tree()), std::runtime_error);
  };
  refused([](XenMachine& machine) { machine.windows[0].id = "sixteen-letters!"; });
  refused([](XenMachine& machine) { machine.windows[0].id = ""; });
  refused([](XenMachine& machine) { machine.windows[0].bytes = 4097; });
  refused([](XenMachine& machine) { machine.domains[0].arguments = {"a b"}; });
  refused([](XenMachine& machine) { machine.domains[0].image = "/nothing/here"; });
  refused([](XenMachine& machine) { machine.domains[1].name = machine.domains[0].name; });
  const XenMachine machine = two_domains(image);
  CHECK_THROWS_AS(xen_tree(machine, XenLayout(machine), bare_tree(false)), std::runtime_error);
  CHECK_THROWS_AS(xen_tree(machine, XenLayout(machine), std::vector<std::byte>(100)), std::runtime_error);
}
