// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The server seen from its sockets. What takes other processes (signals, uids, limits, QEMU) is in tests/system.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "fixture.hpp"

using namespace hawser::ivshmem;
using namespace hawser::ivshmem::test;
using hawser::milliseconds;

namespace {

ServerOptions options_in(const TempDir& dir, std::uint32_t vectors = 2) {
  ServerOptions o;
  o.socket = dir / "s";
  o.size = 65536;
  o.vectors = vectors;
  return o;
}

/// Connects and reads a greeting in the presence of `others` peers.
struct Guest {
  Guest(const std::string& path, std::size_t others, std::size_t vectors = 2)
      : socket(connect_to(path)), greeting(read_messages(socket.raw(), 3 + (others + 1) * vectors)) {}
  std::int64_t id() const { return greeting.size() > 1 ? greeting[1].value : -99; }
  UniqueFd socket;
  std::vector<Message> greeting;
};

/// Server and clients share one process here, and one limit.
bool too_few_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= 8192) return false;
  MESSAGE("skipped: needs 8192 open files, and the hard limit is ", limit.rlim_max);
  return true;
}

std::string complaint(ServerOptions options) {
  try {
    Server server(std::move(options));
  } catch (const Error& e) {
    return e.what();
  }
  return "started";
}

}  // namespace

TEST_CASE("the greeting is version, id, memory, others, own vectors; the others hear of the newcomer") {
  const TempDir dir;
  Running server(options_in(dir));
  const Guest a(dir / "s", 0);
  CHECK(text(a.greeting) == "0 0 -1+ 0+ 0+");
  const Guest b(dir / "s", 1);
  CHECK(text(b.greeting) == "0 1 -1+ 0+ 0+ 1+ 1+");
  CHECK(text(read_messages(a.socket.raw(), 2)) == "1+ 1+");
  const Guest c(dir / "s", 2);
  CHECK(text(c.greeting) == "0 2 -1+ 0+ 0+ 1+ 1+ 2+ 2+");
  CHECK(text(read_messages(a.socket.raw(), 2)) == "2+ 2+");
}

TEST_CASE("a doorbell of a peer rings that peer's vector and no other") {
  const TempDir dir;
  Running server(options_in(dir));
  const Guest a(dir / "s", 0);
  const Guest b(dir / "s", 1);
  const std::uint64_t one = 1;
  CHECK(::write(b.greeting[4].fd.raw(), &one, 8) == 8);  // peer 0, vector 1
  CHECK(readable(a.greeting[4].fd.raw(), 1000));
  CHECK_FALSE(readable(a.greeting[3].fd.raw(), 0));
  CHECK_FALSE(readable(b.greeting[6].fd.raw(), 0));
}

TEST_CASE("everybody shares one memory of the asked size, which nobody can shrink, grow or unseal") {
  const TempDir dir;
  Running server(options_in(dir));
  const Guest a(dir / "s", 0);
  const Guest b(dir / "s", 1);
  const int fd = a.greeting[2].fd.raw();
  struct stat st {};
  REQUIRE(::fstat(fd, &st) == 0);
  CHECK(st.st_size == 65536);
  CHECK(::ftruncate(fd, 4096) != 0);
  CHECK(::ftruncate(fd, 1 << 20) != 0);
  CHECK(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != 0);
  char byte = 'x';
  CHECK(::pwrite(fd, &byte, 1, 77) == 1);
  byte = 0;
  CHECK(::pread(b.greeting[2].fd.raw(), &byte, 1, 77) == 1);
  CHECK(byte == 'x');
}

TEST_CASE("a memory of 8 GiB is one, not the remainder of a 32-bit number") {
  const TempDir dir;
  ServerOptions o = options_in(dir);
  o.size = 8ull << 30;
  Running server(std::move(o));
  const Guest a(dir / "s", 0);
  struct stat st {};
  REQUIRE(::fstat(a.greeting[2].fd.raw(), &st) == 0);
  CHECK(st.st_size == 8ll << 30);
}

TEST_CASE("a peer that leaves is gone exactly once, and its id does not come back") {
  const TempDir dir;
  Running server(options_in(dir));
  const Guest a(dir / "s", 0);
  {
    const Guest b(dir / "s", 1);
    CHECK(text(read_messages(a.socket.raw(), 2)) == "1+ 1+");
  }
  CHECK(text(read_messages(a.socket.raw(), 1)) == "1");
  for (int i = 2; i < 20; ++i) {
    CHECK(Guest(dir / "s", 1).id() == i);
    const std::string id = std::to_string(i);
    CHECK(text(read_messages(a.socket.raw(), 3)) == id + "+ " + id + "+ " + id);
  }
  CHECK_FALSE(readable(a.socket.raw(), 50));
}

