// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/linux_machine.hpp>

#include "qemu_words.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace hawser::launch {

void find_linux(LinuxMachine& machine, const std::filesystem::path& images) {
  const auto folder = images / "linux" / std::string(name(machine.arch));
  machine.kernel = folder / "kernel";
  machine.initramfs = folder / "initramfs";
  for (const auto& file : {machine.kernel, machine.initramfs}) {
    if (!std::filesystem::exists(file))
      throw std::runtime_error(
          fmt::format("{} is missing; ./dev demo linux makes it, or name the folder where images are with "
                      "--images",
                      file.string()));
  }
}

std::vector<std::string> qemu_command(const LinuxMachine& machine) {
  std::vector<std::string> command;
  const auto add = [&](auto... words) { (command.emplace_back(words), ...); };
  const bool pc = machine.arch == Arch::kX86_64;
  if (pc) {
    // The kernel assigns the BARs that qboot leaves alone, and starts a second sooner than from SeaBIOS.
    add("qemu-system-x86_64", "-M", "q35", "-bios", "qboot.rom");
  } else {
    add("qemu-system-aarch64", "-M", "virt,gic-version=3");
  }
  // On arm64, the pointer authentication of "max" costs an emulated kernel five seconds of its start. On x86_64, a kernel
  // that sees "erms" copies byte by byte, and emulated bytes take as long as emulated words.
  add("-cpu", machine.accel == "kvm" ? "host" : pc ? "max,-erms" : "cortex-a57");
  add("-accel", machine.accel, "-name", option_value(machine.name), "-m",
      fmt::format("{}", machine.memory_mib));
  add("-smp", kOneOfTwoProcessors);
  add("-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-net", "none");
  add("-kernel", machine.kernel.string(), "-initrd", machine.initramfs.string());
  // A panic ends the machine, since a reboot does. An emulated timer may be late, which is no "MP-BIOS bug".
  std::vector<std::string> words = {pc ? "console=ttyS0" : "console=ttyAMA0", "quiet", "panic=-1"};
  // Of two processors that may come, Linux believes that their time stamps differ, and asks an emulated HPET for the time.
  if (pc) words.insert(words.end(), {"no_timer_check", "nr_cpus=1"});
  words.insert(words.end(), machine.arguments.begin(), machine.arguments.end());
  add("-append", one_line(words));
  if (!machine.ivshmem_socket.empty()) {
    add("-chardev", fmt::format("socket,id=window,path={}", option_value(machine.ivshmem_socket.string())));
    add("-device", fmt::format("ivshmem-doorbell,chardev=window,vectors={}", machine.vectors));
  }
  if (machine.disk) {
    add("-drive", fmt::format("if=none,id=disk,format=raw,file={}", option_value(machine.disk->string())));
    add("-device", "virtio-blk-pci,drive=disk");
  }
  return command;
}

}  // namespace hawser::launch
