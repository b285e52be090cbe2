// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The device tree reader: what a good tree says, and that no bad one makes it leave the blob.
#include "device_tree.hpp"
#include "tree_builder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

using namespace hawser::guest;

namespace {

// A machine in miniature: two UARTs, one of them disabled, and an interrupt controller with a child.
Bytes sample(bool strings_last = true) {
  return Builder()
      .begin("")
      .cells("#address-cells", {2})
      .cells("#size-cells", {2})
      .begin("chosen")
      .text("bootargs", "a=1 b")
      .cells("linux,initrd-start", {0x48000000})
      .cells("linux,initrd-end", {0, 0x48001000})
      .end()
      .nop()
      .begin("uart@1")
      .nop()
      .text("status", "disabled")
      .bytes("compatible", {std::byte{'p'}, {}})
      .cells("reg", {0, 1, 0, 2})
      .end()
      .begin("uart@2")
      .text("compatible", std::string("first\0p", 7))
      .cells("reg", {1, 0x9000000, 0, 0x1000, 0, 0x10, 0, 0x20})
      .end()
      .begin("bus")
      .cells("#address-cells", {1})
      .cells("#size-cells", {0})
      .begin("chosen")
      .text("bootargs", "wrong")
      .text("compatible", "child")
      .cells("reg", {7, 8})
      .end()
      .end()
      .begin("other-bus")
      .begin("child")
      .text("compatible", "defaults")
      .end()
      .end()
      .end()
      .finish(strings_last);
}

// A copy with nothing behind it, so that a sanitizer sees every step over its end.
struct Exact {
  explicit Exact(const Bytes& from) : size(from.size()), bytes(new std::byte[from.size()]) {
    if (size != 0) std::memcpy(bytes.get(), from.data(), size);
  }
  std::span<const std::byte> span() const { return {bytes.get(), size}; }
  std::size_t size;
  std::unique_ptr<std::byte[]> bytes;
};

// Asks everything that can be asked.
std::size_t read_all(std::span<const std::byte> blob) {
  const auto tree = DeviceTree::in(blob);
  if (!tree) return 0;
  std::size_t seen = 0;
  const auto look = [&](const DeviceTree::Node& node) {
    seen += node.name.size();
    for (std::size_t i = 0; const auto reg = tree->reg(node, i); ++i) seen += reg->size & 1;
    for (const char* name : {"compatible", "bootargs", "status", "#address-cells"}) {
      if (const auto value = tree->property(node, name)) {
        seen += value->text().size() + value->lists("p") + value->number().value_or(0);
      }
    }
    return false;
  };
  tree->for_each_node(look);
  if (const auto chosen = tree->top_level("chosen")) look(*chosen);
  return seen + tree->compatible("p").has_value();
}

}  // namespace

TEST_CASE("properties are found by node and name") {
  const Bytes blob = sample();
  const auto tree = DeviceTree::in(blob);
  REQUIRE(tree);
  const auto chosen = tree->top_level("chosen");
  REQUIRE(chosen);
  CHECK(tree->property(*chosen, "bootargs")->text() == "a=1 b");
  CHECK(tree->property(*chosen, "linux,initrd-start")->number() == 0x48000000);
  CHECK(tree->property(*chosen, "linux,initrd-end")->number() == 0x48001000);
  CHECK_FALSE(tree->property(*chosen, "reg"));
  CHECK_FALSE(tree->property(*chosen, "bootarg"));
  CHECK_FALSE(tree->top_level("uart"));
}

TEST_CASE("a disabled node is passed over") {
  const Bytes blob = sample();
  const auto tree = DeviceTree::in(blob);
  const auto uart = tree->compatible("p");
  REQUIRE(uart);
  CHECK(uart->name == "uart@2");
}

TEST_CASE("reg is read in the cells of the node's parent") {
  const Bytes blob = sample();
  const auto tree = DeviceTree::in(blob);
  const auto uart = tree->compatible("p");
  CHECK(tree->reg(*uart, 0)->base == 0x109000000);
  CHECK(tree->reg(*uart, 0)->size == 0x1000);
  CHECK(tree->reg(*uart, 1)->base == 0x10);
  CHECK_FALSE(tree->reg(*uart, 2));
  CHECK_FALSE(tree->reg(*uart, SIZE_MAX));

  const auto child = tree->compatible("child");
  REQUIRE(child);
  CHECK(child->address_cells == 1);
  CHECK(child->size_cells == 0);
  CHECK_FALSE(tree->reg(*child, 0));  // a range without a size is none
  CHECK(tree->compatible("defaults")->address_cells == 2);
  CHECK(tree->compatible("defaults")->size_cells == 1);
}

TEST_CASE("numbers outside a value are refused") {
  const Bytes raw = {std::byte{1}, {}, {}, std::byte{2}, std::byte{9}};
  const DeviceTreeValue value(raw);
  CHECK(value.number(0, 1) == 0x01000002);
  CHECK_FALSE(value.number(0, 2));
  CHECK_FALSE(value.number(1, 1));
  CHECK_FALSE(value.number(SIZE_MAX, 1));
  CHECK_FALSE(value.number(0, 0));
  CHECK_FALSE(value.number(0, 3));
}

TEST_CASE("nodes too deep are passed over, and those after them are found") {
  Builder builder;
  builder.begin("");
  for (int i = 0; i < 40; ++i) builder.begin("deep").cells("#address-cells", {1});
  builder.text("compatible", "bottom");
  for (int i = 0; i < 40; ++i) builder.end();
  builder.begin("after").text("compatible", "after").cells("reg", {0, 5, 6}).end().end();
  const Bytes blob = builder.finish();
  const auto tree = DeviceTree::in(blob);
  REQUIRE(tree);
  CHECK_FALSE(tree->compatible("bottom"));
  REQUIRE(tree->compatible("after"));
  CHECK(tree->reg(*tree->compatible("after"), 0)->base == 5);
}

TEST_CASE("a blob cut short anywhere is refused") {
  for (const bool strings_last : {true, false}) {
    const Bytes whole = sample(strings_last);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Exact cut(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      CHECK_FALSE(DeviceTree::in(cut.span()));
    }
  }
}

TEST_CASE("a block of any stated size never leads past the end of the blob") {
  constexpr std::size_t kTotal = 4;
  constexpr std::size_t kStrings = 32;
  constexpr std::size_t kStructure = 36;
  for (const bool strings_last : {true, false}) {
    const Bytes whole = sample(strings_last);
    for (std::size_t size = 0; size <= whole.size() + 8; ++size) {
      for (const std::size_t field : {kTotal, kStrings, kStructure}) {
        Exact blob(whole);
        for (std::size_t i = 0; i < 4; ++i) {
          blob.bytes[field + i] = static_cast<std::byte>(size >> (24 - 8 * i) & 0xff);
        }
        (void)read_all(blob.span());
        // And with nothing behind what it claims to be.
        if (field == kTotal && size < whole.size()) {
          const Exact cut(Bytes(blob.bytes.get(), blob.bytes.get() + size));
          (void)read_all(cut.span());
        }
      }
    }
  }
}

TEST_CASE("one wrong byte anywhere leads nowhere outside the blob, and to an end") {
  for (const bool strings_last : {true, false}) {
    const Bytes whole = sample(strings_last);
    REQUIRE(read_all(whole) > 0);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const unsigned value : {0x00u, 0x01u, 0x02u, 0x03u, 0x04u, 0x7fu, 0x80u, 0xffu}) {
        Exact blob(whole);
        blob.bytes[at] = static_cast<std::byte>(value);
        (void)read_all(blob.span());
      }
    }
  }
}
