// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What outlives a party that is killed: a page that it shares with the one who watches over it.
#pragma once

#include <hawser/app/fate.hpp>
#include <hawser/app/ledger.hpp>
#include <hawser/process/owned_fd.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <type_traits>

namespace hawser::test {

/// Steps of one life. Written just before it ends.
struct LifeCount {
  std::array<std::uint32_t, app::kSteps> steps;
};

struct Shared {
  app::Ledger ledger;
  std::uint32_t stop;          ///< The driver ends when it has nothing under way.
  std::uint32_t driver_ended;  ///< Requests of its present life.
  LifeCount driver, device;
  char verdict[256];  ///< What a party found wrong.
};
static_assert(std::is_trivially_copyable_v<Shared>);

/// The file, mapped.
class SharedPage {
 public:
  explicit SharedPage(const std::string& path) {
    const process::OwnedFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (fd.get() < 0 || ::ftruncate(fd.get(), sizeof(Shared)) != 0)
      throw std::system_error(errno, std::generic_category(), path);
    at_ = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (at_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path);
  }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;
  ~SharedPage() { ::munmap(at_, sizeof(Shared)); }

  Shared& operator*() const { return *static_cast<Shared*>(at_); }
  Shared* operator->() const { return static_cast<Shared*>(at_); }

 private:
  void* at_ = nullptr;
};

/// Words of a party's command line.
struct PartyWords {
  std::string socket;
  std::uint16_t peer = 0;
  std::string page;
  std::string disk;
  app::Step step = app::Step::kHandshake;
  std::uint32_t at = 0;  ///< Of that step; 0: it lives.
  std::uint64_t seed = 0;
  bool lying = false;  ///< The disk acknowledges what it has not written yet.
};

int run_driver(const PartyWords& words);
int run_device(const PartyWords& words);

}  // namespace hawser::test
