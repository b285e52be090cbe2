// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What may be written after --link and --device, and the one sentence that each wrong form gets.
#include <hawser/process/link_address.hpp>
#include <hawser/process/served.hpp>

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

using namespace hawser::process;

namespace {

struct Wrong {
  const char* words;
  const char* sentence;
};

void expect(const Wrong& wrong, auto parse) {
  CAPTURE(wrong.words);
  CHECK_THROWS_WITH_AS(parse(wrong.words), wrong.sentence, std::invalid_argument);
}

const Say nobody = [](std::string_view) {};

}  // namespace

TEST_CASE("a link has a socket, and says which of how many links it is") {
  const LinkAddress plain = parse_link("ivshmem:/run/window.sock");
  CHECK(plain.socket == "/run/window.sock");
  CHECK(plain.number == 0);
  CHECK(plain.links == 1);
  CHECK_FALSE(plain.unsealed);
  const LinkAddress full = parse_link("ivshmem:/run/a,,b,link=3,links=4,unsealed");
  CHECK(full.socket == "/run/a,b");
  CHECK(full.number == 3);
  CHECK(full.links == 4);
  CHECK(full.unsealed);
}

TEST_CASE("a link over Argo has the socket of our domain, and says whose domain the peer is") {
  const LinkAddress address = parse_link("argo:/run/argo.1,peer=2,link=5");
  CHECK(address.carrier == Carrier::kArgo);
  CHECK(address.socket == "/run/argo.1");
  CHECK(address.peer == 2);
  CHECK(address.number == 5);
  CHECK(parse_link("ivshmem:s").carrier == Carrier::kIvshmem);
}

TEST_CASE("a link in a Linux guest names the module's device") {
  const LinkAddress address = parse_link("guest:/dev/hawser1,link=2,links=3");
  CHECK(address.carrier == Carrier::kGuest);
  CHECK(address.socket == "/dev/hawser1");
  CHECK(address.number == 2);
  CHECK(address.links == 3);
}

TEST_CASE("a link through vfio-pci names the PCI function, with or without its domain") {
  for (const char* words : {"vfio:0000:00:04.0,link=2,links=3", "vfio:00:04.0,link=2,links=3"}) {
    const LinkAddress address = parse_link(words);
    CHECK(address.carrier == Carrier::kVfio);
    CHECK(address.socket == "0000:00:04.0");
    CHECK(address.number == 2);
    CHECK(address.links == 3);
  }
}

TEST_CASE("a link may say how bytes travel, as far as it can; without a word the rule decides") {
  CHECK_FALSE(parse_link("argo:s,peer=1").placement);
  CHECK_FALSE(parse_link("argo:s,peer=1,placement=auto").placement);
  CHECK(parse_link("argo:s,peer=1,placement=inline").placement == hawser::virtio::Placement::kInline);
  CHECK(parse_link("xen:/dev/hawser_argo,peer=1,placement=copied").placement ==
        hawser::virtio::Placement::kCopied);
  CHECK(parse_link("ivshmem:s,placement=shared").placement == hawser::virtio::Placement::kShared);
  CHECK(describe(parse_link("argo:s,peer=1,placement=inline")) == "argo:s,peer=1,placement=inline");
}

