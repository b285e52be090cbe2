// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// BrokerPort against Gate over a window in this process: the page's protocol, without sockets.
#include <hawser/argo/broker/gate.hpp>
#include <hawser/argo/broker_port.hpp>
#include <hawser/transport/random.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <new>
#include <vector>

using namespace hawser;
using namespace hawser::argo;
using broker::Gate;
using broker::Xen;

namespace {

constexpr std::size_t kBytes = 16 * kPageBytes;
constexpr auto kBrokerGone = -static_cast<std::int64_t>(Error::kBrokerGone);

/// A window with virtual time, in which waiting lets the broker run.
class FakeWindow {
 public:
  FakeWindow() : bytes_(static_cast<std::byte*>(::operator new[](kBytes, std::align_val_t{kPageBytes}))) {
    std::memset(bytes_, 0, kBytes);
  }
  ~FakeWindow() { ::operator delete[](bytes_, std::align_val_t{kPageBytes}); }
  FakeWindow(const FakeWindow&) = delete;
  FakeWindow& operator=(const FakeWindow&) = delete;

  std::span<std::byte> memory() const { return {bytes_, kBytes}; }
  void ring(std::uint16_t id, std::uint16_t vector) {
    rings.push_back({id, vector});
    if (on_ring) on_ring();
  }
  Wake wait(Instant until) {
    ++waits;
    others.clear();
    while (now_ < until) {
      if (rung) {
        rung = false;
        return Wake::kRung;
      }
      now_ = now_ + std::min(milliseconds(1), elapsed(now_, until));
      if (idle) idle();
    }
    return Wake::kTimeout;
  }
  std::span<const std::uint32_t> ready() const { return others; }
  Instant now() const {
    now_ = now_ + Duration{100};
    return now_;
  }

  struct Rung {
    std::uint16_t id, vector;
  };
  std::vector<Rung> rings;
  std::vector<std::uint32_t> others;  ///< Descriptors of somebody else's that ended the last wait().
  std::function<void()> on_ring, idle;
  bool rung = false;
  int waits = 0;

 private:
  std::byte* bytes_;
  mutable Instant now_{1};
};

static_assert(DoorbellWindow<FakeWindow>);
static_assert(Port<BrokerPort<FakeWindow>>);

broker::Options open_to_all() {
  broker::Options options;
  options.rules = {broker::Rule{}};
  return options;
}

/// A domain behind a gate.
struct Party {
  Party(Xen& xen, std::uint16_t id)
      : gate(xen, id, window.memory(), 0, [this](std::uint16_t vector) {
          told.push_back(vector);
          window.rung = true;
        }) {
    window.on_ring = [this] { gate.serve({}); };
  }
  FakeWindow window;
  std::vector<std::uint16_t> told;
  Gate gate;
  BrokerPort<FakeWindow> port{window};
};

std::int32_t open_ring(BrokerPort<FakeWindow>& port, std::uint32_t number, std::uint16_t partner) {
  const auto memory = port.memory();
  const wire::RegisterRing words{number, partner, 0, 4032};
  std::memcpy(memory.data() + kPageBytes, &words, sizeof words);
  const le64 frame = port.frame(memory.data());
  std::memcpy(memory.data() + kPageBytes + 64, &frame, sizeof frame);
  return result_of(port.hypercall(Command::kRegisterRing, memory.data() + kPageBytes,
                                  memory.data() + kPageBytes + 64, 1, 0));
}

std::int32_t send_nothing(BrokerPort<FakeWindow>& port, std::uint16_t to, std::uint32_t number) {
  const auto memory = port.memory();
  const wire::SendAddress words{{1, XEN_ARGO_DOMID_ANY, 0}, {number, to, 0}};
  std::memcpy(memory.data() + kPageBytes, &words, sizeof words);
  return result_of(port.hypercall(Command::kSendv, memory.data() + kPageBytes, nullptr, 0, 0));
}

}  // namespace

