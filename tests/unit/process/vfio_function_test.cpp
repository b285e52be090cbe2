// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A PCI function that vfio-pci is to give away, in a sysfs made up of folders: what is missing, and what to type.
#include "vfio_function.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

using namespace hawser::process;
namespace fs = std::filesystem;

namespace {

class Sysfs {
 public:
  Sysfs() {
    std::string name = (fs::temp_directory_path() / "hawser-sysfs-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    top_ = name;
    fs::create_directories(functions());
  }
  ~Sysfs() { fs::remove_all(top_); }

  void add(const std::string& address, const char* vendor, const char* device) {
    fs::create_directory(functions() / address);
    std::ofstream(functions() / address / "vendor") << vendor << '\n';
    std::ofstream(functions() / address / "device") << device << '\n';
  }
  /// As `iommu_group` and `driver` of a function do.
  void link(const std::string& address, const char* name, const std::string& target) {
    fs::remove(functions() / address / name);
    fs::create_symlink("../../../" + target, functions() / address / name);
  }
  const fs::path& top() const { return top_; }

 private:
  fs::path functions() const { return top_ / "bus/pci/devices"; }
  fs::path top_;
};

const std::string kAddress = "0000:00:04.0";
const std::string kBind =
    "modprobe -a vfio-pci vfio_iommu_type1; echo vfio-pci "
    ">/sys/bus/pci/devices/0000:00:04.0/driver_override; ";
const std::string kProbe = "echo 0000:00:04.0 >/sys/bus/pci/drivers_probe";

void expect(const Sysfs& sysfs, const std::string& sentence) {
  CHECK_THROWS_WITH_AS(vfio_group(kAddress, sysfs.top()), sentence.c_str(), std::runtime_error);
}

}  // namespace

TEST_CASE("a PCI address is as in /sys/bus/pci/devices, or as lspci prints it") {
  CHECK(pci_address("0000:00:04.0") == "0000:00:04.0");
  CHECK(pci_address("00:1f.7") == "0000:00:1f.7");
  CHECK(pci_address("ABCD:EF:04.0") == "abcd:ef:04.0");
  for (const char* wrong : {"", "4", "00:04", "00:04.8", "0000:00:04.0 ", "0000-00:04.0", "0000:0g:04.0",
                            "../../etc/a.", "0000:00:04.00", "/dev/hawser0"}) {
    CAPTURE(wrong);
    CHECK_FALSE(pci_address(wrong));
  }
}

TEST_CASE("a function that vfio-pci has is found by its group") {
  Sysfs sysfs;
  sysfs.add(kAddress, "0x1af4", "0x1110");
  sysfs.link(kAddress, "iommu_group", "kernel/iommu_groups/17");
  sysfs.link(kAddress, "driver", "bus/pci/drivers/vfio-pci");
  CHECK(vfio_group(kAddress, sysfs.top()) == 17);
}

TEST_CASE("where no function is, those that would do are named") {
  Sysfs sysfs;
  expect(sysfs, "there is no PCI function 0000:00:04.0; there is no ivshmem device in this guest");
  sysfs.add("0000:00:06.0", "0x1af4", "0x1110");
  sysfs.add("0000:00:05.0", "0x1af4", "0x1110");
  sysfs.add("0000:00:01.0", "0x1af4", "0x1041");
  expect(sysfs, "there is no PCI function 0000:00:04.0; ivshmem devices are at 0000:00:05.0, 0000:00:06.0");
  sysfs.add(kAddress, "0x1af4", "0x1041");
  expect(
      sysfs,
      "the PCI function 0000:00:04.0 is a 0x1af4:0x1041, not the 0x1af4:0x1110 of an ivshmem device; ivshmem "
      "devices are at 0000:00:05.0, 0000:00:06.0");
}

TEST_CASE("a function in no IOMMU group needs another guest or the module, whatever driver it has") {
  Sysfs sysfs;
  sysfs.add(kAddress, "0x1af4", "0x1110");
  const std::string sentence =
      "0000:00:04.0 is in no IOMMU group, so vfio-pci cannot give it away: this guest needs an IOMMU (QEMU: "
      "-M "
      "q35,kernel-irqchip=split -device intel-iommu,intremap=on, and intel_iommu=on on the kernel's command "
      "line; arm64: "
      "-M virt,gic-version=3,iommu=smmuv3), or the module: modprobe hawser_ivshmem, then guest:/dev/hawser0";
  expect(sysfs, sentence);
  sysfs.link(kAddress, "driver", "bus/pci/drivers/hawser_ivshmem");
  expect(sysfs, sentence);
  sysfs.link(kAddress, "iommu_group", "kernel/iommu_groups/x");
  expect(sysfs, sentence);
}

TEST_CASE("a function that vfio-pci has not is bound by what the sentence says") {
  Sysfs sysfs;
  sysfs.add(kAddress, "0x1af4", "0x1110");
  sysfs.link(kAddress, "iommu_group", "kernel/iommu_groups/3");
  expect(sysfs, "0000:00:04.0 is bound to no driver, not to vfio-pci; as root: " + kBind + kProbe);
  sysfs.link(kAddress, "driver", "bus/pci/drivers/hawser_ivshmem");
  expect(sysfs, "0000:00:04.0 is bound to hawser_ivshmem, not to vfio-pci; as root: " + kBind +
                    "echo 0000:00:04.0 >/sys/bus/pci/devices/0000:00:04.0/driver/unbind; " + kProbe);
}

TEST_CASE("where there is an IOMMU, a function that had no driver yet may be in no group yet") {
  Sysfs sysfs;
  sysfs.add(kAddress, "0x1af4", "0x1110");
  fs::create_directories(sysfs.top() / "class/iommu/smmu3.0x0000000009050000");
  expect(sysfs, "0000:00:04.0 is bound to no driver, not to vfio-pci; as root: " + kBind + kProbe);
}

TEST_CASE("what vfio-pci does to memory is said, and where better memory is") {
  CHECK(vfio_memory_note(kAddress, false) ==
        "vfio-pci maps the memory of 0000:00:04.0 uncached, which is slow on some hosts; guest:/dev/hawserN "
        "may do "
        "better (guests/linux/README.md)");
  CHECK(vfio_memory_note(kAddress, true) ==
        "vfio-pci maps the memory of 0000:00:04.0 as device memory: an arm64 processor that is not emulated "
        "may end "
        "this process with SIGBUS; guest:/dev/hawserN has normal memory (guests/linux/README.md)");
}