TEST_CASE("each malformed link gets its sentence") {
  for (const Wrong& wrong : {
           Wrong{"",
                 "'' is not a link; write ivshmem:SOCKET, argo:SOCKET,peer=DOMAIN, in a Linux guest "
                 "guest:/dev/hawser0 or vfio:0000:00:04.0, or in a Linux domain of Xen "
                 "xen:/dev/hawser_argo,peer=DOMAIN"},
           Wrong{"vsock:5",
                 "'vsock:5' is not a link; write ivshmem:SOCKET, argo:SOCKET,peer=DOMAIN, in a Linux "
                 "guest guest:/dev/hawser0 or vfio:0000:00:04.0, or in a Linux domain of Xen "
                 "xen:/dev/hawser_argo,peer=DOMAIN"},
           Wrong{"argo:", "the link names no socket; write argo:SOCKET,peer=DOMAIN"},
           Wrong{"guest:", "the link names no device; write guest:/dev/hawser0"},
           Wrong{"guest:/dev/hawser0,unsealed",
                 "'unsealed' is not an option of a link in a guest; it may have link=N, links=N and "
                 "placement=WORD"},
           Wrong{"vfio:", "the link names no PCI function; write vfio:0000:00:04.0"},
           Wrong{"vfio:/dev/vfio/3",
                 "'/dev/vfio/3' is not the address of a PCI function; write vfio:0000:00:04.0"},
           Wrong{"vfio:0000:00:04.0,unsealed",
                 "'unsealed' is not an option of a link in a guest; it may have link=N, links=N and "
                 "placement=WORD"},
           Wrong{"argo:s", "the link does not say whose domain is the other side; add peer=DOMAIN"},
           Wrong{"argo:s,peer=1,links=2",
                 "'links=2' is not an option of a link over Argo; it may have peer=DOMAIN, link=N and "
                 "placement=WORD"},
           Wrong{"ivshmem:", "the link names no socket; write ivshmem:SOCKET"},
           Wrong{"ivshmem:,link=1", "the link names no socket; write ivshmem:SOCKET"},
           Wrong{"ivshmem:s,link", "'link': link must be a number from 0 to 4095"},
           Wrong{"ivshmem:s,link=", "'link=': link must be a number from 0 to 4095"},
           Wrong{"ivshmem:s,link=-1", "'link=-1': link must be a number from 0 to 4095"},
           Wrong{"ivshmem:s,link=4096", "'link=4096': link must be a number from 0 to 4095"},
           Wrong{"ivshmem:s,link=1x", "'link=1x': link must be a number from 0 to 4095"},
           Wrong{"ivshmem:s,links=0", "'links=0': links must be a number from 1 to 4096"},
           Wrong{"ivshmem:s,links=99999999999999999999",
                 "'links=99999999999999999999': links must be a number from 1 to 4096"},
           Wrong{"ivshmem:s,link=1,link=2", "'link=2': link was already given"},
           Wrong{"ivshmem:s,unsealed=yes",
                 "'unsealed=yes' is not an option of a link; it may have link=N, links=N, placement=WORD and "
                 "unsealed"},
           Wrong{"argo:s,peer=1,placement=shared",
                 "'placement=shared': this link shares no memory: the placement is auto, inline or copied"},
           Wrong{"ivshmem:s,placement=inline",
                 "'placement=inline': where memory is shared, bytes stay where they lie: the placement is "
                 "auto or shared"},
           Wrong{"xen:/dev/hawser_argo,peer=1,placement=fast",
                 "'placement=fast': a placement is auto, inline, copied or shared"},
           Wrong{"ivshmem:s,", "'s': there is an option without a name after a comma"},
           Wrong{"ivshmem:s,=3", "'s': there is an option without a name after a comma"},
       }) {
    expect(wrong, [](const char* words) { return parse_link(words); });
  }
}

