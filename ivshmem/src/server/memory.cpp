// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "memory.hpp"

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace hawser::ivshmem {

UniqueFd make_sealed_memory(const std::string& link, std::uint64_t size, std::uint32_t vectors) {
  check_memory_size(size);
  const std::string name = fmt::format("hawser/{}/v{}", link, vectors);
  UniqueFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) Error::raise("no memory object for link \"{}\": {}", link, system_words(errno));
  if (::ftruncate(fd.raw(), static_cast<off_t>(size)) != 0) {
    Error::raise("no memory object of {} for link \"{}\": {}", format_size(size), link, system_words(errno));
  }
  if (::fcntl(fd.raw(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    Error::raise("the memory object of link \"{}\" cannot be sealed: {}", link, system_words(errno));
  }
  return fd;
}

}  // namespace hawser::ivshmem
