// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/machine.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using namespace hawser::launch;

namespace {

bool has_word(const std::vector<std::string>& command, const std::string& word) {
  return std::find(command.begin(), command.end(), word) != command.end();
}

/// A file with these contents, gone with the object.
struct Scratch {
  explicit Scratch(const std::string& text)
      : path(std::filesystem::temp_directory_path() / ("hawser-cpuinfo-" + std::to_string(::getpid()))) {
    std::ofstream(path) << text;
  }
  ~Scratch() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("each architecture has its own machine and its own way to give a status") {
  Machine machine;
  machine.image = "driver.elf";
  machine.arch = Arch::kX86_64;
  CHECK(qemu_command(machine)[0] == "qemu-system-x86_64");
  CHECK(has_word(qemu_command(machine), "isa-debug-exit,iobase=0xf4"));
  machine.arch = Arch::kAarch64;
  CHECK(qemu_command(machine)[0] == "qemu-system-aarch64");
  CHECK(has_word(qemu_command(machine), "virt,gic-version=3"));
}

TEST_CASE(
    "a machine that shares memory with another could have two processors, so that its barriers are kept") {
  Machine machine;
  CHECK(!has_word(qemu_command(machine), "-smp"));
  machine.ivshmem_socket = "/tmp/window.sock";
  CHECK(has_word(qemu_command(machine), "1,maxcpus=2"));
}

TEST_CASE("a comma in a path does not become a QEMU option") {
  Machine machine;
  machine.ivshmem_socket = "/tmp/a,b.sock";
  CHECK(has_word(qemu_command(machine), "socket,id=window,path=/tmp/a,,b.sock"));
  machine.ivshmem_socket = "/tmp/a\nb.sock";
  CHECK_THROWS_AS(qemu_command(machine), std::runtime_error);
}

TEST_CASE("an argument with a space is refused instead of becoming two") {
  Machine machine;
  machine.arguments = {"seconds=1", "name=a b"};
  CHECK_THROWS_WITH_AS(qemu_command(machine),
                       "the guest argument 'name=a b' contains a space; write it without",
                       std::runtime_error);
}

TEST_CASE("/dev/kvm without virtualization in the processor means TCG") {
  Scratch plain("processor : 0\nflags : fpu sse2 hypervisor\n");
  Scratch kvm("");  // opens for writing, as a real /dev/kvm may
  CHECK(choose_accel(host_arch(), "auto", plain.path, kvm.path) ==
        (host_arch() == Arch::kX86_64 ? "tcg" : "kvm"));
}

TEST_CASE(
    "virtualization in the processor and an open /dev/kvm mean KVM, for the host's own architecture only") {
  Scratch capable("processor : 0\nflags : fpu vmx sse2\n");
  const Arch other = host_arch() == Arch::kX86_64 ? Arch::kAarch64 : Arch::kX86_64;
  CHECK(choose_accel(host_arch(), "auto", capable.path, capable.path) == "kvm");
  CHECK(choose_accel(host_arch(), "auto", capable.path, "/nonexistent") == "tcg");
  CHECK(choose_accel(other, "auto", capable.path, capable.path) == "tcg");
  CHECK(choose_accel(host_arch(), "kvm", "/nonexistent", capable.path) == "kvm");  // who says so knows better
  CHECK_THROWS_WITH_AS(
      (void)choose_accel(host_arch(), "kvm", capable.path, "/nonexistent"),
      "there is no KVM: /nonexistent: No such file or directory; leave --accel out, or say tcg",
      std::runtime_error);
  CHECK_THROWS_AS((void)choose_accel(other, "kvm", capable.path, capable.path), std::runtime_error);
}
