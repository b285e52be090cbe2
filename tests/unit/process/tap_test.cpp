// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Frames through the kernel: a TAP interface in a network namespace of this program's own, so nothing of the machine's
// network is touched or needed.
#include "driven.hpp"

#include <hawser/process/tap.hpp>

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

using namespace hawser;
using namespace hawser::virtio;
using hawser::process::Tap;
using hawser::test::Address;
using hawser::test::Bytes;

namespace {

constexpr std::uint32_t kKernelIp = 0x0a630001;  // 10.99.0.1
constexpr std::uint32_t kDriverIp = 0x0a630002;
constexpr unsigned kKernelPort = 7000;
constexpr unsigned kDriverPort = 9000;

void write_text(const char* path, const std::string& text) {
  std::ofstream(path) << text;
}

/// Once, before the first interface is made. What is not possible here is said, and counts as skipped.
void enter_own_network() {
  static const bool entered = [] {
    const unsigned uid = ::getuid();
    const unsigned gid = ::getgid();
    const char* why = nullptr;
    if (::access("/dev/net/tun", R_OK | W_OK) != 0) {
      why = "/dev/net/tun is missing or not for us";
    } else if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
      why = "no network namespace of our own (not root, and user namespaces are off)";
    }
    if (why != nullptr) {
      std::printf("skipped: %s\n", why);
      std::fflush(stdout);
      std::_Exit(77);
    }
    if (uid != 0) {
      write_text("/proc/self/setgroups", "deny");
      write_text("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
      write_text("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
    }
    write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");  // the kernel speaks only when spoken to
    return true;
  }();
  REQUIRE(entered);
}

class Socket {
 public:
  explicit Socket(unsigned port) : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const sockaddr_in own = address(INADDR_ANY, port);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)) == 0);
  }
  static sockaddr_in address(std::uint32_t ip, unsigned port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(static_cast<std::uint16_t>(port));
    made.sin_addr.s_addr = htonl(ip);
    return made;
  }
  int fd() const { return fd_.get(); }
  std::optional<Bytes> take() {
    Bytes bytes(70000);
    if (!test::readable(fd_.get(), 1000)) return std::nullopt;
    const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (got < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
  }
  bool send(const Bytes& bytes, int segment = 0) {
    if (segment != 0 && ::setsockopt(fd_.get(), SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)) != 0)
      return false;
    const sockaddr_in to = address(kDriverIp, kDriverPort);
    return ::sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                    sizeof(to)) == static_cast<ssize_t>(bytes.size());
  }

 private:
  process::OwnedFd fd_;
};

