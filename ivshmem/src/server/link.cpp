// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "link.hpp"

#include "memory.hpp"

#include <sys/eventfd.h>

namespace hawser::ivshmem {
namespace {

std::shared_ptr<const FdSet> make_doorbells(std::uint32_t vectors) {
  auto fds = std::make_shared<FdSet>();
  fds->reserve(vectors);
  for (std::uint32_t i = 0; i < vectors; ++i) {
    fds->emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fds->back()) return nullptr;
  }
  return fds;
}

}  // namespace

Link::Link(LinkPolicy policy) : policy_(std::move(policy)) {
  auto memory = std::make_shared<FdSet>();
  memory->push_back(make_sealed_memory(policy_.name, policy_.size, policy_.vectors));
  memory_ = std::move(memory);
}

std::optional<wire::Refusal> Link::enroll(Connection& newcomer) {
  if (members_.size() >= policy_.max_peers) return wire::Refusal::kFull;
  auto doorbells = make_doorbells(policy_.vectors);
  if (!doorbells) return wire::Refusal::kNoDescriptors;
  const auto lease = ids_.take();
  if (!lease) return wire::Refusal::kNoIds;

  newcomer.member = true;
  newcomer.lease = *lease;
  newcomer.doorbells = std::move(doorbells);
  newcomer.queue.push(lease->id);
  newcomer.queue.push(wire::kMemory, memory_);
  for (const auto& [id, other] : members_) {
    newcomer.queue.push(id, other->doorbells);
    other->queue.push(lease->id, newcomer.doorbells);
  }
  newcomer.queue.push(lease->id, newcomer.doorbells);  // last: QEMU needs the memory first
  members_.emplace(lease->id, &newcomer);
  return std::nullopt;
}

void Link::leave(Connection& member) {
  members_.erase(member.lease.id);
  for (const auto& [id, other] : members_) {
    if (!other->queue.withdraw(member.lease.id)) other->queue.push(member.lease.id);
  }
  ids_.retire(member.lease);
  member.member = false;
}

}  // namespace hawser::ivshmem
