// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "vfio_function.hpp"

#include "raise.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <vector>

namespace hawser::process {
namespace {

namespace fs = std::filesystem;

std::string first_word(const fs::path& file) {
  std::string word;
  std::ifstream(file) >> word;
  return word;
}

bool ivshmem_function(const fs::path& function) {
  return first_word(function / "vendor") == "0x1af4" && first_word(function / "device") == "0x1110";
}

/// The last part of where a link points; empty if there is none.
std::string link_name(const fs::path& link) {
  std::error_code error;
  return fs::read_symlink(link, error).filename().string();
}

std::string others(const fs::path& functions) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& function : fs::directory_iterator(functions, error))
    if (ivshmem_function(function)) names.push_back(function.path().filename());
  if (names.empty()) return "there is no ivshmem device in this guest";
  std::sort(names.begin(), names.end());
  return fmt::format("ivshmem devices are at {}", fmt::join(names, ", "));
}

bool iommu_there(const fs::path& sys) {
  std::error_code error;
  return fs::directory_iterator(sys / "class/iommu", error) != fs::directory_iterator();
}

/// All of it by root, and harmless where a part was done before.
std::string binding(const std::string& address, bool bound) {
  const std::string function = "/sys/bus/pci/devices/" + address;
  return fmt::format(
      "modprobe -a vfio-pci vfio_iommu_type1; echo vfio-pci >{}/driver_override; {}echo {} "
      ">/sys/bus/pci/drivers_probe",
      function, bound ? fmt::format("echo {} >{}/driver/unbind; ", address, function) : "", address);
}

}  // namespace

std::optional<std::string> pci_address(std::string_view text) {
  std::string full(text);
  if (full.size() == 7) full = "0000:" + full;
  constexpr std::string_view kForm = "xxxx:xx:xx.f";
  if (full.size() != kForm.size()) return std::nullopt;
  for (std::size_t n = 0; n < full.size(); ++n) {
    char& c = full[n];
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    const bool fits = kForm[n] == 'x' ? hex : kForm[n] == 'f' ? c >= '0' && c <= '7' : c == kForm[n];
    if (!fits) return std::nullopt;
  }
  return full;
}

unsigned vfio_group(const std::string& address, const fs::path& sys) {
  const fs::path functions = sys / "bus/pci/devices";
  const fs::path function = functions / address;
  if (!fs::exists(function)) raise("there is no PCI function {}; {}", address, others(functions));
  if (!ivshmem_function(function))
    raise("the PCI function {} is a {}:{}, not the 0x1af4:0x1110 of an ivshmem device; {}", address,
          first_word(function / "vendor"), first_word(function / "device"), others(functions));

  unsigned group = 0;
  const std::string number = link_name(function / "iommu_group");
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), group);
  const bool grouped = !number.empty() && error == std::errc() && end == number.data() + number.size();
  const std::string driver = link_name(function / "driver");
  const bool bound = driver == "vfio-pci";
  // By a device tree a function comes into its group only when a driver asks for it.
  if (!grouped && (bound || !iommu_there(sys)))
    raise(
        "{} is in no IOMMU group, so vfio-pci cannot give it away: this guest needs an IOMMU (QEMU: -M "
        "q35,kernel-irqchip=split -device intel-iommu,intremap=on, and intel_iommu=on on the kernel's "
        "command "
        "line; arm64: -M virt,gic-version=3,iommu=smmuv3), or the module: modprobe hawser_ivshmem, then "
        "guest:/dev/hawser0",
        address);
  if (!bound)
    raise("{} is bound to {}, not to vfio-pci; as root: {}", address, driver.empty() ? "no driver" : driver,
          binding(address, !driver.empty()));
  return group;
}

std::string vfio_memory_note(const std::string& address, bool arm) {
  if (arm)
    return fmt::format(
        "vfio-pci maps the memory of {} as device memory: an arm64 processor that is not emulated may end "
        "this "
        "process with SIGBUS; guest:/dev/hawserN has normal memory (guests/linux/README.md)",
        address);
  return fmt::format(
      "vfio-pci maps the memory of {} uncached, which is slow on some hosts; guest:/dev/hawserN may do "
      "better "
      "(guests/linux/README.md)",
      address);
}

}  // namespace hawser::process
