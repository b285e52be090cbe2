// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A real link to a real window, held by somebody who means ill: what is sent through it is changed, repeated, lost and
// mixed with junk as a seed says. Honest code above it then says and does wrong things deep inside the protocol.
#pragma once

#include <hawser/ivshmem/client/socket_port.hpp>
#include <hawser/ivshmem/link.hpp>
#include <hawser/transport/random.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hawser::test {

class LyingLink : public ivshmem::Link<ivshmem::SocketPort> {
  using Honest = ivshmem::Link<ivshmem::SocketPort>;

 public:
  class ChannelType {
   public:
    explicit ChannelType(Honest& link, std::uint64_t seed) : link_(link), random_(seed) {}
    std::size_t mtu() const { return link_.channel().mtu(); }
    auto try_receive(std::span<std::byte> to) { return link_.channel().try_receive(to); }
    Result<void, SendError> try_send(std::span<const std::span<const std::byte>> parts) {
      std::vector<std::byte> frame;
      for (const auto part : parts) frame.insert(frame.end(), part.begin(), part.end());
      if (!random_.chance(lies)) return whole(frame);
      ++lies_told;
      switch (random_.below(6)) {
        case 0:  // lost
          return {};
        case 1:  // twice
          (void)whole(frame);
          break;
        case 2:  // something of before once more
          (void)whole(before_);
          break;
        case 3:  // shorter than it says
          frame.resize(random_.below(frame.size() + 1));
          break;
        default:
          for (std::uint64_t n = 1 + random_.below(4); n != 0 && !frame.empty(); --n)
            frame[random_.below(frame.size())] = static_cast<std::byte>(random_.next());
      }
      return whole(frame);
    }

    unsigned lies = 0;  ///< In a hundred messages.
    std::uint64_t lies_told = 0;

   private:
    Result<void, SendError> whole(const std::vector<std::byte>& frame) {
      if (random_.chance(3)) before_ = frame;
      const std::span<const std::byte> part(frame);
      return link_.channel().try_send(std::span(&part, 1));
    }

    Honest& link_;
    Random random_;
    std::vector<std::byte> before_;
  };

  LyingLink(ivshmem::SocketPort& port, ivshmem::Role role, std::uint64_t seed)
      : Honest(port, {.role = role}), port_(port), lying_(*this, seed), random_(seed) {}

  ChannelType& channel() { return lying_; }

  /// Polls, starting anew whatever broke. True: up.
  bool live() {
    poll();
    if (state() == LinkState::kBroken) reset();
    return state() == LinkState::kUp;
  }
  /// Lives for that long, or until the link is up.
  bool meet(Duration patience) {
    const Instant until = now() + patience;
    while (!live()) {
      if (now() >= until) return false;
      (void)bell().wait(now() + milliseconds(1));
    }
    return true;
  }

  /// Every doorbell of every peer, our own ones too, and every mark.
  void ring_everything() {
    for (unsigned mark = 0; mark < Mark::kCount; ++mark) bell().ring(Mark(mark));
    for (const std::uint16_t peer : port_.peers()) {
      for (std::uint16_t vector = 0; vector < port_.vectors(); ++vector) port_.ring(peer, vector);
    }
  }

  /// `stores` words of any kind into `bytes`.
  void scribble(std::span<std::byte> bytes, unsigned stores) {
    for (; stores != 0; --stores) {
      std::array<std::byte, 8> word;
      random_.fill(word);
      if (random_.chance(30)) word.fill(std::byte{0});
      if (random_.chance(20)) word.fill(std::byte{0xff});
      const std::size_t width = std::size_t{1} << random_.below(4);
      const std::size_t at = random_.below(bytes.size() / width) * width;
      std::memcpy(bytes.data() + at, word.data(), width);
    }
  }

  Random& random() { return random_; }
  ivshmem::SocketPort& port() { return port_; }

 private:
  ivshmem::SocketPort& port_;
  ChannelType lying_;
  Random random_;
};

static_assert(hawser::Link<LyingLink>);

}  // namespace hawser::test
