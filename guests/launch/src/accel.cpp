// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/accel.hpp>

#include <hawser/ivshmem/server/fd.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <stdexcept>

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

namespace {

/// 0, or errno.
int open_for_writing(const std::filesystem::path& path) {
  const ivshmem::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  return fd ? 0 : errno;
}

}  // namespace

std::string choose_accel(Arch arch, std::string_view requested, const std::filesystem::path& cpuinfo,
                         const std::filesystem::path& kvm) {
  if (requested == "tcg") return "tcg";
  const int closed = open_for_writing(kvm);
  if (requested == "auto")
    return arch == host_arch() && processor_virtualizes(arch, cpuinfo) && closed == 0 ? "kvm" : "tcg";
  if (arch != host_arch())
    throw std::runtime_error(fmt::format("KVM runs {} guests here, not {}: leave --accel out, or say tcg",
                                         name(host_arch()), name(arch)));
  if (closed != 0)
    throw std::runtime_error(fmt::format("there is no KVM: {}: {}; leave --accel out, or say tcg",
                                         kvm.string(), ::strerror(closed)));
  return std::string(requested);
}

}  // namespace hawser::launch