TEST_CASE("a domain attaches, learns who it is, and speaks to another") {
  Xen xen(open_to_all());
  Party one(xen, 1), two(xen, 2);
  CHECK(one.port.lost());
  REQUIRE(one.port.attach().ok());
  REQUIRE(two.port.attach().ok());
  CHECK(one.port.domain() == 1);
  CHECK(two.port.domain() == 2);
  CHECK(one.port.memory().size() == kBytes - kPageBytes);
  CHECK(open_ring(two.port, 7, 1) == 0);
  CHECK(!two.port.take_signal());
  CHECK(send_nothing(one.port, 2, 7) == 0);
  CHECK(two.port.take_signal());
  CHECK(!two.port.take_signal());
  CHECK(two.port.wait(Instant::never()) == Wake::kRung);
  CHECK(two.window.waits == 0);
  CHECK(two.told.empty());  // it was awake all the time
  CHECK(two.port.wait(two.port.now() + milliseconds(3)) == Wake::kTimeout);
}

TEST_CASE("what becomes ready for somebody else while a hypercall is waited for ends the next wait()") {
  Xen xen(open_to_all());
  Party one(xen, 1);
  REQUIRE(one.port.attach().ok());
  one.window.on_ring = nullptr;  // a broker that is slow
  one.window.idle = [&] {
    one.window.others = {5};
    one.gate.serve({});
  };
  CHECK(open_ring(one.port, 7, 1) == 0);
  one.window.idle = nullptr;
  CHECK(one.port.wait(one.port.now() + seconds(1)) == Wake::kRung);
  CHECK(one.port.wait(one.port.now() + milliseconds(3)) == Wake::kTimeout);
}

TEST_CASE("a domain is rung only while it sleeps: for a signal on vector 0, for a result on vector 1") {
  Xen xen(open_to_all());
  Party one(xen, 1), two(xen, 2);
  REQUIRE(one.port.attach().ok());
  REQUIRE(two.port.attach().ok());
  REQUIRE(open_ring(two.port, 7, 1) == 0);
  two.window.idle = [&] {
    if (two.told.empty()) CHECK(send_nothing(one.port, 2, 7) == 0);
  };
  CHECK(two.port.wait(two.port.now() + seconds(1)) == Wake::kRung);
  CHECK(two.told == std::vector<std::uint16_t>{page::kSignal});
  CHECK(two.port.take_signal());

  one.window.on_ring = nullptr;  // a broker that is slow
  one.window.idle = [&] { one.gate.serve({}); };
  CHECK(send_nothing(one.port, 2, 7) == 0);
  CHECK(one.told == std::vector<std::uint16_t>{page::kDone});
}

TEST_CASE("results come back as wide as registers are") {
  Xen xen(open_to_all());
  Party one(xen, 1);
  REQUIRE(one.port.attach().ok());
  const std::uint64_t refused = 0xffffff91;  // -ECONNREFUSED, zero-extended
  const auto memory = one.port.memory();
  const wire::SendAddress words{{1, XEN_ARGO_DOMID_ANY, 0}, {7, 1, 0}};
  std::memcpy(memory.data(), &words, sizeof words);
  CHECK(one.port.hypercall(Command::kSendv, memory.data(), nullptr, 0, 0) ==
        static_cast<std::int64_t>(refused));
  CHECK(one.port.raw(99, 0, 0, 0, 0) == -95);
  CHECK(one.port.raw(99, 0, 0, std::uint64_t{1} << 32, 0) == -22);
}

TEST_CASE("a window that no broker shares, or one of another version, is told apart") {
  FakeWindow window;
  BrokerPort<FakeWindow> port(window);
  CHECK(port.attach().error() == AttachError::kNoBroker);
  CHECK(port.hypercall(Command::kNotify, nullptr, nullptr, 0, 0) == kBrokerGone);
  Xen xen(open_to_all());
  Party one(xen, 1);
  const le32 other = 2;
  std::memcpy(one.window.memory().data() + offsetof(page::Header, version), &other, sizeof other);
  CHECK(one.port.attach().error() == AttachError::kOtherVersion);
}

