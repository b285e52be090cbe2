// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Two ends of a link in one program: one asks, the other answers. The function `ask` works on any link; only
// `main` knows that this one is a loopback. Built and run by `./dev test`.
#include <hawser/transport/link.hpp>
#include <hawser/transport/loopback.hpp>

#include <array>
#include <cstdio>
#include <string_view>

using namespace hawser;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// Looks for what is waiting; nothing is an ordinary answer.
template <Link L>
bool receive(L& link, std::span<std::byte> to, std::string_view& text) {
  const auto length = link.channel().try_receive(to);
  if (length) text = {reinterpret_cast<const char*>(to.data()), *length};
  return length.ok();
}

/// Sends `question` and waits for the answer, at most until `deadline`.
template <Link L>
bool ask(L& link, std::string_view question, std::span<std::byte> to, std::string_view& answer,
         Instant deadline) {
  bool sent = false;
  while (link.now() < deadline) {
    if (link.poll() != LinkEvent::kNothing) sent = false;  // a new epoch: the old question is gone
    link.bell().arm();                                     // first arm ...
    if (!sent && link.state() == LinkState::kUp) {
      const std::array parts = {bytes_of("question: "), bytes_of(question)};
      sent = link.channel().try_send(parts).ok();
      if (sent) link.bell().ring();
    }
    if (receive(link, to, answer)) return true;          // ... then look once more ...
    (void)link.bell().wait(link.now() + kPollInterval);  // ... and only then sleep
  }
  return false;
}

/// What the other end does each time it gets to run.
template <Link L>
void answer_one(L& link) {
  (void)link.poll();
  std::array<std::byte, 512> buffer;
  std::string_view question;
  if (link.state() != LinkState::kUp || !receive(link, buffer, question)) return;
  const std::array parts = {bytes_of("you asked \""), bytes_of(question), bytes_of("\"")};
  if (link.channel().try_send(parts).ok()) link.bell().ring();
}

}  // namespace

int main() {
  static loopback::Storage<512> storage;  // no heap: the memory of a pair is handed in
  loopback::Pair pair(storage, {.visibility = Visibility::kCopied, .seed = 7});

  // In the direct form the second end runs whenever the first one waits.
  pair.second().on_idle([](void* link) { answer_one(*static_cast<loopback::Link*>(link)); }, &pair.second());
  pair.second().faults().delay_rings = 50;  // and half of its rings are late

  loopback::Link& link = pair.first();
  std::array<std::byte, 512> buffer;
  std::string_view answer;
  if (!ask(link, "anybody there?", buffer, answer, link.now() + seconds(1))) {
    std::puts("no answer");
    return 1;
  }
  std::printf("%.*s\n", static_cast<int>(answer.size()), answer.data());
  return 0;
}
