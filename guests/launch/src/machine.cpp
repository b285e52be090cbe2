// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/machine.hpp>

#include "qemu_words.hpp"

#include <fmt/format.h>

namespace hawser::launch {
std::vector<std::string> qemu_command(const Machine& machine) {
  std::vector<std::string> command;
  const auto add = [&](auto... words) { (command.emplace_back(words), ...); };
  if (machine.arch == Arch::kX86_64) {
    // qboot hands a PVH image control a tenth of a second sooner than SeaBIOS; the guest assigns its BARs itself.
    add("qemu-system-x86_64", "-M", "q35", "-bios", "qboot.rom", "-device", "isa-debug-exit,iobase=0xf4");
  } else {
    // Semihosting is how a bare-metal guest gives QEMU an exit status; the guest is ours.
    add("qemu-system-aarch64", "-M", "virt,gic-version=3", "-semihosting-config", "enable=on,target=native");
  }
  if (machine.accel == "kvm") {
    add("-cpu", "host");
  } else {
    add("-cpu", "max");
  }
  add("-accel", machine.accel, "-name", option_value(machine.name), "-m",
      fmt::format("{}", machine.memory_mib));
  add("-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-net", "none");
  add("-kernel", machine.image.string());
  if (!machine.arguments.empty()) add("-append", one_line(machine.arguments));
  if (machine.initrd) add("-initrd", machine.initrd->string());
  if (!machine.ivshmem_socket.empty()) {
    add("-smp", kOneOfTwoProcessors);
    add("-chardev", fmt::format("socket,id=window,path={}", option_value(machine.ivshmem_socket.string())));
    add("-device", fmt::format("ivshmem-doorbell,chardev=window,vectors={}", machine.vectors));
  }
  if (machine.disk_memory) {
    add("-object", fmt::format("memory-backend-file,id=disk,share=on,mem-path={},size={}",
                               option_value(machine.disk_memory->string()), machine.disk_memory_bytes));
    add("-device", "ivshmem-plain,memdev=disk");
  }
  return command;
}

}  // namespace hawser::launch
