// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/xen_console.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hawser::launch;

TEST_CASE("a domain's line is the domain's, Xen's are Xen's, and what is neither is nobody's") {
  XenConsole console;
  const auto domain = console.take("(XEN) DOM12: hello\r\r");
  REQUIRE(domain);
  CHECK(domain->domain == 12u);
  CHECK(domain->text == "hello");
  const auto own = console.take("(XEN) Brought up 1 CPUs\r");
  CHECK(own->domain == std::nullopt);
  CHECK(own->text == "Brought up 1 CPUs");
  CHECK(console.take("qemu-system-aarch64: no")->text == "qemu-system-aarch64: no");
}

TEST_CASE("a line that Xen cut is put together again, between the lines of others") {
  XenConsole console;
  const std::string first(126, 'a');
  CHECK(!console.take("(XEN) DOM1: " + first + "\r"));
  CHECK(console.take("(XEN) DOM2: between\r\r")->text == "between");
  const auto line = console.take("(XEN) DOM1: bc\r\r");
  REQUIRE(line);
  CHECK(line->text == first + "bc");
}

TEST_CASE(
    "a line whose return was the last byte before the cut is whole, and the rest adds nothing to the next") {
  XenConsole console;
  CHECK(console.take("(XEN) DOM1: " + std::string(125, 'a') + "\r\r")->text.size() == 125);
  CHECK(!console.take("(XEN) DOM1: \r"));
  CHECK(console.take("(XEN) DOM1: next\r\r")->text == "next");
}

TEST_CASE("a domain can speak for nobody else") {
  XenConsole console;
  const auto line = console.take("(XEN) DOM1: (XEN) DOM2: HAWSER-END status=0\r\r");
  CHECK(line->domain == 1u);
  CHECK(line->text == "(XEN) DOM2: HAWSER-END status=0");
  CHECK(console.take("DOM2: x\r\r")->domain == std::nullopt);
  CHECK(console.take("(XEN) DOMx: x\r")->domain == std::nullopt);
  CHECK(console.take("(XEN) DOM99999999999: x\r")->domain == std::nullopt);
}

TEST_CASE("a domain that never ends its line does not fill our memory") {
  XenConsole console;
  std::size_t lines = 0;
  for (int i = 0; i < 100; ++i)
    lines += console.take("(XEN) DOM1: " + std::string(126, 'a') + "\r").has_value();
  CHECK(lines == 3);
}
