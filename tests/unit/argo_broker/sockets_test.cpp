// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The broker as a server on a thread of its own, and domains that join by real sockets, windows and doorbells: the whole
// examination among them, and the life and death of clients.
#include "conformance/argo/rows.hpp"

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/process/argo_broker.hpp>
#include <hawser/process/broker_port.hpp>

#include <doctest/doctest.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

using namespace hawser;
using namespace hawser::conformance::argo;
using hawser::process::BrokerPort;

namespace {

struct TempDir {
  TempDir() {
    char name[] = "/tmp/hawser-argo-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  std::string operator/(const char* name) const { return path + "/" + name; }
  std::string path;
};

/// A broker until the end of the test, with domains 1, 2 and 3.
class Running {
 public:
  explicit Running(const TempDir& folder, std::vector<std::string> allow = {"1:2", "2:1"},
                   std::string policy = {})
      : status_path_(folder / "status"),
        broker_(std::make_unique<process::ArgoBroker>(options(folder, std::move(allow), std::move(policy)))),
        thread_([this] { broker_->run(control_); }) {}
  ~Running() { stop(); }
  void stop() {
    control_.stop();
    if (thread_.joinable()) thread_.join();
    broker_.reset();
  }
  void reload() { control_.reload(); }
  bool said(const std::string& words) {
    for (int i = 0; i < 400; ++i) {
      {
        const std::scoped_lock lock(mutex_);
        if (log_.find(words) != std::string::npos) return true;
      }
      ::poll(nullptr, 0, 5);
    }
    return false;
  }
  std::string log() {
    const std::scoped_lock lock(mutex_);
    return log_;
  }
  nlohmann::json status() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    status_path_.copy(address.sun_path, sizeof address.sun_path - 1);
    const ivshmem::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(fd.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    std::string line(65536, '\0');
    std::size_t have = 0;
    for (ssize_t n; (n = ::recv(fd.raw(), line.data() + have, line.size() - have, 0)) > 0;) {
      have += static_cast<std::size_t>(n);
    }
    return nlohmann::json::parse(line.substr(0, have));
  }

 private:
  process::ArgoBrokerOptions options(const TempDir& folder, std::vector<std::string> allow,
                                     std::string policy) {
    process::ArgoBrokerOptions options;
    options.domains = {{1, folder / "1", 1 << 20}, {2, folder / "2", 1 << 20}, {3, folder / "3", 1 << 20}};
    for (const auto& text : allow) options.argo.rules.push_back(argo::broker::parse_rule(text));
    options.argo.mac_permissive = true;
    options.policy = std::move(policy);
    options.status_socket = status_path_;
    options.say = [this](std::string_view line) {
      const std::scoped_lock lock(mutex_);
      log_.append(line).push_back('\n');
    };
    return options;
  }

  std::mutex mutex_;
  std::string log_;
  std::string status_path_;
  ivshmem::ServerControl control_;
  std::unique_ptr<process::ArgoBroker> broker_;
  std::thread thread_;
};

/// The examination's view of a process's domain.
class PortHost {
 public:
  PortHost(const std::string& socket, std::uint16_t peer)
      : port_({.socket = socket, .patience = seconds(5), .port = {}}), peer_(peer) {}

  std::span<std::byte> memory() { return port_.memory(); }
  std::uint64_t frame(const std::byte* page) { return port_.frame(page); }
  std::int64_t raw(std::uint32_t command, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                   std::uint64_t d) {
    return port_.raw(command, a, b, c, d);
  }
  bool take_signal() { return port_.take_signal(); }
  Wake wait(Instant until) { return port_.wait(until); }
  Instant now() { return port_.now(); }
  std::uint16_t own() { return port_.domain(); }
  std::uint16_t peer() { return peer_; }
  Facts facts() {
    Facts facts;
    facts.mac_permissive = true;
    facts.unmapped = reinterpret_cast<std::uintptr_t>(port_.memory().data()) - 4096 + 64;
    facts.foreign = reinterpret_cast<std::uintptr_t>(&facts);
    facts.device_frame = 0;
    return facts;
  }
  void report(const char* id, const Verdict& verdict) {
    INFO(std::string(id), " line ", verdict.line, ": got ", verdict.got, ", wanted ", verdict.wanted, ": ",
         std::string(verdict.why));
    CHECK(verdict.outcome == Outcome::kOk);
    ++rows;
  }

  unsigned rows = 0;

