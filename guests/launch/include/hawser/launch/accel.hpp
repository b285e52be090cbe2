// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Which accelerator to ask QEMU for. /dev/kvm alone proves nothing: it may open and still not run an ordinary
// guest, so without virtualization in the processor the answer is TCG.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace hawser::launch {

enum class Arch {
  kX86_64,
  kAarch64
};

/// "x86_64" or "aarch64".
std::string_view name(Arch arch);

/// The architecture of this machine.
Arch host_arch();

/// Whether the processor says that it can run guests. The KVM device alone proves nothing.
bool processor_virtualizes(Arch arch, const std::filesystem::path& cpuinfo = "/proc/cpuinfo");

/// "kvm" or "tcg" for a guest of `arch`. `requested` is "auto", "kvm" or "tcg"; the last two are returned as they are,
/// but kvm for another architecture, or without a device to open, is std::runtime_error with one sentence.
/// auto is kvm only if the guest's architecture is the host's, the processor offers virtualization to this kernel (vmx or
/// svm in cpuinfo; on arm64 a KVM device that opens, which there implies EL2) and /dev/kvm can be opened for writing.
std::string choose_accel(Arch arch, std::string_view requested,
                         const std::filesystem::path& cpuinfo = "/proc/cpuinfo",
                         const std::filesystem::path& kvm = "/dev/kvm");

}  // namespace hawser::launch
