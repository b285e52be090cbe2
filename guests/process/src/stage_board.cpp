// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/stage_board.hpp>

#include <hawser/ivshmem/server/clock.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>

namespace hawser::process {
namespace {

std::uint64_t monotonic() {
  return ivshmem::monotonic_now().ns;
}

template <std::size_t N>
void put(std::array<char, N>& field, std::string_view text) {
  std::memcpy(field.data(), text.data(), std::min(text.size(), N - 1));
}

}  // namespace

StageBoard::StageBoard(std::string_view verb, std::string_view link)
    : fd_(memfd_create(std::string(kName).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
  if (!fd_ || ftruncate(fd_.get(), static_cast<off_t>(bytes())) != 0) return;
  void* const memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (memory == MAP_FAILED) return;
  // Whoever looks may rely on the size, and changes nothing.
  (void)fcntl(fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
  memory_ = memory;
  auto& header = *static_cast<StageBoardHeader*>(memory);
  auto* records = reinterpret_cast<virtio::StageRecord*>(&header + 1);
  probes_.resize(kRecords);
  book_ = virtio::StageBook(std::span(records, kRecords), probes_, monotonic);
  put(header.verb, verb);
  put(header.link, link);
  header.version = StageBoardHeader::kVersion;
  header.record_bytes = sizeof(virtio::StageRecord);
  header.records = kRecords;
  header.magic = StageBoardHeader::kMagic;
}

StageBoard::~StageBoard() {
  if (memory_ != nullptr) munmap(memory_, bytes());
}

}  // namespace hawser::process
