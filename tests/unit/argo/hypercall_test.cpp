// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The x86_64 hypercall page, with pages of our own that say what they were given. (The arm64 instruction traps outside
// of Xen.)
#include <hawser/argo/hypercall_arm64.hpp>
#include <hawser/argo/hypercall_x86_64.hpp>
#include <hawser/argo/spec.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <initializer_list>

#if defined(__x86_64__)
#include <sys/mman.h>

namespace hawser::argo {

namespace {

/// A page whose entry for Argo is `code`, and all others a trap.
class Page {
 public:
  explicit Page(std::initializer_list<unsigned char> code)
      : page_(mmap(nullptr, 2 * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    REQUIRE(page_ != MAP_FAILED);
    std::memset(page_, 0xcc, 2 * kPageBytes);
    auto* entry = static_cast<unsigned char*>(page_) + XEN_HYPERCALL_ARGO_OP * x86_64::kHypercallEntryBytes;
    for (const unsigned char byte : code) *entry++ = byte;
    REQUIRE(mprotect(page_, 2 * kPageBytes, PROT_READ | PROT_EXEC) == 0);
  }
  ~Page() { munmap(page_, 2 * kPageBytes); }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;

  std::int64_t call() const { return x86_64::hypercall(page_, XEN_HYPERCALL_ARGO_OP, 11, 22, 33, 44, 55); }

 private:
  void* page_;
};

}  // namespace

TEST_CASE("a hypercall on x86_64 enters its page at the right place, with each argument in its register") {
  CHECK(Page({0x48, 0x89, 0xf8, 0xc3}).call() == 11);  // mov rax, rdi; ret
  CHECK(Page({0x48, 0x89, 0xf0, 0xc3}).call() == 22);  // mov rax, rsi
  CHECK(Page({0x48, 0x89, 0xd0, 0xc3}).call() == 33);  // mov rax, rdx
  CHECK(Page({0x4c, 0x89, 0xd0, 0xc3}).call() == 44);  // mov rax, r10
  CHECK(Page({0x4c, 0x89, 0xc0, 0xc3}).call() == 55);  // mov rax, r8
}

TEST_CASE("a hypercall on x86_64 may destroy its arguments and what Xen may destroy") {
  const Page page({
      0x48, 0x31, 0xff,                          // xor rdi, rdi
      0x48, 0x31, 0xf6,                          // xor rsi, rsi
      0x48, 0x31, 0xd2,                          // xor rdx, rdx
      0x4d, 0x31, 0xd2,                          // xor r10, r10
      0x4d, 0x31, 0xc0,                          // xor r8, r8
      0x48, 0x31, 0xc9,                          // xor rcx, rcx
      0x4d, 0x31, 0xdb,                          // xor r11, r11
      0x48, 0xc7, 0xc0, 0xf5, 0xff, 0xff, 0xff,  // mov rax, -11
      0xc3,
  });
  for (int i = 0; i < 3; ++i) CHECK(page.call() == -11);
}

}  // namespace hawser::argo
#endif
