// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One function for each fault that the runtime must report in a line of its own.
#include "checks.hpp"

#include <array>

namespace hawser::guest::selftest {
namespace {

template <class T>
T* at(std::uint64_t address) {
  asm volatile("" : "+r"(address));  // or the compiler reasons about what can never work
  return reinterpret_cast<T*>(address);
}

void read_null() {
  (void)*at<volatile int>(8);
}
void write_null() {
  *at<volatile int>(8) = 1;
}
void read_nowhere() {
  (void)*at<volatile int>(UINT64_C(0x123456789000));
}
void call_null() {
  at<void()>(0)();
}
void write_code() {
  *at<volatile int>(reinterpret_cast<std::uint64_t>(&hawser_main)) = 1;
}

const int constant = 1;
void write_constant() {
  *at<volatile int>(reinterpret_cast<std::uint64_t>(&constant)) = 2;
}

std::array<unsigned, 16> data{};
void execute_data() {
  at<void()>(reinterpret_cast<std::uint64_t>(data.data()))();
}

[[gnu::noinline]] int fill_stack(int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  asm volatile("" : : "r"(frame) : "memory");
  return depth < 1'000'000 ? fill_stack(depth + 1) + frame[0] : 0;
}
void overflow_stack() {
  (void)fill_stack(0);
}

void trap() {
  __builtin_trap();
}

struct Fault {
  std::string_view name;
  void (*commit)();
};

}  // namespace

void commit_fault(std::string_view name) {
  const std::array faults = {
      Fault{"read-null", read_null},
      Fault{"write-null", write_null},
      Fault{"read-nowhere", read_nowhere},
      Fault{"call-null", call_null},
      Fault{"write-code", write_code},
      Fault{"write-constant", write_constant},
      Fault{"execute-data", execute_data},
      Fault{"stack", overflow_stack},
      Fault{"trap", trap},
  };
  for (const Fault& fault : faults) {
    if (fault.name == name) fault.commit();
  }
}

}  // namespace hawser::guest::selftest
