// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "server/send_queue.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <string>

using namespace hawser::ivshmem;

namespace {

std::shared_ptr<const FdSet> some_fds(int n) {
  auto set = std::make_shared<FdSet>();
  for (int i = 0; i < n; ++i) set->emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return set;
}

/// A socket of bytes that takes `room` of them, at most `at_once` in one call.
struct Script {
  std::size_t room = SIZE_MAX;
  std::size_t at_once = 8;
  long error = -EAGAIN;
  std::string bytes;
  int fds = 0;
  long operator()(std::span<const std::byte> part, int fd) {
    const std::size_t n = std::min({part.size(), room, at_once});
    if (n == 0) return error;
    for (std::size_t i = 0; i < n; ++i) bytes.push_back(static_cast<char>(part[i]));
    room -= n;
    if (fd >= 0) ++fds;
    return static_cast<long>(n);
  }
};

bool moved = false;

}  // namespace

TEST_CASE("messages leave in order, one for each descriptor") {
  SendQueue queue;
  queue.push(0);
  queue.push(7, some_fds(3));
  CHECK(queue.messages() == 4);
  Script out;
  CHECK(queue.flush(out, moved) == SendQueue::Flush::kDrained);
  CHECK(out.bytes.size() == 32);
  CHECK(out.bytes[8] == 7);
  CHECK(out.fds == 3);
}

TEST_CASE("a message cut in two by the socket goes on where it stopped, with its descriptor sent once") {
  SendQueue queue;
  queue.push(0x0102030405060708, some_fds(1));
  Script out;
  out.at_once = 3;
  CHECK(queue.flush(out, moved) == SendQueue::Flush::kDrained);
  CHECK(out.bytes == std::string("\x08\x07\x06\x05\x04\x03\x02\x01", 8));
  CHECK(out.fds == 1);
}

TEST_CASE("a full socket keeps the rest, and nothing is lost or doubled when it drains") {
  SendQueue queue;
  queue.push(1, some_fds(4));
  queue.push(2);
  Script out;
  out.room = 20;
  moved = false;
  CHECK(queue.flush(out, moved) == SendQueue::Flush::kBlocked);
  CHECK(moved);
  CHECK(queue.messages() == 3);
  moved = false;
  CHECK(queue.flush(out, moved) == SendQueue::Flush::kBlocked);
  CHECK_FALSE(moved);
  out.room = SIZE_MAX;
  CHECK(queue.flush(out, moved) == SendQueue::Flush::kDrained);
  CHECK(out.bytes.size() == 40);
  CHECK(out.fds == 4);
}

TEST_CASE("too many descriptors in flight is a reason to wait, a broken pipe is not") {
  SendQueue queue;
  queue.push(1);
  Script out;
  out.room = 0;
  for (const long error : {-ETOOMANYREFS, -ENOBUFS, -ENOMEM}) {
    out.error = error;
    CHECK(queue.flush(out, moved) == SendQueue::Flush::kCongested);
  }
  out.error = -EPIPE;
  CHECK(queue.flush(out, moved) == SendQueue::Flush::kDead);
}

TEST_CASE("an announcement that nobody began to hear can be taken back, one that was begun cannot") {
  SendQueue queue;
  queue.push(1, some_fds(2));
  queue.push(2, some_fds(2));
  Script out;
  out.room = 3;  // the first bytes of peer 1
  CHECK(queue.flush(out, moved) == SendQueue::Flush::kBlocked);
  CHECK_FALSE(queue.withdraw(1));
  CHECK(queue.withdraw(2));
  CHECK_FALSE(queue.withdraw(2));
  queue.push(3);
  CHECK_FALSE(queue.withdraw(3));  // a "gone" is no announcement
  out.room = 5 + 2;                // into the second vector of peer 1
  CHECK(queue.flush(out, moved) == SendQueue::Flush::kBlocked);
  CHECK_FALSE(queue.withdraw(1));
}

TEST_CASE("descriptors of a peer that left stay open until they are sent") {
  SendQueue queue;
  auto fds = some_fds(1);
  const int fd = fds->front().raw();
  queue.push(1, fds);
  fds.reset();
  CHECK(::fcntl(fd, F_GETFD) >= 0);
  Script out;
  CHECK(queue.flush(out, moved) == SendQueue::Flush::kDrained);
  CHECK(::fcntl(fd, F_GETFD) < 0);
}
