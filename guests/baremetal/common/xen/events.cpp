// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "xen/events.hpp"

#include "arch.hpp"
#include "xen/abi.hpp"
#include "xen_layout.hpp"

#include <array>
#include <bit>
#include <cstddef>

namespace hawser::guest::xen::events {
namespace {

constexpr std::size_t kWords = 64;
constexpr unsigned kBits = 64;

// The start of the shared page (xen.h: shared_info, vcpu_info).
struct VcpuInfo {
  std::uint8_t upcall_pending;
  std::uint8_t upcall_mask;
  std::uint64_t words_pending;  // bit n: word n has something
  std::byte others[kVcpuInfoBytes - 16];
};
struct SharedPage {
  VcpuInfo vcpus[kVcpuInfos];
  std::uint64_t pending[kWords];
  std::uint64_t mask[kWords];
};
static_assert(offsetof(VcpuInfo, words_pending) == 8);
static_assert(sizeof(VcpuInfo) == kVcpuInfoBytes);
static_assert(offsetof(SharedPage, pending) == kVcpuInfoBytes * kVcpuInfos);

constinit SharedPage* shared = nullptr;
constinit std::array<std::uint32_t, kChannels> taken{};

std::int64_t event_channel_op(std::uint64_t operation, void* argument) {
  return arch::hypercall(Hypercall::kEventChannel, {operation, reinterpret_cast<std::uint64_t>(argument)});
}

template <class Wanted>
std::optional<std::uint32_t> find(Wanted wanted, std::uint32_t from = 1) {
  for (std::uint32_t channel = from; channel < kChannels; ++channel) {
    EventStatus status{.port = channel};
    if (event_channel_op(kEventStatus, &status) == 0 && wanted(status)) return channel;
  }
  return std::nullopt;
}

}  // namespace

void open(std::uint64_t page) {
  shared = reinterpret_cast<SharedPage*>(page);
  take();
}

// Xen and the domain both change these words, hence the atomic operations. The flag goes first, then the word of words,
// then the bits: what Xen sets behind our back raises the interrupt anew.
void take() {
  if (shared == nullptr) return;
  VcpuInfo& vcpu = shared->vcpus[0];
  __atomic_store_n(&vcpu.upcall_pending, 0, __ATOMIC_SEQ_CST);
  std::uint64_t words = __atomic_exchange_n(&vcpu.words_pending, 0, __ATOMIC_SEQ_CST);
  for (; words != 0; words &= words - 1) {
    const auto word = static_cast<std::uint32_t>(std::countr_zero(words));
    const std::uint64_t open = ~__atomic_load_n(&shared->mask[word], __ATOMIC_RELAXED);
    std::uint64_t bits = __atomic_fetch_and(&shared->pending[word], ~open, __ATOMIC_SEQ_CST) & open;
    for (; bits != 0; bits &= bits - 1) {
      const std::uint32_t channel = word * kBits + static_cast<std::uint32_t>(std::countr_zero(bits));
      if (channel < kChannels) ++taken[channel];
    }
  }
}

std::uint32_t count(std::uint32_t channel) {
  return channel < kChannels ? taken[channel] : 0;
}

std::optional<std::uint32_t> bind(std::uint32_t virq) {
  BindVirq request{.virq = virq};
  const std::int64_t result = event_channel_op(kBindVirq, &request);
  // Bound already: by this image, before it was restarted in place.
  const auto channel = result == 0         ? std::optional(request.port)
                       : result == kExists ? find([virq](const EventStatus& status) {
                           return status.status == kBoundToVirq && status.what == virq;
                         })
                                           : std::nullopt;
  if (!channel || *channel >= kChannels) return std::nullopt;
  unmask(*channel);
  return channel;
}

std::optional<std::uint32_t> find_connected(std::uint32_t from) {
  return find([](const EventStatus& status) { return status.status == kConnectedToDomain; }, from);
}

void unmask(std::uint32_t channel) {
  EventPort request{channel};
  (void)event_channel_op(kUnmaskEvent, &request);
}

void send(std::uint32_t channel) {
  EventPort request{channel};
  (void)event_channel_op(kSendEvent, &request);
}

}  // namespace hawser::guest::xen::events
