// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What a domain's device tree says about Xen, and that a strange one says nothing.
#include "device_tree.hpp"
#include "tree_builder.hpp"
#include "xen/domain.hpp"

#include <doctest/doctest.h>

using namespace hawser::guest;

namespace {

struct Said {
  std::initializer_list<std::uint32_t> unused = {0, 0x38000000, 0, 0x1000000};
  std::initializer_list<std::uint32_t> interrupts = {1, 15, 0xf08};
  unsigned windows = 1;
};

// As Xen 4.17 writes it, without what is of no use here.
Bytes domain_tree(const Said& said = {}) {
  Builder tree;
  tree.begin("").cells("#address-cells", {2}).cells("#size-cells", {2});
  tree.begin("hypervisor").bytes("compatible", [] {
    Bytes value;
    for (const char c : std::string_view("xen,xen-4.17\0xen,xen\0", 21))
      value.push_back(static_cast<std::byte>(c));
    return value;
  }());
  tree.cells("reg", said.unused).cells("interrupts", said.interrupts).end();
  tree.begin("reserved-memory").cells("#address-cells", {2}).cells("#size-cells", {2});
  for (unsigned i = 0; i < said.windows; ++i) {
    tree.begin("xen-shmem@90000000").text("compatible", "xen,shared-memory-v1");
    tree.cells("reg", {0, 0x90000000 + i * 0x10000, 0, 0x10000})
        .text("xen,id", "w" + std::to_string(i))
        .end();
  }
  return tree.end().end().finish();
}

std::optional<xen::Findings> find(const Bytes& blob) {
  return xen::find(*DeviceTree::in(blob));
}

}  // namespace

TEST_CASE("a domain finds its free frames, its interrupt and its windows") {
  const Bytes blob = domain_tree({.windows = 2});
  const auto found = find(blob);
  REQUIRE(found);
  CHECK(found->unused_frames.base == 0x38000000);
  CHECK(found->event_interrupt == 31);
  REQUIRE(found->window_count == 2);
  CHECK(found->windows[0].id == "w0");
  CHECK(found->windows[1].id == "w1");
  CHECK(found->windows[1].memory.base == 0x90010000);
  CHECK(found->windows[1].memory.size == 0x10000);
}

TEST_CASE("a machine without Xen is no domain") {
  CHECK(!find(Builder().begin("").end().finish()));
}

TEST_CASE("more windows than there is room for are left out") {
  CHECK(find(domain_tree({.windows = 9}))->window_count == xen::Findings::kMaxWindows);
}

TEST_CASE("a tree that names no free frame, or an interrupt that is not private, is not believed") {
  CHECK(!find(domain_tree({.unused = {0, 0x38000000, 0, 0xfff}})));
  CHECK(!find(domain_tree({.unused = {0, 0x38000001, 0, 0x1000000}})));
  CHECK(!find(domain_tree({.unused = {}})));
  CHECK(!find(domain_tree({.interrupts = {0, 15, 0xf08}})));
  CHECK(!find(domain_tree({.interrupts = {1, 16, 0xf08}})));
  CHECK(!find(domain_tree({.interrupts = {1}})));
}