 private:
  BrokerPort port_;
  std::uint16_t peer_;
};

static_assert(Host<PortHost>);

}  // namespace

TEST_CASE("all rows of the examination hold between two processes' ports and a broker") {
  const TempDir folder;
  Running broker(folder);
  std::thread assistant([&] {
    PortHost host(folder / "2", 1);
    Assistant<PortHost>(host).run(seconds(20));
  });
  PortHost host(folder / "1", 2);
  CHECK(examine(host, seconds(10)) == 0);
  CHECK(host.rows == 44);
  assistant.join();
}

TEST_CASE("a domain that dies and comes again is a new one: nothing registered, nothing in its memory") {
  const TempDir folder;
  Running broker(folder);
  PortHost two(folder / "2", 1);
  Desk<PortHost> two_desk(two);
  for (int round = 0; round < 50; ++round) {
    PortHost one(folder / "1", 2);
    Desk<PortHost> desk(one);
    REQUIRE(desk.get<std::uint64_t>(desk.ring(0)) == 0);
    REQUIRE(desk.open(0, 5, 2) == 0);
    std::memset(desk.ring(0) + 64, 0xff, 64);
    REQUIRE(two_desk.open(0, 5, 1) == 0);
    REQUIRE(two_desk.send({.to = 1, .port = 5, .length = 9}) == 9);
    REQUIRE(one.take_signal());
  }
  // The last one is gone, too.
  for (int i = 0; i < 400 && two_desk.send({.to = 1, .port = 5, .length = 9}) != -kESRCH; ++i)
    ::poll(nullptr, 0, 5);
  CHECK(two_desk.send({.to = 1, .port = 5, .length = 9}) == -kESRCH);
  CHECK(two_desk.close(5, 1) == -kENOENT);
}

TEST_CASE("who comes while a domain is there is refused in one sentence, and the domain goes on") {
  const TempDir folder;
  Running broker(folder);
  PortHost one(folder / "1", 1);
  CHECK_THROWS_WITH_AS(BrokerPort({.socket = folder / "1", .patience = seconds(5), .port = {}}),
                       ("the Argo broker on " + (folder / "1") +
                        " refuses this client: another process or guest is this domain already: stop that "
                        "one, or join as another domain")
                           .c_str(),
                       ivshmem::Error);
  Desk<PortHost> desk(one);
  CHECK(desk.notify() == 0);
  CHECK(broker.said("domain-1: refused pid"));
}

TEST_CASE("a third domain can speak to nobody, and is told about once") {
  const TempDir folder;
  Running broker(folder);
  PortHost two(folder / "2", 1), three(folder / "3", 2);
  Desk<PortHost> desk(three), two_desk(two);
  CHECK(desk.send({.to = 2, .port = 5, .length = 1}) == -kEPERM);
  CHECK(desk.send({.to = 2, .port = 5, .length = 1}) == -kEPERM);
  CHECK(desk.send({.to = 1, .port = 5, .length = 1}) == -kESRCH);  // nobody is there
  CHECK(desk.open(0, 5, 2) == -kEPERM);
  CHECK(two_desk.open(0, 5, 3) == -kEPERM);
  CHECK(desk.open(0, 5, 3) == 0);
  const std::string log = broker.log();
  const std::string line = "refused: a message of domain 3 to domain 2 on port 0x5";
  CHECK(log.find(line) != std::string::npos);
  CHECK(log.find(line) == log.rfind(line));
}

TEST_CASE("rules come from a file, and change when it is read again; a mistake changes nothing") {
  const TempDir folder;
  const std::string file = folder / "policy.toml";
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  write("[[allow]]\nfrom = 1\nto = 3\nports = \"5-6\"\n");
  Running broker(folder, {}, file);
  PortHost one(folder / "1", 3), three(folder / "3", 1);
  Desk<PortHost> desk(one), other(three);
  CHECK(other.open(0, 5, 1) == 0);
  CHECK(desk.send({.to = 3, .port = 5, .length = 1}) == 1);
  CHECK(desk.send({.to = 3, .port = 7, .length = 1}) == -kEPERM);
  write("[[allow]]\nfrom = 1\nto = 3\nport = 7\n");
  broker.reload();
  CHECK(
      broker.said("policy.toml:4: unknown key \"port\" in an allow: expected one of from, to, ports, "
                  "bytes-per-second, messages-per-second; the old rules stay"));
  CHECK(desk.send({.to = 3, .port = 5, .length = 1}) == 1);
  write("[[allow]]\nfrom = 1\nto = 3\nports = 7\nmessages-per-second = 1000\n");
  broker.reload();
  CHECK(broker.said("allowed: 1:3:0x7,messages=1000"));
  CHECK(desk.send({.to = 3, .port = 5, .length = 1}) == -kEPERM);
  CHECK(other.open(1, 7, 1) == 0);
  CHECK(desk.send({.to = 3, .port = 7, .length = 1}) == 1);
}

TEST_CASE("a budget holds between processes, and its sender is woken in time") {
  const TempDir folder;
  Running broker(folder, {"1:2,messages=200"});
  PortHost one(folder / "1", 2), two(folder / "2", 1);
  Desk<PortHost> desk(one), other(two);
  REQUIRE(other.open(0, 5, 1) == 0);
  int sent = 0;
  // A busy machine may keep these processes from running: no budget is saved up for whoever is not there to use it.
  for (unsigned tries = 0; tries < 3 && sent < 150; ++tries) {
    sent = 0;
    for (const Instant end = one.now() + seconds(1); one.now() < end;) {
      (void)one.take_signal();
      if (desk.send({.to = 2, .port = 5, .length = 1}) == 1) {
        ++sent;
        other.set_rx(0, other.tx(0));
      } else {
        REQUIRE(desk.signalled());
      }
    }
    CHECK(sent <= 230);
  }
  CHECK(sent >= 150);
}

TEST_CASE("the status line says who is there and what they did") {
  const TempDir folder;
  Running broker(folder);
  {
    PortHost one(folder / "1", 1);
    Desk<PortHost> desk(one);
    REQUIRE(desk.open(0, 5, 1) == 0);
    REQUIRE(desk.send({.to = 1, .port = 5, .length = 100}) == 100);
    const auto status = broker.status();
    CHECK(status["rules"] == nlohmann::json{"1:2", "2:1"});
    CHECK(status["domains"].size() == 3);
    const auto& domain = status["domains"][0];
    CHECK(domain["id"] == 1);
    CHECK(domain["pid"] == ::getpid());
    CHECK(domain["rings"] == 1);
    CHECK(domain["messages"] == 1);
    CHECK(domain["bytes"] == 100);
    CHECK(status["domains"][1]["pid"].is_null());
  }
  for (int i = 0; i < 400 && !broker.status()["domains"][0]["pid"].is_null(); ++i) ::poll(nullptr, 0, 5);
  CHECK(broker.status()["domains"][0]["rings"] == 0);
}

TEST_CASE("when the broker goes, a domain's calls end with an error that says so, soon") {
  const TempDir folder;
  Running broker(folder);
  PortHost one(folder / "1", 1);
  Desk<PortHost> desk(one);
  CHECK(desk.notify() == 0);
  broker.stop();
  const Instant start = one.now();
  const auto gone = desk.notify();
  CHECK(elapsed(start, one.now()) < seconds(1));
  CHECK(argo::error_of(static_cast<std::int32_t>(gone)) == argo::Error::kBrokerGone);
  CHECK(desk.notify() == gone);
  CHECK_THROWS_AS(BrokerPort({.socket = folder / "1", .patience = milliseconds(50), .port = {}}),
                  ivshmem::Error);
}

TEST_CASE("clients that come and go at any point of joining leave the others alone") {
  const TempDir folder;
  Running broker(folder);
  PortHost two(folder / "2", 2);
  Desk<PortHost> desk(two);
  REQUIRE(desk.open(0, 5, 2) == 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "1").copy(address.sun_path, sizeof address.sun_path - 1);
  for (int i = 0; i < 2000; ++i) {
    const ivshmem::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(fd.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    le64 message;
    for (int reads = i % 9; reads > 0; --reads) {
      if (::recv(fd.raw(), &message, sizeof message, i % 2 == 0 ? MSG_DONTWAIT : 0) <= 0) break;
      if (static_cast<std::int64_t>(message) < -1)
        break;  // refused, and nothing follows: its predecessor is there
      if (i % 2 == 1 && reads > 4) break;
    }
    if (i % 5 == 0) (void)::send(fd.raw(), "x", 1, MSG_NOSIGNAL);
    if (i % 100 == 0) {
      desk.set_rx(0, desk.tx(0));
      REQUIRE(desk.send({.to = 2, .port = 5, .length = 1}) == 1);
    }
  }
  PortHost one(folder / "1", 1);
  CHECK(Desk<PortHost>(one).notify() == 0);
}

TEST_CASE("a broker that cannot begin says why in one sentence, and leaves nothing behind") {
  const TempDir folder;
  const auto with = [&](std::vector<process::BrokerDomain> domains) {
    process::ArgoBrokerOptions options;
    options.domains = std::move(domains);
    process::ArgoBroker broker(std::move(options));
  };
  CHECK_THROWS_WITH_AS(with({}), "a broker without a domain serves nobody: add --domain",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(with({{1, folder / "1"}, {1, folder / "2"}}), "domain 1 is named twice",
                       std::invalid_argument);
  CHECK_THROWS_AS(with({{1, folder / "1"}, {2, folder / "1"}}), std::invalid_argument);
  CHECK_THROWS_AS(with({{1, folder / "1"}, {2, "/nowhere/2"}}), ivshmem::Error);
  CHECK(std::filesystem::is_empty(folder.path));
  const auto parse = [](const char* text) { return process::parse_broker_domain(text); };
  CHECK(parse("7:/run/a,b,size=1M").socket == "/run/a,b");
  CHECK(parse("7:/run/a").size == 16 << 20);
  CHECK(parse("7:/run/a,size=8K").size == 8192);
  for (const char* wrong : {"", "7", "7:", ":/run/a", "x:/run/a", "32752:/run/a", "7:/run/a,size=4K",
                            "7:/run/a,size=5M", "7:,size=1M"}) {
    CHECK_THROWS_AS(parse(wrong), std::invalid_argument);
  }
  CHECK(process::parse_broker_policy("", "p").empty());
  for (const char* wrong :
       {"x = 1", "allow = 1", "[[allow]]\nfrom = 1", "[[allow]]\nfrom = 1\nto = 2\nports = 1.5",
        "[[allow]]\nfrom = 1\nto = 2\nports = \"1:2\"", "[[allow]]\nfrom = -1\nto = 2", "[["}) {
    CHECK_THROWS_AS(process::parse_broker_policy(wrong, "p"), ivshmem::Error);
  }
}
