// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the compiler and the C++ library call when our own code broke a rule: a line, and the end.
#include "end.hpp"

#include <string_view>

using hawser::guest::give_up;

extern "C" {

[[noreturn]] void __cxa_pure_virtual() {
  give_up("a pure virtual function was called");
}
[[noreturn]] void abort() {
  give_up("abort() was called");
}
}

namespace std {

// Where an optimizing build has proved that nobody throws, these are not even linked.
void __throw_out_of_range_fmt(const char* what, ...) {
  give_up("out of range: ", string_view(what));
}

}  // namespace std
