// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/vfio_port.hpp>

#include "raise.hpp"
#include "vfio_function.hpp"

#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hawser::process {
namespace {

// QEMU's docs/specs/ivshmem-spec.txt: BAR0 has registers, BAR2 the memory.
constexpr std::uint64_t kOwnNumber = 0x08;
constexpr std::uint64_t kDoorbell = 0x0c;
constexpr std::uint64_t kRegisterBytes = 0x10;
// PCI 3.0 §6.2.2
constexpr std::uint64_t kCommand = 0x04;
constexpr std::uint16_t kMemoryAndMaster = 0x0006;

/// One access of the width of `value`; VFIO neither splits nor joins aligned ones.
template <class T>
bool read_at(const OwnedFd& device, std::uint64_t at, T& value) {
  return ::pread(device.get(), &value, sizeof value, static_cast<off_t>(at)) == sizeof value;
}
template <class T>
bool write_at(const OwnedFd& device, std::uint64_t at, const T& value) {
  return ::pwrite(device.get(), &value, sizeof value, static_cast<off_t>(at)) == sizeof value;
}

OwnedFd open_container() {
  OwnedFd container(::open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC));
  if (!container) raise("/dev/vfio/vfio cannot be opened: {}", std::strerror(errno));
  if (::ioctl(container.get(), VFIO_GET_API_VERSION) != VFIO_API_VERSION)
    raise("/dev/vfio/vfio speaks another version than {}", VFIO_API_VERSION);
  if (::ioctl(container.get(), VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
    raise("VFIO has no driver for this guest's IOMMU; as root: modprobe vfio_iommu_type1");
  return container;
}

}  // namespace

VfioPort::VfioPort(const std::string& address) : address_(address) {
  const unsigned number = vfio_group(address);
  container_ = open_container();
  open_group(number);
  enable();
  take_interrupts();
  const Region window = region(VFIO_PCI_BAR2_REGION_INDEX);
  if (window.bytes == 0 || !window.mappable) raise("{} has no memory that can be mapped", address_);
  if (!map(device_.get(), window.offset, window.bytes))
    raise("the memory of {} cannot be mapped: {}", address_, std::strerror(errno));
}

void VfioPort::open_group(unsigned number) {
  const std::string path = fmt::format("/dev/vfio/{}", number);
  group_ = OwnedFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!group_ && errno == EBUSY) raise("{} is in use by another process, which has {}", address_, path);
  if (!group_) raise("{} cannot be had: {}: {}", address_, path, std::strerror(errno));
  vfio_group_status status{.argsz = sizeof status, .flags = 0};
  if (::ioctl(group_.get(), VFIO_GROUP_GET_STATUS, &status) != 0 ||
      (status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
    raise(
        "{} shares its IOMMU group with functions that have drivers: unbind those in "
        "/sys/kernel/iommu_groups/{}/devices",
        address_, number);
  const int container = container_.get();
  if (::ioctl(group_.get(), VFIO_GROUP_SET_CONTAINER, &container) != 0)
    raise("{} cannot be had: {}", path, std::strerror(errno));
  if (::ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0) {
    if (errno == EPERM)
      raise(
          "the IOMMU of this guest does not remap interrupts, which VFIO wants (QEMU: -device "
          "intel-iommu,intremap=on)");
    raise("VFIO cannot use this guest's IOMMU: {}", std::strerror(errno));
  }
  device_ = OwnedFd(::ioctl(group_.get(), VFIO_GROUP_GET_DEVICE_FD, address_.c_str()));
  if (!device_) raise("VFIO does not give {} away: {}", address_, std::strerror(errno));
}

VfioPort::Region VfioPort::region(std::uint32_t index) const {
  vfio_region_info info{};
  info.argsz = sizeof info;
  info.index = index;
  if (::ioctl(device_.get(), VFIO_DEVICE_GET_REGION_INFO, &info) != 0)
    raise("VFIO does not know region {} of {}: {}", index, address_, std::strerror(errno));
  return {info.size, info.offset, (info.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0};
}

/// VFIO clears the bus master bit at open, and without it there is no MSI-X.
void VfioPort::enable() {
  const Region configuration = region(VFIO_PCI_CONFIG_REGION_INDEX);
  std::uint16_t command = 0;
  if (!read_at(device_, configuration.offset + kCommand, command) ||
      !write_at(device_, configuration.offset + kCommand,
                static_cast<std::uint16_t>(command | kMemoryAndMaster)))
    raise("{} cannot be enabled: {}", address_, std::strerror(errno));

  registers_ = region(VFIO_PCI_BAR0_REGION_INDEX);
  std::uint32_t own = 0;
  if (registers_.bytes < kRegisterBytes || !read_at(device_, registers_.offset + kOwnNumber, own) ||
      own > 0xffff)
    raise("{} does not say which peer it is: its registers are not those of an ivshmem device", address_);
  own_id_ = static_cast<std::uint16_t>(own);
}

void VfioPort::take_interrupts() {
  vfio_irq_info info{};
  info.argsz = sizeof info;
  info.index = VFIO_PCI_MSIX_IRQ_INDEX;
  if (::ioctl(device_.get(), VFIO_DEVICE_GET_IRQ_INFO, &info) != 0 || info.count == 0)
    raise("{} has no doorbells: ivshmem-plain is of no use here, ivshmem-doorbell is", address_);

  for (int count = static_cast<int>(info.count); count > 0;) {
    doorbells_.clear();
    std::vector<std::int32_t> words(sizeof(vfio_irq_set) / sizeof(std::int32_t));
    for (int n = 0; n < count; ++n) {
      doorbells_.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      if (!doorbells_.back())
        raise("no descriptor left for vector {} of {}: {}", n, address_, std::strerror(errno));
      words.push_back(doorbells_.back().get());
    }
    vfio_irq_set set{};
    set.argsz = static_cast<std::uint32_t>(words.size() * sizeof words[0]);
    set.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    set.index = VFIO_PCI_MSIX_IRQ_INDEX;
    set.count = static_cast<std::uint32_t>(count);
    std::memcpy(words.data(), &set, sizeof set);
    const int more = ::ioctl(device_.get(), VFIO_DEVICE_SET_IRQS, words.data());
    if (more == 0) break;
    if (more < 0) raise("the interrupts of {} cannot be had: {}", address_, std::strerror(errno));
    count = std::min(more, count - 1);  // so many can be had
  }
  for (const auto& doorbell : doorbells_) wait_place().add_kernels_doorbell(doorbell.get());
}

void VfioPort::ring(std::uint16_t id, std::uint16_t vector) {
  // The kernel's store orders what was stored before, on any memory.
  (void)write_at(device_, registers_.offset + kDoorbell, std::uint32_t{id} << 16 | vector);
}

std::string VfioPort::memory_note() const {
#ifdef __aarch64__
  return vfio_memory_note(address_, true);
#else
  return vfio_memory_note(address_, false);
#endif
}

}  // namespace hawser::process
