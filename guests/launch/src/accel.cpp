// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/accel.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace hawser::launch {

std::string_view name(Arch arch) {
  return arch == Arch::kX86_64 ? "x86_64" : "aarch64";
}

Arch host_arch() {
#if defined(__aarch64__)
  return Arch::kAarch64;
#else
  return Arch::kX86_64;
#endif
}

namespace {

bool processor_virtualizes(Arch arch, const std::filesystem::path& cpuinfo) {
  if (arch == Arch::kAarch64) return true;  // the KVM device exists there only if the kernel started at EL2
  std::ifstream in(cpuinfo);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == "vmx" || word == "svm") return true;
    }
    return false;
  }
  return false;
}

bool opens_for_writing(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  ::close(fd);
  return true;
}

}  // namespace

std::string choose_accel(Arch arch, std::string_view requested, const std::filesystem::path& cpuinfo,
                         const std::filesystem::path& kvm) {
  if (requested != "auto") return std::string(requested);
  if (arch != host_arch()) return "tcg";
  return processor_virtualizes(arch, cpuinfo) && opens_for_writing(kvm) ? "kvm" : "tcg";
}

}  // namespace hawser::launch
