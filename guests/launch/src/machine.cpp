// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/machine.hpp>

#include <fmt/format.h>

#include <stdexcept>

namespace hawser::launch {
namespace {

/// QEMU's option syntax: a comma inside a value is written twice.
std::string option_value(const std::string& value) {
  std::string out;
  for (char c : value) {
    if (c == '\n')
      throw std::runtime_error(
          fmt::format("'{}' contains a newline, which QEMU options can not express", value));
    out += c;
    if (c == ',') out += c;
  }
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    if (word.find_first_of(" \n\t") != std::string::npos) {
      throw std::runtime_error(
          fmt::format("the guest argument '{}' contains a space; write it without", word));
    }
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

}  // namespace

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
  if (!machine.arguments.empty()) add("-append", joined(machine.arguments));
  if (machine.initrd) add("-initrd", machine.initrd->string());
  if (!machine.ivshmem_socket.empty()) {
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
