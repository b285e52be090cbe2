// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A port to instantiate the link over Argo with.
#pragma once

#include <hawser/argo/hypercall_arm64.hpp>
#include <hawser/argo/hypercall_x86_64.hpp>
#include <hawser/argo/port.hpp>
#include <hawser/argo/spec.hpp>

namespace hawser::freestanding {

/// A port as a domain of Xen has it; the hypercall page lies elsewhere.
struct ArgoPort {
  std::span<std::byte> window;
  const void* page = nullptr;
  volatile std::uint64_t* clock = nullptr;
  volatile std::uint32_t* signal = nullptr;

  std::span<std::byte> memory() const { return window; }
  std::uint64_t frame(const std::byte* at) const {
    return reinterpret_cast<std::uintptr_t>(at) / argo::kPageBytes;
  }
  std::int64_t hypercall(argo::Command command, void* arg1, void* arg2, std::uint32_t arg3,
                         std::uint32_t arg4) {
    const auto a1 = static_cast<std::uint64_t>(command);
    const auto a2 = reinterpret_cast<std::uintptr_t>(arg1);
    const auto a3 = reinterpret_cast<std::uintptr_t>(arg2);
#if defined(__aarch64__)
    return argo::arm64::hypercall(argo::XEN_HYPERCALL_ARGO_OP, a1, a2, a3, arg3, arg4);
#elif defined(__x86_64__)
    return argo::x86_64::hypercall(page, argo::XEN_HYPERCALL_ARGO_OP, a1, a2, a3, arg3, arg4);
#else
    return static_cast<std::int64_t>(a1 + a2 + a3 + arg3 + arg4);
#endif
  }
  bool take_signal() {
    return *signal != 0;
  }
  Wake wait(Instant until) {
    return now() < until ? Wake::kRung : Wake::kTimeout;
  }
  Instant now() const {
    return {*clock};
  }
};
static_assert(argo::Port<ArgoPort>);

}  // namespace hawser::freestanding
