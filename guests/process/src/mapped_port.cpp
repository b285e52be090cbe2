// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/mapped_port.hpp>

#include <sys/mman.h>

namespace hawser::process {

MappedPort::~MappedPort() {
  if (!memory_.empty()) ::munmap(memory_.data(), memory_.size());
}

bool MappedPort::map(int fd, std::uint64_t offset, std::uint64_t bytes) {
  void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset));
  if (at == MAP_FAILED) return false;
  memory_ = {static_cast<std::byte*>(at), static_cast<std::size_t>(bytes)};
  return true;
}

}  // namespace hawser::process
