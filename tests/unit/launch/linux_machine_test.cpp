// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/linux_machine.hpp>

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using namespace hawser::launch;

namespace {

bool has(const std::vector<std::string>& command, const std::string& word) {
  return std::find(command.begin(), command.end(), word) != command.end();
}

std::string after(const std::vector<std::string>& command, const std::string& word) {
  const auto at = std::find(command.begin(), command.end(), word);
  return at == command.end() || at + 1 == command.end() ? "" : at[1];
}

LinuxMachine machine(Arch arch) {
  LinuxMachine machine;
  machine.name = "guest";
  machine.arch = arch;
  machine.kernel = "/k";
  machine.initramfs = "/i";
  machine.arguments = {"role=driver"};
  machine.ivshmem_socket = "/run/a,b.sock";
  return machine;
}

}  // namespace

TEST_CASE("a Linux guest gets its kernel, its initramfs and its words, and a panic ends it") {
  for (const Arch arch : {Arch::kX86_64, Arch::kAarch64}) {
    const auto command = qemu_command(machine(arch));
    CHECK(after(command, "-kernel") == "/k");
    CHECK(after(command, "-initrd") == "/i");
    CHECK(after(command, "-append").ends_with(" role=driver"));
    CHECK(after(command, "-append").find(" panic=-1 ") != std::string::npos);
    CHECK(has(command, "-no-reboot"));
    CHECK(after(command, "-smp") == "1,maxcpus=2");
    CHECK(after(command, "-chardev") == "socket,id=window,path=/run/a,,b.sock");
    CHECK(!has(command, "-drive"));
  }
}

TEST_CASE("the console and the processor of a Linux guest are those that its kernel starts fast with") {
  const auto pc = qemu_command(machine(Arch::kX86_64));
  CHECK(pc.front() == "qemu-system-x86_64");
  CHECK(after(pc, "-append").starts_with("console=ttyS0 "));
  CHECK(after(pc, "-cpu") == "max,-erms");
  CHECK(after(pc, "-append").find(" nr_cpus=1 ") != std::string::npos);
  const auto arm = qemu_command(machine(Arch::kAarch64));
  CHECK(arm.front() == "qemu-system-aarch64");
  CHECK(after(arm, "-append").starts_with("console=ttyAMA0 "));
  CHECK(after(arm, "-cpu") == "cortex-a57");
}

TEST_CASE("a Linux guest's own disk is raw, whatever is in it") {
  auto with_disk = machine(Arch::kX86_64);
  with_disk.disk = "/d,isk";
  CHECK(after(qemu_command(with_disk), "-drive") == "if=none,id=disk,format=raw,file=/d,,isk");
}

TEST_CASE("a kernel or an initramfs that is missing is named") {
  std::string pattern = std::filesystem::temp_directory_path() / "hawser-linux-XXXXXX";
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  const std::filesystem::path folder = pattern;
  LinuxMachine guest;
  guest.arch = Arch::kAarch64;
  std::filesystem::create_directories(folder / "linux" / "aarch64");
  std::ofstream(folder / "linux" / "aarch64" / "kernel") << "k";
  std::string said;
  try {
    find_linux(guest, folder);
  } catch (const std::runtime_error& error) {
    said = error.what();
  }
  CHECK(said.find("aarch64/initramfs is missing") != std::string::npos);
  std::ofstream(folder / "linux" / "aarch64" / "initramfs") << "i";
  find_linux(guest, folder);
  CHECK(guest.kernel == folder / "linux" / "aarch64" / "kernel");
  std::filesystem::remove_all(folder);
}
