// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/policy.hpp>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "fixture.hpp"

using namespace hawser::ivshmem;

namespace {

const PolicyDefaults kDefaults{"/run/s", 1 << 20, 4, 8};
const Names kNames{
    [](const std::string& n) { return n == "alice" ? std::optional<uid_t>(1001) : std::nullopt; },
    [](const std::string& n) { return n == "kvm" ? std::optional<gid_t>(77) : std::nullopt; },
};

Policy parse(std::string_view text) {
  return parse_policy(text, "p.toml", kDefaults, kNames);
}

std::string complaint(std::string_view text) {
  try {
    parse(text);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a link takes what the file says and the rest from the server's options") {
  const Policy p = parse(R"(
[[link]]
name = "disk"
socket = "/run/disk"
size = "16M"
vectors = 2
max-peers = 2
users = ["alice", 1002]
groups = ["kvm", 5]
socket-group = "kvm"

[[link]]
name = "rest"
users = [0]
)");
  REQUIRE(p.links.size() == 2);
  const LinkPolicy& disk = p.links[0];
  CHECK(disk.name == "disk");
  CHECK(disk.socket == "/run/disk");
  CHECK(disk.size == 16u << 20);
  CHECK(disk.vectors == 2);
  CHECK(disk.max_peers == 2);
  CHECK(disk.users == std::set<uid_t>{1001, 1002});
  CHECK(disk.groups == std::set<gid_t>{77, 5});
  CHECK(disk.mode == 0660);
  CHECK(disk.socket_group == 77u);
  CHECK(p.links[1].socket == "/run/s");
  CHECK(p.links[1].size == 1u << 20);
  CHECK(p.links[1].vectors == 4);
  CHECK(p.links[1].max_peers == 8);
  CHECK(p.links[1].mode == 0600);
}

TEST_CASE("a bad policy is one sentence with file and line") {
  CHECK(complaint("[[link]]\nname = \"a\"\nusers = [0]\nsize = \"3M\"\n") ==
        "p.toml:4: the size 3M is not a power of two, which a PCI BAR must be: use 2M or 4M");
  CHECK(complaint("[[link]]\nname = \"a\"\nusers = [\"bob\"]\n") ==
        "p.toml:3: there is no user named \"bob\" on this system");
  CHECK(complaint("[[link]]\nname = \"a\"\nusers = [-1]\n") == "p.toml:3: -1 is not a user number");
  CHECK(complaint("[[link]]\nname = \"a\"\nusers = [4294967295]\n") ==
        "p.toml:3: 4294967295 is not a user number");
  CHECK(complaint("[[link]]\nname = \"a\"\nusers = [1.5]\n") == "p.toml:3: a user is a name or a number");
  CHECK(complaint("[[link]]\nname = \"a\"\nusers = 3\n").find("p.toml:3: \"users\" must be a list") == 0);
  CHECK(complaint("[[link]]\nname = \"a\"\nuser = [0]\n").find("p.toml:3: unknown key \"user\"") == 0);
  CHECK(complaint("[[link]]\nname = \"a\"\n").find("p.toml:1: link \"a\" admits nobody") == 0);
  CHECK(complaint("[[link]]\nusers = [0]\n").find("p.toml:1: a link without a name") == 0);
  CHECK(complaint("[[link]]\nname = \"a/b\"\nusers = [0]\n").find("p.toml:2: a link's name has") == 0);
  CHECK(complaint("[[link]]\nname = \"a\"\nusers = [0]\nvectors = 4096\n").find("p.toml:4: 4096 vectors") ==
        0);
  CHECK(
      complaint("[[link]]\nname = \"a\"\nusers = [0]\nmax-peers = \"x\"\n").find("p.toml:4: \"max-peers\"") ==
      0);
  CHECK(complaint("link = 3\n").find("p.toml:1: \"link\" must be written as [[link]]") == 0);
  CHECK(complaint("[server]\n").find("p.toml:1: unknown key \"server\"") == 0);
  CHECK(complaint("[[link]]\nname = \n").find("p.toml:2: not TOML") == 0);
  CHECK(complaint("") == "p.toml:1: no [[link]] table: nobody could connect");
}

TEST_CASE("links that cannot be told apart are refused") {
  CHECK(complaint("[[link]]\nname = \"a\"\nusers = [1]\n[[link]]\nname = \"a\"\nusers = [2]\n")
            .find("p.toml:4: the name \"a\" is already taken by the link in line 1") == 0);
  CHECK(complaint("[[link]]\nname = \"a\"\nusers = [1]\n[[link]]\nname = \"b\"\nusers = [1]\n")
            .find("p.toml:4: uid 1 belongs to both") == 0);
  CHECK(complaint("[[link]]\nname = \"a\"\ngroups = [1]\n[[link]]\nname = \"b\"\ngroups = [1]\n")
            .find("p.toml:4: gid 1 belongs to both") == 0);
  CHECK(complaint(
            "[[link]]\nname = \"a\"\nusers = [1]\nsocket-group = 5\n[[link]]\nname = \"b\"\nusers = [2]\n")
            .find("must agree on its socket-group") != std::string::npos);
  CHECK(complaint(
            "[[link]]\nname = \"a\"\nusers = [1]\n[[link]]\nname = \"b\"\nusers = [1]\nsocket = \"/o\"\n") ==
        "accepted");
}

TEST_CASE("without a default socket every link must name its own") {
  const PolicyDefaults none{"", 4096, 1, 2};
  CHECK_THROWS_WITH(parse_policy("[[link]]\nname = \"a\"\nusers = [0]\n", "p", none, kNames),
                    "p:1: link \"a\" has no socket, and the server was given none to fall back on");
  CHECK_THROWS_AS(default_policy(none), Error);
}

TEST_CASE("a policy file that everybody may write is no policy") {
  const test::TempDir dir;
  const std::string file = dir / "policy.toml";
  std::ofstream(file) << "[[link]]\nname = \"a\"\nusers = [0]\n";
  CHECK(load_policy(file, kDefaults, kNames).links.size() == 1);
  ::chmod(file.c_str(), 0666);
  CHECK_THROWS_WITH(load_policy(file, kDefaults, kNames),
                    doctest::Contains("may be written by everybody (mode 0666)"));
  CHECK_THROWS_WITH(load_policy(dir / "none", kDefaults, kNames), doctest::Contains("cannot be read"));
  CHECK_THROWS_WITH(load_policy(dir.path, kDefaults, kNames), doctest::Contains("not a regular file"));
}

TEST_CASE("default deny: nobody is let in who is not named") {
  LinkPolicy a, b;
  a.name = "a";
  a.users = {1};
  b.name = "b";
  b.groups = {50};
  const std::array<const LinkPolicy*, 2> links{&a, &b};
  CHECK(admit(links, {1, 9, 0, {}}).link == &a);
  CHECK(admit(links, {2, 50, 0, {}}).link == &b);
  CHECK(admit(links, {2, 9, 0, {3, 50}}).link == &b);
  CHECK(admit(links, {1, 50, 0, {}}).link == &a);  // the user goes before the group
  CHECK(admit(links, {0, 0, 0, {}}).link == nullptr);
  CHECK(admit(links, {0, 0, 0, {}}).reason == "uid 0 (gid 0) is a member of no link on this socket");
  a.groups = {51};
  CHECK(admit(links, {2, 50, 0, {51}}).link == nullptr);
  CHECK(admit(links, {2, 50, 0, {51}}).reason.find("both") != std::string::npos);
}