TEST_CASE("who connects and closes costs no id, and the others never hear of it") {
  const TempDir dir;
  Running server(options_in(dir));
  const Guest a(dir / "s", 0);
  for (int i = 0; i < 10'000; ++i) connect_to(dir / "s").reset();
  for (int i = 0; i < 200; ++i) CHECK(readable(connect_to(dir / "s").raw(), 1000));  // sent to, but not read
  CHECK_FALSE(readable(a.socket.raw(), 100));
  const Guest b(dir / "s", 1);
  CHECK(b.id() == 1);
  server.stop();
  const auto status = nlohmann::json::parse(server.status());
  CHECK(status["links"][0]["ids_left"] == 65534);
}

TEST_CASE("over 100 peers with 8 vectors all get every vector of every other, in order") {
  if (too_few_files()) return;
  const TempDir dir;
  ServerOptions o = options_in(dir, 8);
  o.max_peers = 120;
  Running server(std::move(o));
  std::vector<UniqueFd> sockets;
  std::size_t wrong = 0;
  // All connect before anybody reads; then each reads all there is for it, in turns.
  for (int i = 0; i < 110; ++i) sockets.push_back(connect_to(dir / "s"));
  std::vector<std::vector<std::int64_t>> heard(sockets.size());
  const std::size_t total = 3 + 110 * 8;
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      for (int n = 0; n < 50 && heard[i].size() < total; ++n) {
        if (!readable(sockets[i].raw(), 0)) break;
        const auto m = read_message(sockets[i].raw());
        if (!m) break;
        heard[i].push_back(m->value);
      }
      more = more || heard[i].size() < total;
    }
    if (server.said("gone")) break;
  }
  for (const auto& list : heard) {
    std::vector<int> count(110);
    if (list.size() != total || list[0] != 0 || list[2] != -1) ++wrong;
    for (std::size_t n = 3; n < list.size(); ++n) ++count[static_cast<std::size_t>(list[n])];
    for (const int c : count) wrong += c != 8;
  }
  CHECK(wrong == 0);
}

TEST_CASE("a slow reader misses nothing once it reads") {
  if (too_few_files()) return;
  const TempDir dir;
  Running server(options_in(dir, 16));
  const Guest slow(dir / "s", 0, 16);
  std::vector<UniqueFd> others;  // 640 messages: more than twice what its socket holds
  for (std::size_t i = 0; i < 40; ++i) others.push_back(std::move(Guest(dir / "s", i + 1, 16).socket));
  const auto heard = read_messages(slow.socket.raw(), 40 * 16);
  REQUIRE(heard.size() == 40 * 16);
  bool right = true;
  for (std::size_t i = 0; i < heard.size(); ++i) {
    right = right && heard[i].fd && heard[i].value == static_cast<std::int64_t>(1 + i / 16);
  }
  CHECK(right);
}

TEST_CASE("peers that come and go in front of a reader that sleeps are told to it at most once, in pairs") {
  const TempDir dir;
  Running server(options_in(dir, 64));
  const Guest sleeper(dir / "s", 0, 64);
  for (int i = 0; i < 300; ++i) const Guest passer(dir / "s", 1, 64);
  CHECK_FALSE(server.said("reads too slowly"));
  CHECK(eventually([&] { return server.said("peer 300 (") || server.said("left out"); }));
  std::map<std::int64_t, int> vectors, gone;
  while (const auto m = read_message(sleeper.socket.raw(), 200)) ++(m->fd ? vectors : gone)[m->value];
  CHECK(vectors.size() == gone.size());
  CHECK(vectors.size() < 300);
  for (const auto& [id, n] : vectors) {
    CHECK(n == 64);
    CHECK(gone[id] == 1);
  }
}