TEST_CASE("before a domain attaches, and after it did so with another version, nothing is served") {
  Xen xen(open_to_all());
  Party one(xen, 1);
  std::uint32_t sequence = 0;
  const auto ask = [&](std::uint32_t command, std::uint64_t arg1) {
    page::Request request{++sequence, command, arg1, 0, 0, 0, 0, 0, 0};
    std::memcpy(one.window.memory().data() + page::kRequestAt, &request, sizeof request);
    CHECK(one.gate.serve({}));
    page::Done done;
    std::memcpy(&done, one.window.memory().data() + page::kDoneAt, sizeof done);
    CHECK(done.sequence == sequence);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(done.result));
  };
  CHECK(ask(4, 0) == -38);
  CHECK(!xen.exists(1));
  CHECK(ask(page::kAttach, 2) == -38);
  CHECK(ask(4, 0) == -38);
  CHECK(ask(page::kAttach, 1) == 0);
  CHECK(ask(4, 0) == 0);
  CHECK(xen.exists(1));
  CHECK(ask(page::kAttach, 7) == -38);
  CHECK(!xen.exists(1));
  CHECK(ask(4, 0) == -38);
  CHECK(ask(page::kAttach + 1, 1) == -38);
}

TEST_CASE(
    "what others register for a domain before it attaches is refused, and what they register after stays") {
  Xen xen(open_to_all());
  Party one(xen, 1), two(xen, 2);
  REQUIRE(two.port.attach().ok());
  CHECK(open_ring(two.port, 7, 1) == -3);
  REQUIRE(one.port.attach().ok());
  CHECK(open_ring(two.port, 7, 1) == 0);
  CHECK(send_nothing(one.port, 2, 7) == 0);
  // A second attach is a reset: its partners' rings go with it.
  REQUIRE(one.port.attach().ok());
  CHECK(send_nothing(one.port, 2, 7) == -111);
}

TEST_CASE(
    "a domain that starts again in its window finds nothing registered, even behind a request on its way") {
  Xen xen(open_to_all());
  Party one(xen, 1);
  REQUIRE(one.port.attach().ok());
  REQUIRE(open_ring(one.port, 7, 1) == 0);
  CHECK(xen.rings(1) == 1);
  // It is reset in the middle of a call.
  page::Request request{1000, 4, 0, 0, 0, 0, 0, 0, 0};
  std::memcpy(one.window.memory().data() + page::kRequestAt, &request, sizeof request);
  BrokerPort<FakeWindow> again(one.window);
  REQUIRE(again.attach().ok());
  CHECK(xen.rings(1) == 0);
  CHECK(!again.take_signal());
  CHECK(open_ring(again, 7, 1) == 0);
}

TEST_CASE("a broker that does not answer is given up after a while, for good") {
  Xen xen(open_to_all());
  Party one(xen, 1);
  REQUIRE(one.port.attach().ok());
  one.window.on_ring = nullptr;
  const Instant start = one.port.now();
  CHECK(send_nothing(one.port, 1, 7) == kBrokerGone);
  CHECK(elapsed(start, one.port.now()) >= seconds(5));
  CHECK(elapsed(start, one.port.now()) < seconds(6));
  CHECK(one.port.lost());
  const std::size_t rings = one.window.rings.size();
  CHECK(send_nothing(one.port, 1, 7) == kBrokerGone);
  CHECK(one.window.rings.size() == rings);
  BrokerPort<FakeWindow> again(one.window);
  CHECK(again.attach().error() == AttachError::kNoAnswer);
}

TEST_CASE("a domain that scribbles over its page harms itself alone") {
  Xen xen(open_to_all());
  Party one(xen, 1), two(xen, 2);
  REQUIRE(two.port.attach().ok());
  REQUIRE(open_ring(two.port, 7, 2) == 0);
  Random random(7);
  for (int i = 0; i < 20'000; ++i) {
    random.fill(one.window.memory().first(0x100));
    if (random.chance(50)) {  // sometimes nearly right
      page::Request request;
      request.sequence = static_cast<std::uint32_t>(random.next());
      request.command = random.chance(20) ? page::kAttach : static_cast<std::uint32_t>(random.below(6));
      request.arg1 = random.chance(50) ? 1 : random.below(kBytes);
      request.arg2 = random.below(kBytes);
      request.arg3 = random.below(5);
      request.arg4 = random.below(3);
      request.base = 0;
      std::memcpy(one.window.memory().data() + page::kRequestAt, &request, sizeof request);
    }
    one.gate.serve({});
  }
  CHECK(send_nothing(two.port, 2, 7) == 0);
  CHECK(two.port.take_signal());
  CHECK(xen.rings(2) == 1);
}