void set_flag(const std::string& name, short flag, bool on) {
  const process::OwnedFd control(::socket(AF_INET, SOCK_DGRAM, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  REQUIRE(::ioctl(control.get(), SIOCGIFFLAGS, &request) == 0);
  request.ifr_flags = static_cast<short>(on ? request.ifr_flags | flag : request.ifr_flags & ~flag);
  REQUIRE(::ioctl(control.get(), SIOCSIFFLAGS, &request) == 0);
}

/// As `ip link del` does.
void delete_interface(const std::string& name) {
  const process::OwnedFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  struct {
    nlmsghdr head;
    ifinfomsg link;
  } request{};
  request.head.nlmsg_len = sizeof(request);
  request.head.nlmsg_type = RTM_DELLINK;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = static_cast<int>(::if_nametoindex(name.c_str()));
  REQUIRE(request.link.ifi_index > 0);
  REQUIRE(::send(netlink.get(), &request, sizeof(request), 0) == sizeof(request));
  struct {
    nlmsghdr head;
    nlmsgerr result;
    char rest[512];
  } answer{};
  REQUIRE(::recv(netlink.get(), &answer, sizeof(answer), 0) > 0);
  REQUIRE(answer.result.error == 0);
}

/// A TAP with an address and up, and a driver on it that answers the kernel's question for its address.
struct Wired {
  explicit Wired(const driver::NetDriverOptions& options = {}, std::uint16_t queues = 1) {
    enter_own_network();
    tap.emplace(process::TapOptions{
        .name = "", .queues = queues, .log = [this](std::string_view line) { said.emplace_back(line); }});
    const process::OwnedFd control(::socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::memcpy(request.ifr_name, tap->name().data(), tap->name().size());
    const sockaddr_in own = Socket::address(kKernelIp, 0);
    std::memcpy(&request.ifr_addr, &own, sizeof(own));
    REQUIRE(::ioctl(control.get(), SIOCSIFADDR, &request) == 0);
    const sockaddr_in mask = Socket::address(0xffffff00, 0);
    std::memcpy(&request.ifr_addr, &mask, sizeof(mask));
    REQUIRE(::ioctl(control.get(), SIOCSIFNETMASK, &request) == 0);
    set_flag(tap->name(), IFF_UP | IFF_RUNNING, true);
    REQUIRE(::ioctl(control.get(), SIOCGIFHWADDR, &request) == 0);
    std::memcpy(kernel.mac.data(), request.ifr_hwaddr.sa_data, 6);
    net.emplace(*tap, options);
    REQUIRE(net->started);
    own_address.mac = net->driver.mac();
  }

  /// Tells the kernel where we are, before it has to ask.
  void introduce() {
    REQUIRE(net->send(test::arp_frame(1, own_address, kernel)));
    const auto answer = net->receive(1, [](const Bytes& f) { return test::is_arp(f, 2); });
    REQUIRE(answer.size() == 1);
    CHECK(test::mac_at(answer[0], 6) == kernel.mac);
  }

  std::vector<std::string> said;
  std::optional<Tap> tap;
  std::optional<test::DrivenNet<Tap>> net;
  Address kernel{{}, kKernelIp, kKernelPort};
  Address own_address{{}, kDriverIp, kDriverPort};
};

}  // namespace

TEST_CASE("the kernel answers an ARP request and a ping through the interface") {
  Wired wired;
  wired.introduce();
  Bytes ping = test::udp_frame(wired.own_address, wired.kernel, test::pattern(48));
  ping[23] = std::byte{1};  // ICMP
  test::set16(ping, 24, 0);
  test::set16(ping, 24, ~test::slow_sum(ping, 14, 34));
  test::set16(ping, 34, 0x0800);  // echo request
  test::set16(ping, 36, 0);
  test::set16(ping, 36, ~test::slow_sum(ping, 34, ping.size()));
  REQUIRE(wired.net->send(ping));
  const auto reply = wired.net->receive(
      1, [](const Bytes& f) { return test::get16(f, 12) == 0x0800 && test::get8(f, 23) == 1; });
  REQUIRE(reply.size() == 1);
  CHECK(test::get16(reply[0], 34) == 0);  // echo reply
  CHECK(std::equal(reply[0].begin() + 38, reply[0].end(), ping.begin() + 38));
}

TEST_CASE("datagrams go both ways, with the checksum done or left undone") {
  for (const bool offload : {false, true}) {
    driver::NetDriverOptions options;
    if (!offload) options.send = options.receive = {};
    Wired wired(options);
    wired.introduce();
    Socket socket(kKernelPort);
    for (const std::size_t bytes : {0u, 1u, 7u, 100u, 1471u, 1472u}) {
      Bytes frame = test::udp_frame(wired.own_address, wired.kernel, test::pattern(bytes));
      NetHeader header;
      if (offload) header = test::leave_checksum(frame);
      REQUIRE(wired.net->send(frame, header));
      REQUIRE(socket.take() == test::pattern(bytes));

      REQUIRE(socket.send(test::pattern(bytes, 2)));
      auto back = wired.net->receive(1, test::is_udp, &header);
      REQUIRE(back.size() == 1);
      CHECK(header.needs_checksum == offload);  // the kernel leaves it to whoever agreed to do it
      if (offload) {
        const unsigned sum = ~test::slow_sum(back[0], header.checksum_start, back[0].size()) & 0xffff;
        test::set16(back[0], std::size_t{header.checksum_start} + header.checksum_offset,
                    sum == 0 ? 0xffff : sum);
      }
      CHECK(test::wrong_with(back[0]) == "");
      CHECK(Bytes(back[0].begin() + 42, back[0].end()) == test::pattern(bytes, 2));
    }
    CHECK(wired.tap->counters().malformed == 0);
    CHECK(wired.tap->counters().refused == 0);
  }
}

TEST_CASE("the kernel cuts what the driver leaves uncut") {
  Wired wired;
  if (!wired.tap->takes().uso4) {
    MESSAGE("this kernel knows no UDP segmentation on TAP (it needs Linux 6.2): not tested");
    return;
  }
  wired.introduce();
  Socket socket(kKernelPort);
  Bytes frame = test::udp_frame(wired.own_address, wired.kernel, test::pattern(4500));
  REQUIRE(wired.net->send(frame, test::leave_segmentation(frame, 1000)));
  Bytes joined;
  for (int n = 0; n < 5; ++n) {
    const auto datagram = socket.take();
    REQUIRE(datagram.has_value());
    CHECK(datagram->size() == (n < 4 ? 1000 : 500));
    joined.insert(joined.end(), datagram->begin(), datagram->end());
  }
  CHECK(joined == test::pattern(4500));
}

TEST_CASE("the kernel leaves uncut what the driver accepts so, and cuts it for who does not") {
  for (const bool accepted : {false, true}) {
    driver::NetDriverOptions options;
    if (!accepted) options.receive = {};
    Wired wired(options);
    if (!wired.tap->gives().uso4) {
      MESSAGE("this kernel knows no UDP segmentation on TAP (it needs Linux 6.2): not tested");
      return;
    }
    wired.introduce();
    Socket socket(kKernelPort);
    REQUIRE(socket.send(test::pattern(4500), 1000));
    NetHeader header;
    const auto frames = wired.net->receive(accepted ? 1 : 5, test::is_udp, &header);
    REQUIRE(frames.size() == (accepted ? 1 : 5));
    CHECK((header.segmentation == Segmentation::kUdp) == accepted);
    Bytes joined;
    for (const Bytes& frame : frames) joined.insert(joined.end(), frame.begin() + 42, frame.end());
    CHECK(joined == test::pattern(4500));
    if (accepted) CHECK(header.segment_bytes == 1000);
  }
}

TEST_CASE("several queues: the kernel answers on whichever it likes, and all are received") {
  Wired wired({.pairs = 2}, 2);
  REQUIRE(wired.net->driver.pairs() == 2);
  wired.introduce();
  Socket socket(kKernelPort);
  for (unsigned flow = 0; flow < 8; ++flow) {
    Address from = wired.own_address;
    from.port = kDriverPort + flow;
    REQUIRE(wired.net->send(test::udp_frame(from, wired.kernel, test::pattern(60)), {},
                            static_cast<std::uint16_t>(flow % 2)));
    REQUIRE(socket.take() == test::pattern(60));
    REQUIRE(socket.send(test::pattern(61)));
    CHECK(wired.net->receive(1, test::is_udp).size() == 1);
  }
}

TEST_CASE(
    "frames wake the device, but not while it has no buffer for the last one, and not without a driver") {
  Wired wired({.receive_buffers = 4});
  wired.introduce();
  Socket socket(kKernelPort);
  auto settled = [&] {  // the kernel may still say something of its own
    for (int n = 0; n < 50 && test::readable(wired.tap->wake_fd(), 20); ++n) wired.net->transport.serve_all();
    return !test::readable(wired.tap->wake_fd());
  };
  for (int n = 0; n < 12; ++n) REQUIRE(socket.send(test::pattern(100)));
  CHECK(settled());  // 4 are with the driver, one waits, the others are in the kernel
  const auto got = wired.net->receive(12, test::is_udp);
  CHECK(got.size() == 12);
  CHECK(settled());
  Bytes other(kMaxFrame);
  while (wired.net->driver.receive(0, other).ok()) wired.net->transport.serve_all();
  CHECK(settled());
  REQUIRE(socket.send(test::pattern(100)));
  CHECK(test::readable(wired.tap->wake_fd(), 1000));
  wired.net->driver.stop();
  CHECK_FALSE(test::readable(wired.tap->wake_fd()));
  REQUIRE(socket.send(test::pattern(100)));
  CHECK_FALSE(test::readable(wired.tap->wake_fd(), 50));
}

TEST_CASE("an interface that is taken down is a link that is down") {
  Wired wired;
  (void)wired.net->driver.poll();
  CHECK(wired.net->driver.link_up());
  set_flag(wired.tap->name(), IFF_UP, false);
  for (int n = 0; n < 100 && wired.net->driver.link_up(); ++n) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    (void)wired.net->driver.poll();
  }
  CHECK_FALSE(wired.net->driver.link_up());
  CHECK(wired.net->send(Bytes(60)));  // as on any wire: sent, and gone
  CHECK(wired.net->device.counters().send_dropped == 1);
}

TEST_CASE("an interface that is deleted is a link that is down, said once, and wakes nobody any more") {
  for (const std::uint16_t queues : {1, 2}) {
    Wired wired({.pairs = queues}, queues);
    wired.introduce();
    delete_interface(wired.tap->name());
    CHECK(test::readable(wired.tap->wake_fd(), 1000));
    for (int n = 0; n < 3; ++n) wired.net->transport.serve_all();
    CHECK_FALSE(test::readable(wired.tap->wake_fd(), 20));
    CHECK_FALSE(wired.tap->link_up());
    REQUIRE(wired.said.size() == 1);
    CHECK(wired.said[0] == "the interface " + wired.tap->name() +
                               " is gone (File descriptor in bad state): serve again once it is there");
    CHECK(wired.net->send(Bytes(60)));
    CHECK(wired.tap->counters().refused == 1);
    wired.net->driver.stop();
    REQUIRE(wired.net->driver.start(wired.net->transport).ok());  // the next driver finds it so, too
    for (int n = 0; n < 3; ++n) wired.net->transport.serve_all();
    CHECK_FALSE(test::readable(wired.tap->wake_fd(), 20));
    CHECK(wired.said.size() == 1);
  }
}

TEST_CASE("what can not be opened is named") {
  enter_own_network();
  CHECK_THROWS_WITH_AS(
      Tap({.name = "a-name-that-is-too-long"}),
      "'a-name-that-is-too-long' is too long for the name of a network interface (15 characters at most)",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(Tap({.queues = 0}), "a TAP interface has 1 to 256 queues, not 0",
                       std::invalid_argument);
  Tap first({.name = "hawser-a"});
  CHECK_THROWS_WITH_AS(Tap({.name = "hawser-a"}),
                       "making or opening the TAP interface 'hawser-a': Device or resource busy",
                       std::system_error);
}
