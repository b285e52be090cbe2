// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A host process as a peer: against our server, and against a server that misbehaves to order.
#include <hawser/ivshmem/client/socket_port.hpp>
#include <hawser/ivshmem/server/clock.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>

#include <atomic>

#include "fixture.hpp"

using namespace hawser;
using namespace hawser::ivshmem;
using namespace hawser::ivshmem::test;

namespace {

ServerOptions server_in(const TempDir& dir, std::uint32_t vectors = 4) {
  ServerOptions o;
  o.socket = dir / "s";
  o.size = 65536;
  o.vectors = vectors;
  return o;
}

ClientOptions client_in(const TempDir& dir) {
  ClientOptions o;
  o.socket = dir / "s";
  return o;
}

std::uint64_t ms(Instant from, Instant to) {
  return elapsed(from, to).ns / 1'000'000;
}

/// Accepts one client and plays a script to it.
class FakeServer {
 public:
  template <class Script>
  FakeServer(const std::string& path, Script script)
      : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = address_of(path);
    REQUIRE(::bind(listener_.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::listen(listener_.raw(), 4);
    thread_ = std::thread([this, script] {
      if (!readable(listener_.raw(), 3000)) return;
      client_ = UniqueFd(::accept4(listener_.raw(), nullptr, nullptr, SOCK_CLOEXEC));
      script(client_.raw());
      while (!over_) ::poll(nullptr, 0, 2);
    });
  }
  ~FakeServer() {
    over_ = true;
    thread_.join();
  }

 private:
  UniqueFd listener_, client_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

UniqueFd memory_object(std::size_t size, bool sealed = true) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  (void)!::ftruncate(fd.raw(), static_cast<off_t>(size));
  if (sealed) ::fcntl(fd.raw(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return fd;
}

UniqueFd bell() {
  return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void greet(int s, std::int64_t id, const UniqueFd& memory, int vectors = 1) {
  test::send_message(s, 0);
  test::send_message(s, id);
  test::send_message(s, -1, memory.raw());
  for (int i = 0; i < vectors; ++i) test::send_message(s, id, bell().raw());
}

template <class Script>
std::string refusal(
    Script script, void (*adjust)(ClientOptions&) = [](ClientOptions&) {}) {
  const TempDir dir;
  FakeServer server(dir / "s", script);
  ClientOptions o = client_in(dir);
  adjust(o);
  try {
    Client client(o);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

bool contains(const std::string& text, const char* part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE(text);
  return found;
}

}  // namespace

TEST_CASE("two ports share memory and ring each other") {
  const TempDir dir;
  Running server(server_in(dir));
  SocketPort a(client_in(dir)), b(client_in(dir));
  CHECK(a.own_id() == 0);
  CHECK(b.own_id() == 1);
  CHECK(a.vectors() == 4);
  CHECK(a.memory().size() == 65536);
  a.memory()[9] = std::byte{42};
  CHECK(b.memory()[9] == std::byte{42});
  CHECK(b.peers() == std::vector<std::uint16_t>{0});

  a.ring(1, 2);
  CHECK(b.wait(b.now() + seconds(2)) == Wake::kRung);
  CHECK(b.wait(b.now()) == Wake::kTimeout);
  b.ring(0, 7);  // vector 3 of 4
  CHECK(a.wait(a.now() + seconds(2)) == Wake::kRung);
  a.ring(0, 0);  // oneself
  CHECK(a.wait(a.now() + seconds(2)) == Wake::kRung);
}

TEST_CASE("whoever is in the newcomer's greeting can be rung back at once, without waiting for news") {
  const TempDir dir;
  Running server(server_in(dir));
  SocketPort a(client_in(dir));
  for (int i = 0; i < 50; ++i) {
    SocketPort b(client_in(dir));
    a.ring(b.own_id(), 0);
    CHECK(b.wait(b.now() + seconds(2)) == Wake::kRung);
  }
}

TEST_CASE("a ring before the wait is not lost, and many are one") {
  const TempDir dir;
  Running server(server_in(dir));
  SocketPort a(client_in(dir)), b(client_in(dir));
  for (int i = 0; i < 1000; ++i) a.ring(1, 0);
  CHECK(b.wait(Instant::never()) == Wake::kRung);
  CHECK(b.wait(b.now()) == Wake::kTimeout);
}

TEST_CASE("a deadline is kept, to less than a millisecond early or a few late") {
  const TempDir dir;
  Running server(server_in(dir));
  SocketPort a(client_in(dir));
  const Instant start = a.now();
  CHECK(a.wait(start + microseconds(1500)) == Wake::kTimeout);
  const Duration took = elapsed(start, a.now());
  CHECK(took >= microseconds(1500));
  CHECK(took < milliseconds(500));
  CHECK(a.wait({0}) == Wake::kTimeout);
}

TEST_CASE("cancelling ends a wait from another thread, and every later one until resumed") {
  const TempDir dir;
  Running server(server_in(dir));
  SocketPort a(client_in(dir));
  std::thread other([&] { a.cancel(); });
  CHECK(a.wait(Instant::never()) == Wake::kCancelled);
  other.join();
  CHECK(a.wait(Instant::never()) == Wake::kCancelled);
  a.resume();
  CHECK(a.wait(a.now()) == Wake::kTimeout);
}

TEST_CASE("the embedder's descriptors end a wait, by name") {
  const TempDir dir;
  Running server(server_in(dir));
  SocketPort a(client_in(dir));
  int pipes[2];
  REQUIRE(::pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
  const UniqueFd reader(pipes[0]), writer(pipes[1]);
  a.watch(reader.raw(), 77);
  CHECK(a.wait(a.now()) == Wake::kTimeout);
  CHECK(a.ready().empty());
  REQUIRE(::write(writer.raw(), "x", 1) == 1);
  CHECK(a.wait(Instant::never()) == Wake::kRung);
  REQUIRE(a.ready().size() == 1);
  CHECK(a.ready()[0] == 77);
  CHECK(a.wait(Instant::never()) == Wake::kRung);  // level-triggered
  a.watch(reader.raw(), 78);
  CHECK(a.wait(Instant::never()) == Wake::kRung);
  CHECK(a.ready()[0] == 78);
  a.unwatch(reader.raw());
  CHECK(a.wait(a.now()) == Wake::kTimeout);
  a.watch(writer.raw(), 79, SocketPort::kWritable);
  CHECK(a.wait(Instant::never()) == Wake::kRung);
  CHECK(a.ready()[0] == 79);
  const UniqueFd file(::open((dir / "file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  CHECK_THROWS_AS(a.watch(file.raw(), 1), Error);
}

TEST_CASE("peers come and go while waiting") {
  const TempDir dir;
  Running server(server_in(dir));
  SocketPort a(client_in(dir));
  {
    SocketPort b(client_in(dir));
    CHECK(eventually([&] { return a.wait(a.now() + milliseconds(50)), a.client().peer_vectors(1) == 4; }));
  }
  CHECK(eventually([&] { return a.wait(a.now() + milliseconds(50)), a.peers().empty(); }));
  a.ring(1, 0);  // to nobody
  CHECK(a.server_alive());
}

TEST_CASE("when the server dies the doorbells go on, and it is said") {
  const TempDir dir;
  auto server = std::make_unique<Running>(server_in(dir));
  SocketPort a(client_in(dir)), b(client_in(dir));
  CHECK(eventually([&] { return a.wait(a.now() + milliseconds(50)), a.peers().size() == 1; }));
  server.reset();
  CHECK(a.wait(a.now() + seconds(2)) == Wake::kRung);
  CHECK_FALSE(a.server_alive());
  CHECK(a.server_loss() == "closed the connection");
  a.ring(1, 0);
  CHECK(eventually([&] { return b.wait(b.now() + milliseconds(50)) == Wake::kRung && !b.server_alive(); }));
  a.ring(1, 0);
  CHECK(b.wait(b.now() + seconds(2)) == Wake::kRung);
}

TEST_CASE("a peer that fills its counter and makes it blocking cannot hold us up") {
  const TempDir dir;
  Running server(server_in(dir));
  SocketPort a(client_in(dir)), b(client_in(dir));
  const int fd = b.client().vector_fd(0);
  ::fcntl(fd, F_SETFL, 0);  // on the open file that both share
  const std::uint64_t full = UINT64_MAX - 1;
  REQUIRE(::write(fd, &full, 8) == 8);
  const Instant start = a.now();
  a.ring(1, 0);
  a.ring(1, 0);
  CHECK(ms(start, a.now()) < 1000);
  CHECK(b.wait(b.now() + seconds(1)) == Wake::kRung);
  CHECK(b.wait(b.now()) == Wake::kTimeout);
}

TEST_CASE("no server, or a path that cannot be one, is one sentence") {
  const TempDir dir;
  CHECK_THROWS_WITH(Client(client_in(dir)), doctest::Contains("No such file"));
  ClientOptions patient = client_in(dir);
  patient.wait_for_server = true;
  patient.patience = milliseconds(60);
  CHECK_THROWS_WITH(Client{patient}, doctest::Contains("within 60 ms"));
  patient.socket = std::string(300, 'x');
  CHECK_THROWS_AS(Client{patient}, Error);
}

TEST_CASE("a client may start before its server") {
  const TempDir dir;
  ClientOptions patient = client_in(dir);
  patient.wait_for_server = true;
  std::unique_ptr<Running> server;
  std::thread later([&] {
    ::poll(nullptr, 0, 50);
    server = std::make_unique<Running>(server_in(dir));
  });
  const Client client(patient);
  later.join();
  CHECK(client.own_id() == 0);
}

TEST_CASE("a server that is silent, or stops half-way, costs no more than the patience") {
  const auto hurried = [](ClientOptions& o) { o.patience = milliseconds(300); };
  CHECK(contains(refusal([](int) {}, hurried), "did not complete its greeting within 300 ms"));
  CHECK(contains(refusal([](int s) { test::send_message(s, 0, -1, 4); }, hurried), "did not complete"));
  CHECK(contains(refusal([](int s) { ::shutdown(s, SHUT_RDWR); }), "closed the connection"));
}

TEST_CASE("a server that never stops talking costs no more than the patience, either") {
  const TempDir dir;
  FakeServer server(dir / "s", [](int s) {
    test::send_message(s, 0);
    test::send_message(s, 1);
    wire::Bytes gone = wire::encode(9);  // of whom nobody ever heard: legal, and nothing
    std::vector<std::byte> many;
    for (int i = 0; i < 1024; ++i) many.insert(many.end(), gone.begin(), gone.end());
    for (const Instant end = monotonic_now() + seconds(3); monotonic_now() < end;) {
      if (::send(s, many.data(), many.size(), MSG_NOSIGNAL) < 0) return;
    }
  });
  ClientOptions o = client_in(dir);
  o.patience = milliseconds(200);
  const Instant start = monotonic_now();
  CHECK_THROWS_WITH(Client{o}, doctest::Contains("did not complete its greeting within 200 ms"));
  CHECK(ms(start, monotonic_now()) < 2000);
}

TEST_CASE("a server that breaks the protocol is named for it") {
  CHECK(contains(refusal([](int s) { test::send_message(s, 1); }), "another version of the protocol"));
  CHECK(contains(refusal([](int s) { test::send_message(s, -13); }),
                 "refuses this client: the server's policy does not admit this user"));
  CHECK(contains(refusal([](int s) { greet(s, 70000, bell()); }), "an id outside 0..65535 (70000)"));
  CHECK(contains(refusal([](int s) {
                   test::send_message(s, 0);
                   test::send_message(s, 1);
                   test::send_message(s, -1);
                 }),
                 "no descriptor with the memory message"));
}

TEST_CASE("memory that is not what it should be is refused") {
  CHECK(contains(refusal([](int s) { greet(s, 1, memory_object(0)); }), "has 0 bytes"));
  CHECK(contains(refusal([](int s) { greet(s, 1, memory_object(2048)); }), "has 2048 bytes"));
  CHECK(contains(refusal([](int s) { greet(s, 1, memory_object(3 << 20)); }), "a power of two"));
  CHECK(contains(refusal([](int s) { greet(s, 1, bell()); }), "is not a memory object"));
  CHECK(contains(refusal([](int s) { greet(s, 1, memory_object(4096, false)); }), "is not sealed"));
  CHECK(refusal([](int s) { greet(s, 1, memory_object(4096)); }) == "accepted");
  CHECK(refusal([](int s) { greet(s, 1, memory_object(4096, false)); },
                [](ClientOptions& o) { o.allow_unsealed = true; }) == "accepted");
}

TEST_CASE("a doorbell that is not an eventfd is refused") {
  CHECK(contains(refusal([](int s) {
                   const UniqueFd memory = memory_object(4096);
                   test::send_message(s, 0);
                   test::send_message(s, 1);
                   test::send_message(s, -1, memory.raw());
                   test::send_message(s, 1, memory.raw());
                 }),
                 "not an eventfd"));
}

TEST_CASE("the vectors of a server that does not say how many are counted until it is silent, or as told") {
  const TempDir dir;
  std::atomic<bool> greeted{false};
  const auto script = [&](int s) {
    greet(s, 3, memory_object(4096), 5);
    CHECK(eventually([&] { return greeted.load(); }));
    test::send_message(s, 3, bell().raw());
  };
  {
    FakeServer server(dir / "s", script);
    SocketPort port(client_in(dir));
    CHECK(port.vectors() == 5);
    greeted = true;
    CHECK(eventually([&] { return port.wait(port.now() + milliseconds(50)), port.vectors() == 6; }));
    port.ring(3, 5);
    CHECK(port.wait(port.now()) == Wake::kRung);
  }
  std::filesystem::remove(dir / "s");
  FakeServer server(dir / "s", [](int s) {
    greet(s, 3, memory_object(4096), 5);
    ::poll(nullptr, 0, 200);  // longer than the silence
    test::send_message(s, 3, bell().raw());
  });
  ClientOptions o = client_in(dir);
  o.vectors = 6;
  CHECK(Client(o).vectors() == 6);
}

TEST_CASE("a vector that is first heard of while ringing wakes the next wait") {
  const TempDir dir;
  const UniqueFd second = bell();
  std::atomic<bool> greeted{false};
  FakeServer server(dir / "s", [&](int s) {
    greet(s, 3, memory_object(4096), 1);
    CHECK(eventually([&] { return greeted.load(); }));
    test::send_message(s, 3, second.raw());
  });
  SocketPort port(client_in(dir));
  REQUIRE(port.vectors() == 1);
  greeted = true;
  CHECK(eventually([&] { return port.ring(9, 0), port.vectors() == 2; }));  // looks for news of peer 9
  const std::uint64_t one = 1;
  REQUIRE(::write(second.raw(), &one, sizeof one) == 8);
  CHECK(port.wait(port.now() + milliseconds(500)) == Wake::kRung);
}

TEST_CASE("a server that breaks the protocol later is cut off, with its doorbells still good") {
  const TempDir dir;
  std::atomic<bool> greeted{false};
  FakeServer server(dir / "s", [&](int s) {
    greet(s, 1, memory_object(4096), 1);
    CHECK(eventually([&] { return greeted.load(); }));
    test::send_message(s, -5);
  });
  SocketPort port(client_in(dir));
  greeted = true;
  CHECK(eventually([&] { return port.wait(port.now() + milliseconds(20)), !port.server_alive(); }));
  CHECK(contains(port.server_loss(), "neither a peer nor the memory (-5)"));
  port.ring(1, 0);
  CHECK(port.wait(port.now()) == Wake::kRung);
}

TEST_CASE("more peers than allowed cost no descriptors") {
  const TempDir dir;
  Running server(server_in(dir));
  ClientOptions narrow = client_in(dir);
  narrow.max_peers = 1;
  SocketPort a(client_in(dir)), b(client_in(dir)), c(narrow);
  CHECK(c.peers().size() == 1);
}