TEST_CASE("each malformed device gets its sentence, before anything is opened") {
  const std::string network = "the device net needs to know its network: one of tap=NAME, user and echo";
  for (const Wrong& wrong : {
           Wrong{"", "'' is not a kind of device; there are blk, net, console and rng"},
           Wrong{"disk", "'disk' is not a kind of device; there are blk, net, console and rng"},
           Wrong{"blk", "the device blk needs either file=PATH or memory=SIZE"},
           Wrong{"blk,file=a,memory=1M", "the device blk needs either file=PATH or memory=SIZE"},
           Wrong{"blk,file", "'file': file needs a value, as in file=..."},
           Wrong{"blk,file=", "'file=': file needs a value, as in file=..."},
           Wrong{"blk,memory=lots", "'memory=lots': memory must be a size from 512 to 1T, such as 64M"},
           Wrong{"blk,memory=511", "'memory=511': memory must be a size from 512 to 1T, such as 64M"},
           Wrong{"blk,memory=2T", "'memory=2T': memory must be a size from 512 to 1T, such as 64M"},
           Wrong{"blk,memory=1M,ro=yes",
                 "'ro=yes' is not an option of the device blk; see hawser serve --help"},
           Wrong{"blk,memory=1M,queues=9", "'queues=9': queues must be a number from 1 to 8"},
           Wrong{"blk,memory=1M,id=123456789012345678901",
                 "'id=123456789012345678901': id has at most 20 characters"},
           Wrong{"blk,file=a,cache=none", "'cache=none': cache must be write-back or write-through"},
           Wrong{"blk,file=a,cache", "'cache': cache needs a value, as in cache=..."},
           Wrong{"blk,memory=1M,ro,ro", "'ro': ro was already given"},
           Wrong{"blk,memory=1M,", "'blk': there is an option without a name after a comma"},
           Wrong{"net", network.c_str()},
           Wrong{"net,echo,user", network.c_str()},
           Wrong{"net,tap=", "'tap=': tap needs a value, as in tap=..."},
           Wrong{"net,echo,mac=02:00", "'mac=02:00': mac must be an address like 02:00:00:00:00:01"},
           Wrong{"net,echo,mac=0x:00:00:00:00:01",
                 "'mac=0x:00:00:00:00:01': mac must be an address like 02:00:00:00:00:01"},
           Wrong{"net,echo,mac=03:00:00:00:00:01",
                 "'mac=03:00:00:00:00:01': mac must be the address of one station: its first byte is even"},
           Wrong{"net,echo,mtu=67", "'mtu=67': mtu must be a number from 68 to 65535"},
           Wrong{"net,user,queues=2", "the device net: queues=N needs tap=NAME"},
           Wrong{"net,tap=t,queues=5", "'queues=5': queues must be a number from 1 to 4"},
           Wrong{"net,echo,restricted", "the device net: restricted is an option of user"},
           Wrong{"net,echo,forward=1:2", "the device net: forward is an option of user"},
           Wrong{"net,user,forward=80",
                 "'forward=80': forward must be two ports from 1 to 65535, as in tcp:8080:80"},
           Wrong{"net,user,forward=udp:0:1",
                 "'forward=udp:0:1': forward must be two ports from 1 to 65535, as in tcp:8080:80"},
           Wrong{"net,user,forward=1:65536",
                 "'forward=1:65536': forward must be two ports from 1 to 65535, as in tcp:8080:80"},
           Wrong{"console", "the device console needs to know its terminal: pty, stdio or echo"},
           Wrong{"console,echo,pty", "the device console has either echo or terminals, not both"},
           Wrong{"console,pty=", "'pty=': pty needs a value, as in pty=..."},
           Wrong{"console,stdio,stdio", "'stdio': stdio was already given"},
           Wrong{"console,pty,keys",
                 "the device console: keys says whose the keys of stdio are; there is no stdio"},
           Wrong{"console,pty,pty,pty,pty,pty", "the device console has at most 4 ports, not 5"},
           Wrong{"rng,fast", "'fast' is not an option of the device rng; see hawser serve --help"},
       }) {
    expect(wrong, [](const char* words) { return parse_served(words); });
  }
}

TEST_CASE("a device is made of the words, and says what it is") {
  const auto text = [](const char* words) { return parse_served(words)(nobody)->describe(); };
  CHECK(text("blk,memory=32M") == "block, 32 MiB of memory");
  CHECK(text("blk,memory=4K,ro,queues=8,id=mine") == "block, 4 KiB of memory, read only");
  CHECK(text("net,echo,mtu=9000,mac=02:00:00:00:00:01") == "network, echo");
  CHECK(text("net,user,restricted") == "network, user mode");
  CHECK(text("console,echo") == "console, two ports that echo");
  CHECK(text("console,pty").starts_with("console, /dev/pts/"));
  CHECK(text("rng") == "entropy of the kernel");
}

TEST_CASE("a memory disk far larger than the machine takes no room before it is written to") {
  CHECK(parse_served("blk,memory=1T")(nobody)->describe() == "block, 1048576 MiB of memory");
}

TEST_CASE("every device that can be written fits on the bus") {
  for (const char* words : {"blk,memory=1M,queues=8", "net,echo", "console,pty,pty,pty,pty", "rng"}) {
    CAPTURE(words);
    CHECK(parse_served(words)(nobody)->model().queue_count() <= kMaxQueues);
  }
}

TEST_CASE("a comma in a file's name is written twice") {
  const auto path = std::filesystem::temp_directory_path() / ("hawser,words-" + std::to_string(::getpid()));
  std::FILE* const file = std::fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  std::fclose(file);
  std::filesystem::resize_file(path, 1 << 20);
  std::string words = "blk,ro,file=" + path.string();
  words.insert(words.find("hawser,") + 6, ",");
  CHECK(parse_served(words)(nobody)->describe().starts_with("block, 1 MiB of " + path.string()));
  // Who may outlive this kernel is not told of what is only in its memory.
  const auto cached = [&](const char* more, bool shares_fate) {
    const std::string text = parse_served(words + more, 0, shares_fate)(nobody)->describe();
    return text.find("write-through") == std::string::npos;
  };
  CHECK(cached("", true));
  CHECK_FALSE(cached("", false));
  CHECK(cached(",cache=write-back", false));
  CHECK_FALSE(cached(",cache=write-through", true));
  std::filesystem::remove(path);
  CHECK_THROWS_WITH_AS(parse_served("blk,file=/nonexistent")(nobody),
                       "the disk /nonexistent cannot be opened for writing: No such file or directory",
                       std::runtime_error);
}