TEST_CASE("a client that never reads is dropped after the stated time, and nobody else notices") {
  if (too_few_files()) return;
  const TempDir dir;
  ServerOptions o = options_in(dir, 64);
  o.knock_limit = milliseconds(1000);
  o.stall_limit = milliseconds(1000);
  Running server(std::move(o));
  SUBCASE("not even its first message") {
    const UniqueFd mute = connect_to(dir / "s");
    CHECK(eventually([&] { return readable(mute.raw(), 0); }));
    ::poll(nullptr, 0, 1500);
    CHECK(text(read_messages(mute.raw(), 2)) == "0 -110");
    CHECK(Guest(dir / "s", 0, 64).id() == 0);
  }
  SUBCASE("nothing after its greeting") {
    const Guest mute(dir / "s", 0, 64);
    const Guest witness(dir / "s", 1, 64);
    std::vector<UniqueFd> others;
    for (std::size_t i = 0; i < 8; ++i) {
      others.push_back(std::move(Guest(dir / "s", i + 2, 64).socket));
      read_messages(witness.socket.raw(), 64);
    }
    CHECK(eventually([&] {
      return server.said("peer 0 (pid " + std::to_string(::getpid()) + ") is gone: its socket has been full");
    }));
    // The first of the others hears too much as well, and is gone in its turn.
    CHECK(eventually([&] {
      const auto m = read_message(witness.socket.raw());
      return m && m->value == 0 && !m->fd;
    }));
  }
}

TEST_CASE("one byte from a client ends that client only") {
  const TempDir dir;
  Running server(options_in(dir));
  const Guest a(dir / "s", 0);
  const Guest b(dir / "s", 1);
  CHECK(::send(b.socket.raw(), "x", 1, 0) == 1);
  CHECK(closed(b.socket.raw()));
  CHECK(text(read_messages(a.socket.raw(), 3)) == "1+ 1+ 1");
  const UniqueFd early = connect_to(dir / "s");
  CHECK(::send(early.raw(), "hello", 5, MSG_NOSIGNAL) == 5);
  CHECK(eventually([&] { return !read_message(early.raw(), 10) && closed(early.raw()); }));
  CHECK(Guest(dir / "s", 1).id() == 2);
}

TEST_CASE("descriptors that a client sends never enter the server") {
  const TempDir dir;
  Running server(options_in(dir));
  const Guest a(dir / "s", 0);
  {
    const Guest b(dir / "s", 1);
    int pipes[2];
    REQUIRE(::pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
    const UniqueFd reader(pipes[0]);
    test::send_message(b.socket.raw(), 1, pipes[1]);
    ::close(pipes[1]);
    CHECK(closed(b.socket.raw()));
    // Were the writing end open anywhere, this would not be an end of file.
    CHECK(eventually([&] {
      char byte;
      return ::read(reader.raw(), &byte, 1) == 0;
    }));
  }
  CHECK(text(read_messages(a.socket.raw(), 3)) == "1+ 1+ 1");
}

TEST_CASE("shutting down one direction is leaving") {
  const TempDir dir;
  Running server(options_in(dir));
  const Guest a(dir / "s", 0);
  const Guest b(dir / "s", 1);
  ::shutdown(b.socket.raw(), SHUT_WR);
  CHECK(text(read_messages(a.socket.raw(), 3)) == "1+ 1+ 1");
}

TEST_CASE("a full link refuses in a way that QEMU reports, and has room again when somebody leaves") {
  const TempDir dir;
  ServerOptions o = options_in(dir);
  o.max_peers = 2;
  Running server(std::move(o));
  const Guest a(dir / "s", 0);
  {
    const Guest b(dir / "s", 1);
    const UniqueFd c = connect_to(dir / "s");
    CHECK(text(read_messages(c.raw(), 1)) == "-28");
    CHECK_FALSE(readable(c.raw(), 50));  // open: hot-plugging QEMU freezes its guest on a closed one
  }
  read_messages(a.socket.raw(), 3);
  CHECK(Guest(dir / "s", 1).id() == 2);
}

TEST_CASE("refused connections are kept open only so far") {
  const TempDir dir;
  ServerOptions o = options_in(dir);
  o.max_peers = 1;
  Running server(std::move(o));
  const Guest a(dir / "s", 0);
  const std::size_t before = open_descriptors();
  {
    std::vector<UniqueFd> refused;
    for (int i = 0; i < 100; ++i) refused.push_back(connect_to(dir / "s"));
    for (const UniqueFd& r : refused) CHECK(text(read_messages(r.raw(), 1)) == "-28");
    CHECK(closed(refused.front().raw()));
    CHECK_FALSE(readable(refused.back().raw(), 0));
  }
  CHECK(eventually([&] { return open_descriptors() == before; }));
}

TEST_CASE("no descriptor is left behind by all of this") {
  const TempDir dir;
  Running server(options_in(dir));
  const Guest a(dir / "s", 0);
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 50; ++i) {
    const Guest b(dir / "s", 1);
    read_messages(a.socket.raw(), 2);
  }
  while (read_message(a.socket.raw(), 100)) {
  }
  CHECK(eventually([&] { return open_descriptors() == before; }));
}

