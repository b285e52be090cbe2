// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "kinds.hpp"

#include <hawser/virtio/device/rng.hpp>

#include <sys/random.h>

#include <cerrno>

namespace hawser::process {
namespace {

/// The kernel's random numbers. A kernel that has just started may have none yet; it gathers them for whoever waits, in
/// about a second, and never for whoever only asks. So the first is waited for.
struct KernelRandom {
  explicit KernelRandom(const Say& say) {
    std::byte first;
    if (::getrandom(&first, 1, GRND_NONBLOCK) >= 0 || errno != EAGAIN) return;
    say("waiting for the kernel's first random numbers");
    (void)::getrandom(&first, 1, 0);
  }

  std::size_t fill(std::span<std::byte> out) {
    const ssize_t got = ::getrandom(out.data(), out.size(), GRND_NONBLOCK);
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  }
};

class ServedRng final : public Served {
 public:
  explicit ServedRng(const Say& say) : source_(say) {}

  DeviceRef model() override { return DeviceRef(rng_); }
  std::string describe() const override { return "entropy of the kernel"; }

 private:
  KernelRandom source_;
  virtio::device::Rng<RegionMemory, KernelRandom> rng_{source_};
};

}  // namespace

MakeServed parse_rng(const Words& words) {
  if (!words.rest().empty()) unknown_word("rng", words.rest().front());
  return [](const Say& say) { return std::make_unique<ServedRng>(say); };
}

}  // namespace hawser::process
