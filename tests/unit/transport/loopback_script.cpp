// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One exchange between two ends, with faults, deaths and a broken link on the way; prints what each end did.
// Built once with each form of the loopback link: both must print the same for the same arguments.
//
//   loopback-script SEED shared|copied
#include "loopback_script.hpp"

#include <hawser/transport/loopback.hpp>
#include <hawser/transport/random.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

using namespace hawser;
using loopback::Which;

namespace {

using Message = std::vector<std::byte>;

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "%s\n", why);
  std::exit(1);
}

Result<void, SendError> send(loopback::Link& link, const Message& message) {
  const std::size_t half = message.size() / 2;
  const std::array<std::span<const std::byte>, 2> parts = {std::span(message).first(half),
                                                           std::span(message).subspan(half)};
  return link.channel().try_send(parts);
}

/// Sends each message back, reversed.
class Echo {
 public:
  explicit Echo(loopback::Link& link) : link_(link), buffer_(link.channel().mtu()) {}

  void work() {
    if (link_.poll() != LinkEvent::kNothing) waiting_.clear();
    (void)link_.bell().take();
    for (;;) {
      if (!waiting_.empty()) {
        const Message back(waiting_.rbegin(), waiting_.rend());
        if (!send(link_, back).ok()) return;
        waiting_.clear();
        link_.bell().ring();
      }
      const auto length = link_.channel().try_receive(buffer_);
      if (!length) return;
      waiting_.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(*length));
    }
  }

 private:
  loopback::Link& link_;
  Message buffer_;
  Message waiting_;  ///< Received, not yet sent back. Never empty: the script sends no empty message.
};

class Script {
 public:
  Script(std::uint64_t seed, Visibility visibility)
      : random_(seed), pair_(storage_, options(seed, visibility)), buffer_(pair_.first().channel().mtu()) {
    pair_.first().record(&first_trace_);
    pair_.second().record(&second_trace_);
  }

  void run() {
    with_echo([&] { talk(40); });
    with_echo([&] {
      pair_.first().reset();
      talk(10);
    });

    pair_.leave(Which::kSecond);
    second_again();
    with_echo([&] { talk(10); });

    pair_.kill(Which::kSecond);
    second_again();
    with_echo([&] { talk(10); });

    pair_.misbehave(Which::kSecond, loopback::Misdeed::kSaysItSentTooMuch);
    if (pair_.first().poll() != LinkEvent::kBroke) fail("the link did not break");
    pair_.first().reset();
    with_echo([&] { talk(40); });
  }

  void print() const {
    print("first", first_trace_);
    print("second", second_trace_);
  }

 private:
  static loopback::Options options(std::uint64_t seed, Visibility visibility) {
    // A machine under load must not look like a dead peer here.
    return {.visibility = visibility, .seed = seed, .silence = seconds(3600)};
  }

  void second_again() {
    pair_.revive(Which::kSecond);
    pair_.second().record(&second_trace_);
  }

  void with_echo(const std::function<void()>& body) {
    for (const Which which : {Which::kFirst, Which::kSecond}) {
      loopback::Faults& faults = pair_.end(which).faults();
      faults.delay_rings = faults.duplicate_rings = faults.reorder_rings = faults.spurious_rings = 20;
      faults.full = 10;
    }
    Echo echo(pair_.second());
    test::with_second_end(
        pair_.second(), [&] { echo.work(); }, body);
  }

  template <class Done>
  void until(Done done) {
    loopback::Link& link = pair_.first();
    const Instant deadline = link.now() + seconds(20);
    while (link.now() < deadline) {
      (void)link.poll();
      link.bell().arm();
      if (done()) return;
      (void)link.bell().wait(link.now() + kPollInterval);
    }
    print();
    fail("the peer does not answer");
  }

  void talk(int rounds) {
    loopback::Link& link = pair_.first();
    until([&] { return link.state() == LinkState::kUp && link.epoch() != last_; });
    last_ = link.epoch();
    for (int round = 0; round < rounds; ++round) {
      std::vector<Message> batch(1 + random_.below(6));
      for (Message& message : batch) {
        message.resize(1 + random_.below(link.channel().mtu()));
        random_.fill(message);
        until([&] { return send(link, message).ok(); });
        link.bell().ring(Mark(static_cast<unsigned>(message.size())));
      }
      for (const Message& message : batch) {
        Message answer;
        until([&] {
          const auto length = link.channel().try_receive(buffer_);
          if (length) answer.assign(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(*length));
          return length.ok();
        });
        if (answer != Message(message.rbegin(), message.rend())) fail("an answer is wrong");
      }
    }
  }

  static void print(const char* who, const loopback::Trace& trace) {
    if (trace.missed() != 0) fail("the trace is too small");
    for (const auto& event : trace.events()) {
      constexpr const char* kNames[] = {"sent", "received", "up", "down", "broke"};
      std::printf("%s %s %u-%u %u %016llx\n", who, kNames[static_cast<unsigned>(event.kind)], event.epoch.own,
                  event.epoch.peer, event.length, static_cast<unsigned long long>(event.digest));
    }
  }

  Random random_;
  loopback::Storage<300, 4, 4096> storage_;
  loopback::Pair pair_;
  std::vector<loopback::TraceEvent> first_events_ = std::vector<loopback::TraceEvent>(4000);
  std::vector<loopback::TraceEvent> second_events_ = std::vector<loopback::TraceEvent>(4000);
  loopback::Trace first_trace_{first_events_};
  loopback::Trace second_trace_{second_events_};
  Message buffer_;
  Epoch last_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) fail("usage: loopback-script SEED shared|copied");
  const bool copied = std::string_view(argv[2]) == "copied";
  const auto script = std::make_unique<Script>(std::strtoull(argv[1], nullptr, 0),
                                               copied ? Visibility::kCopied : Visibility::kShared);
  script->run();
  script->print();
}
