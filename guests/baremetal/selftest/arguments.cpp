// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The command line, as the launcher gave it: `flag word=hello number=0x10K twice=1 twice=2 empty=`.
#include "checks.hpp"

namespace hawser::guest::selftest {

void check_arguments(Machine& machine, Report& report) {
  const Arguments& arguments = machine.arguments();
  report.check(arguments.has("flag"), "a word alone is a flag");
  report.check(!arguments.has("word") && !arguments.has("fla"),
               "neither a key nor the start of a word is a flag");
  report.check(arguments.value("word") == "hello", "a key has its value");
  report.check(arguments.number("number") == 0x10u << 10, "a hexadecimal number with a suffix is read");
  report.check(arguments.value("twice") == "2", "the last of two values counts");
  report.check(arguments.value("empty") == "" && !arguments.number("empty"),
               "an empty value is a value, no number");
  report.check(!arguments.value("absent"), "an absent key has no value");
}

}  // namespace hawser::guest::selftest