TEST_CASE("the socket is the owner's alone from its first moment, and goes with the server") {
  const TempDir dir;
  const mode_t old = ::umask(0);
  {
    Running server(options_in(dir));
    struct stat st {};
    REQUIRE(::stat((dir / "s").c_str(), &st) == 0);
    CHECK((st.st_mode & 07777) == 0600);
  }
  ::umask(old);
  CHECK_FALSE(std::filesystem::exists(dir / "s"));
}

TEST_CASE("a stale socket is replaced; a living server, a file or no directory is an error sentence") {
  const TempDir dir;
  {
    const sockaddr_un address = address_of(dir / "s");
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(dead.raw(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  CHECK(std::filesystem::exists(dir / "s"));
  Running server(options_in(dir));
  CHECK(Guest(dir / "s", 0).id() == 0);
  CHECK(complaint(options_in(dir)) == "another server already listens on " + (dir / "s"));
  CHECK(std::filesystem::exists(dir / "s"));

  ServerOptions file = options_in(dir);
  file.socket = dir / "file";
  std::ofstream(file.socket) << "precious";
  CHECK(complaint(std::move(file)).find("exists and is not a socket") != std::string::npos);
  CHECK(std::filesystem::file_size(dir / "file") == 8);

  ServerOptions lost = options_in(dir);
  lost.socket = dir / "none/s";
  CHECK(complaint(std::move(lost)).find("the directory " + (dir / "none") + " for the socket") == 0);

  ServerOptions endless = options_in(dir);
  endless.socket = dir / std::string(200, 'x').c_str();
  CHECK(complaint(std::move(endless)).find("is too long: Linux allows 107 bytes") != std::string::npos);
}

TEST_CASE("a server does not remove a socket that another has put in its place") {
  const TempDir dir;
  auto first = std::make_unique<Running>(options_in(dir));
  std::filesystem::remove(dir / "s");
  Running second(options_in(dir));
  first.reset();
  CHECK(Guest(dir / "s", 0).id() == 0);
}

TEST_CASE("nonsense options are one sentence") {
  const TempDir dir;
  ServerOptions o = options_in(dir);
  o.size = 3 << 20;
  CHECK(complaint(std::move(o)).find("not a power of two") != std::string::npos);
  o = options_in(dir);
  o.vectors = 2049;
  CHECK(complaint(std::move(o)) == "2049 vectors are not possible: MSI-X has 1 to 2048");
  o = options_in(dir);
  o.max_peers = 0;
  CHECK(complaint(std::move(o)).find("0 peers") == 0);
  o = options_in(dir);
  o.socket.clear();
  CHECK(complaint(std::move(o)).find("no socket given") == 0);
  o = options_in(dir);
  o.status_socket = o.socket;
  CHECK(complaint(std::move(o)).find("cannot be both") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "s"));
}

TEST_CASE("2048 vectors work") {
  if (too_few_files()) return;
  const TempDir dir;
  ServerOptions o = options_in(dir, 2048);
  Running server(std::move(o));
  const Guest a(dir / "s", 0, 2048);
  CHECK(a.greeting.size() == 2051);
}

TEST_CASE("the status socket gives one line of JSON and closes") {
  const TempDir dir;
  ServerOptions o = options_in(dir);
  o.status_socket = dir / "status";
  Running server(std::move(o));
  const Guest a(dir / "s", 0);
  const UniqueFd s = connect_to(dir / "status");
  std::string line;
  char buffer[4096];
  for (ssize_t n; readable(s.raw(), 2000) && (n = ::recv(s.raw(), buffer, sizeof buffer, 0)) > 0;) {
    line.append(buffer, static_cast<std::size_t>(n));
  }
  CHECK(line.back() == '\n');
  const auto status = nlohmann::json::parse(line);
  const auto& link = status["links"][0];
  CHECK(link["name"] == "default");
  CHECK(link["size"] == 65536);
  CHECK(link["ioeventfds"] == 2);
  CHECK(link["peers"][0]["id"] == 0);
  CHECK(link["peers"][0]["pid"] == ::getpid());
  CHECK(link["peers"][0]["uid"] == ::geteuid());
}

TEST_CASE("a link whose peers could take 1000 ioeventfds in a guest is said to be dangerous") {
  const TempDir dir;
  ServerOptions o = options_in(dir, 16);
  o.max_peers = 64;
  Running server(std::move(o));
  CHECK(server.said("64 peers x 16 vectors = 1024 ioeventfds"));
}

TEST_CASE("links of one server share nothing: each has its memory, its ids and its socket") {
  const TempDir dir;
  std::ofstream(dir / "p") << "[[link]]\nname = \"a\"\nsocket = \"" << (dir / "a") << "\"\nusers = ["
                           << ::geteuid()
                           << "]\n[[link]]\nname = \"b\"\nsize = \"4K\"\nvectors = 1\nsocket = \""
                           << (dir / "b") << "\"\nusers = [" << ::geteuid() << "]\n";
  ServerOptions o;
  o.size = 65536;
  o.vectors = 2;
  o.policy = dir / "p";
  Running server(std::move(o));
  const Guest a(dir / "a", 0);
  const Guest b(dir / "b", 0, 1);
  CHECK(text(a.greeting) == "0 0 -1+ 0+ 0+");
  CHECK(text(b.greeting) == "0 0 -1+ 0+");
  struct stat sa {
  }, sb{};
  ::fstat(a.greeting[2].fd.raw(), &sa);
  ::fstat(b.greeting[2].fd.raw(), &sb);
  CHECK(sa.st_ino != sb.st_ino);
  CHECK(sb.st_size == 4096);
  CHECK_FALSE(readable(a.socket.raw(), 50));
}

TEST_CASE("a changed policy expels who is no longer in it; a bad one changes nothing") {
  const TempDir dir;
  const std::string me = std::to_string(::geteuid());
  const auto write = [&](const std::string& links) { std::ofstream(dir / "p") << links; };
  const auto link = [&](const char* name, const std::string& uid, const char* more = "") {
    return std::string("[[link]]\nname = \"") + name + "\"\nsocket = \"" + (dir / name) + "\"\nusers = [" +
           uid + "]\n" + more;
  };
  write(link("a", me) + link("b", me));
  ServerOptions o;
  o.size = 65536;
  o.vectors = 2;
  o.policy = dir / "p";
  Running server(std::move(o));
  const Guest a(dir / "a", 0);
  const Guest b(dir / "b", 0);

  write("[[link]]\nname = 3\n");
  server.reload();
  CHECK(eventually([&] { return server.said("p:2: \"name\" must be a string; the old policy stays"); }));
  write(link("a", me, "size = \"1M\"\n"));
  server.reload();
  CHECK(
      eventually([&] { return server.said("the size of link \"a\" cannot change while the server runs"); }));
  const Guest second(dir / "a", 1);
  CHECK(second.id() == 1);

  write(link("a", "4242") + link("c", me));
  server.reload();
  CHECK(closed(b.socket.raw()));
  read_messages(a.socket.raw(), 2);
  CHECK(eventually([&] { return server.said("2 links"); }));
  CHECK(
      server.said("peer 0 (pid " + std::to_string(::getpid()) + ") is gone: the policy no longer admits it"));
  CHECK_FALSE(std::filesystem::exists(dir / "b"));
  CHECK(Guest(dir / "c", 0).id() == 0);
  const UniqueFd stranger = connect_to(dir / "a");
  CHECK(text(read_messages(stranger.raw(), 1)) == "-13");
  CHECK(eventually(
      [&] { return server.said("is a member of no link on this socket (said once for each user)"); }));
}

TEST_CASE("a socket keeps its rights while the server runs, whatever its links are called") {
  const TempDir dir;
  const std::string me = std::to_string(::geteuid()), group = std::to_string(::getegid());
  const auto write = [&](const char* name, const std::string& more) {
    std::ofstream(dir / "p") << "[[link]]\nname = \"" << name << "\"\nsocket = \"" << (dir / "s")
                             << "\"\nusers = [" << me << "]\n"
                             << more;
  };
  const auto mode = [&] {
    struct stat st {};
    ::stat((dir / "s").c_str(), &st);
    return st.st_mode & 07777;
  };
  write("a", "socket-group = " + group + "\n");
  ServerOptions o;
  o.size = 65536;
  o.vectors = 2;
  o.policy = dir / "p";
  Running server(std::move(o));
  const Guest a(dir / "s", 0);

  write("b", "");
  server.reload();
  CHECK(eventually([&] {
    return server.said("p:1: the socket-group of " + (dir / "s") +
                       " cannot change while the server runs; the old policy stays");
  }));
  CHECK(mode() == 0660);
  CHECK(Guest(dir / "s", 1).id() == 1);

  write("b", "socket-group = " + group + "\n");
  server.reload();
  CHECK(eventually([&] { return server.said("read " + (dir / "p") + " again: 1 links"); }));
  CHECK(mode() == 0660);
  CHECK(Guest(dir / "s", 0).id() == 0);
}
