// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kinds.hpp"

#include <hawser/virtio/device/rng.hpp>

#include <sys/random.h>

namespace hawser::process {
namespace {

/// The kernel's random numbers.
struct KernelRandom {
  std::size_t fill(std::span<std::byte> out) {
    const ssize_t got = ::getrandom(out.data(), out.size(), GRND_NONBLOCK);
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  }
};

class ServedRng final : public Served {
 public:
  DeviceRef model() override { return DeviceRef(rng_); }
  std::string describe() const override { return "entropy of the kernel"; }

 private:
  KernelRandom source_;
  virtio::device::Rng<RegionMemory, KernelRandom> rng_{source_};
};

}  // namespace

MakeServed parse_rng(const Words& words) {
  if (!words.rest().empty()) unknown_word("rng", words.rest().front());
  return [](const Say&) { return std::make_unique<ServedRng>(); };
}

}  // namespace hawser::process
