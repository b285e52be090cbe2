// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Anything that an ivshmem server can say: reads of any length, with any number of descriptors beside them.
// A script is a row of steps: one byte (bits 0-3: how many bytes the read gives; bits 4-5: descriptors; bit 6: a
// number of two bytes follows instead, sent whole), then the bytes. Beside the decoder runs a plain account of
// what a client would have to hold, which must agree.
#include <hawser/ivshmem/client/decoder.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <span>

using namespace hawser::ivshmem;

namespace {

void must(bool truth) {
  if (!truth) std::abort();
}

constexpr std::uint32_t kMaxPeers = 3;

/// What a client holds after the events so far.
struct Account {
  bool version = false, id = false, memory = false, broken = false;
  std::uint16_t own_id = 0;
  std::uint16_t own = 0;
  std::map<std::uint16_t, std::uint16_t> peers;

  void take(const Decoder::Event& e) {
    using Kind = Decoder::Kind;
    must(!broken || e.kind == Kind::kFault);
    switch (e.kind) {
      case Kind::kPending:
        break;
      case Kind::kVersion:
        must(!version);
        version = true;
        break;
      case Kind::kOwnId:
        must(version && !id);
        id = true;
        own_id = e.id;
        break;
      case Kind::kMemory:
        must(id && !memory);
        memory = true;
        break;
      case Kind::kOwnVector:
        must(memory && e.id == own_id && e.vector == own++ && own <= 2048);
        break;
      case Kind::kPeerVector:
        must(id && e.id != own_id && e.vector == peers[e.id]++ && peers[e.id] <= 2048 &&
             peers.size() <= kMaxPeers);
        break;
      case Kind::kPeerGone:
        must(peers.erase(e.id) == 1);
        break;
      case Kind::kIgnored:
        must(id && !peers.contains(e.id) && e.id != own_id);
        break;
      case Kind::kFault:
        must(e.fault != Decoder::Fault::kNone && !sentence(e.fault).empty());
        broken = true;
        break;
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Decoder decoder(kMaxPeers);
  Account account;
  auto input = std::as_bytes(std::span(data, size));
  while (!input.empty()) {
    const auto step = std::to_integer<unsigned>(input.front());
    input = input.subspan(1);
    const std::size_t descriptors = step >> 4 & 3;
    const std::size_t wanted = decoder.wanted();
    must(wanted >= 1 && wanted <= wire::kMessageSize);
    if ((step & 0x40) != 0 && wanted == wire::kMessageSize) {
      if (input.size() < 2) break;
      const auto low = std::to_integer<unsigned>(input[0]), high = std::to_integer<unsigned>(input[1]);
      input = input.subspan(2);
      account.take(decoder.feed(wire::encode(static_cast<std::int16_t>(low | high << 8)), descriptors));
      continue;
    }
    const std::size_t n = std::min({std::size_t{step & 15}, wanted, input.size()});
    account.take(decoder.feed(input.first(n), descriptors));
    input = input.subspan(n);
  }
  must(decoder.own_vectors() == account.own);
  must(decoder.peers() == account.peers.size());
  return 0;
}
