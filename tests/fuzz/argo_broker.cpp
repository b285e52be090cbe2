// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Any calls of three domains, one of which dies now and then, over windows that they fill with anything. After each call
// holds what a guest may rely on: nothing outside the windows is touched (guard bytes, and the address sanitizer), what
// tx_ptr covers is a row of whole messages that add up to what senders were told was sent, rx == tx means empty, results
// are of the kind that Xen gives.
//
// A script is a row of steps: one byte (bits 0-1: who; bits 2-4: what), then what it takes.
#include <hawser/argo/broker/xen.hpp>
#include <hawser/argo/port.hpp>

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

using namespace hawser;
using namespace hawser::argo;
using namespace hawser::argo::broker;

namespace {

void must(bool truth) {
  if (!truth) std::abort();
}

constexpr std::size_t kPages = 6;
constexpr std::size_t kBytes = kPages * kPageBytes;
constexpr std::uint64_t kBase = 0x7000'0000;

using Page = std::array<unsigned char, kPageBytes>;
Page page_of(unsigned char value) {
  Page page;
  page.fill(value);
  return page;
}

/// A window between two guard pages.
struct Window {
  Window()
      : bytes(static_cast<std::byte*>(
            ::operator new[](kBytes + 2 * kPageBytes, std::align_val_t{kPageBytes}))) {
    std::memset(bytes, 0, kBytes + 2 * kPageBytes);
    std::memset(bytes, 0xa5, kPageBytes);
    std::memset(bytes + kPageBytes + kBytes, 0xa5, kPageBytes);
  }
  ~Window() { ::operator delete[](bytes, std::align_val_t{kPageBytes}); }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  std::span<std::byte> span() { return {bytes + kPageBytes, kBytes}; }
  void check() const {
    static const Page guard = page_of(0xa5), zeros = page_of(0);
    must(std::memcmp(bytes, guard.data(), kPageBytes) == 0);
    must(std::memcmp(bytes + kPageBytes + kBytes, guard.data(), kPageBytes) == 0);
    must(std::memcmp(bytes + kPageBytes, zeros.data(), kPageBytes) == 0);  // page 0 is no memory
  }
  std::byte* bytes;
};

/// Takes numbers from the script; zeros at its end.
class Script {
 public:
  explicit Script(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool over() const { return bytes_.empty(); }
  std::uint32_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t b = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return b;
  }
  std::uint32_t half() { return byte() | byte() << 8; }
  std::uint32_t word() { return half() | half() << 16; }
  void fill(std::span<std::byte> to) {
    for (std::byte& b : to) b = static_cast<std::byte>(byte());
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

bool error_of_xen(std::int64_t raw) {
  switch (-result_of(raw)) {
    case 1:
    case 2:
    case 3:
    case 11:
    case 13:
    case 14:
    case 16:
    case 17:
    case 19:
    case 22:
    case 28:
    case 90:
    case 95:
    case 111:
      return true;
    default:
      return false;
  }
}

/// An honest ring in domain 1's page 5, from domain 0: what arrives is followed to the byte.
struct Honest {
  static constexpr std::uint32_t kLength = 4032, kPort = 0xabc;
  std::uint32_t rx = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script({data, size});
  Options options;
  options.mac_permissive = true;
  options.rules = {Rule{.budget = {.messages_per_second = script.byte() % 2 == 0 ? 0u : 1000u}}};
  options.quirks.ring_count_leak = script.byte() % 2 == 0;
  Xen xen(options);
  std::array<Window, 3> windows;
  std::array<std::uint64_t, 3> signals{};
  const auto born = [&](DomainId id) {
    must(xen.create(id, windows[id].span()));
    xen.bind(id, [&signals, id] { ++signals[id]; });
  };
  for (DomainId id = 0; id < 3; ++id) born(id);
  Instant now{1};

  // Domain 1 keeps its last page to itself; the script does not write there and registers it nowhere else.
  Honest honest;
  std::byte* const page5 = windows[1].span().data() + 5 * kPageBytes;
  const auto words = [&](DomainId id, std::size_t at) { return windows[id].span().data() + kPageBytes + at; };
  const auto open_honest = [&] {
    std::memset(page5, 0, kRingHeaderBytes);
    honest.rx = 0;
    const wire::RegisterRing ring{Honest::kPort, 0, 0, Honest::kLength};
    const le64 frame = 5;
    std::memcpy(words(1, 0), &ring, sizeof ring);
    std::memcpy(words(1, 64), &frame, sizeof frame);
    return xen.hypercall(1, {1, kBase + kPageBytes, kBase + kPageBytes + 64, 1, 0, kBase}, now);
  };
  std::uint64_t told = 0, arrived = 0;  // bytes of payload to the honest ring
  bool open = open_honest() == 0;

  while (!script.over()) {
    const std::uint32_t step = script.byte();
    const auto who = static_cast<DomainId>((step & 3) % 3);
    now = now + microseconds(script.byte() * 10);
    Call call{.base = kBase};
    switch (step >> 2 & 7) {
      case 0:  // scribble, but not over the honest ring
        script.fill(windows[who].span().subspan(kPageBytes + script.half() % (4 * kPageBytes - 64),
                                                script.byte() % 64));
        continue;
      case 1: {  // a plausible ring, anywhere but in the honest page
        const wire::RegisterRing ring{
            script.byte() % 4,
            static_cast<std::uint16_t>(script.byte() % 5 == 4 ? kAnyDomain : script.byte() % 4), 0,
            (script.half() % 1024) * 16};
        std::memcpy(words(who, 0), &ring, sizeof ring);
        for (std::size_t i = 0; i < 5; ++i) {
          const le64 frame = script.byte() % 5;
          std::memcpy(words(who, 64 + 8 * i), &frame, sizeof frame);
        }
        call = {1,
                kBase + kPageBytes,
                kBase + kPageBytes + 64,
                (ring.len + kRingHeaderBytes + kPageBytes - 1) / kPageBytes,
                script.byte() % 2,
                kBase};
        break;
      }
      case 2: {
        const wire::UnregisterRing ring{script.byte() % 4, static_cast<std::uint16_t>(script.byte() % 4), 0};
        std::memcpy(words(who, 0), &ring, sizeof ring);
        call = {2, kBase + kPageBytes, 0, 0, 0, kBase};
        break;
      }
      case 3: {  // a plausible message
        const bool to_honest = script.byte() % 2 == 0;
        const wire::SendAddress address{{script.byte(), kAnyDomain, 0},
                                        {to_honest ? Honest::kPort : script.byte() % 4,
                                         static_cast<std::uint16_t>(to_honest ? 1 : script.byte() % 4), 0}};
        std::memcpy(words(who, 0), &address, sizeof address);
        const std::uint32_t count = script.byte() % 10;
        for (std::uint32_t i = 0; i < count; ++i) {
          const wire::Iov vector{kBase + script.half() % (kBytes + 64), script.half() % 2000, 0};
          std::memcpy(words(who, 64 + 16 * i), &vector, sizeof vector);
        }
        call = {3, kBase + kPageBytes, kBase + kPageBytes + 64, count, script.byte(), kBase};
        break;
      }
      case 4: {
        const wire::RingData question{
            script.byte() % 3,
            0,
            {{script.byte() % 4, static_cast<std::uint16_t>(script.byte() % 4), 0}, 0, 0, script.half(), 0}};
        std::memcpy(words(who, 0), &question, sizeof question);
        call = {4, script.byte() % 2 == 0 ? 0 : kBase + kPageBytes, 0, 0, 0, kBase};
        break;
      }
      case 5:  // anything at all, with addresses near the window
        call = {script.byte() % 6,     kBase + script.half(),
                kBase + script.half(), script.byte() % 8 == 0 ? script.word() : script.byte() % 6,
                script.byte() % 3,     kBase - script.byte() % 2 * script.word()};
        break;
      case 6:
        if (who == 0) {
          if (open) open = false;  // its death takes the honest ring away
          xen.remove(0);
          born(0);
        } else if (who == 2) {
          xen.soft_reset(2);
        } else {
          xen.advance(now);
        }
        continue;
      case 7:  // the honest domain takes what is there
        break;
    }
    if ((step >> 2 & 7) == 7) {
      std::uint32_t tx;
      std::memcpy(&tx, page5 + 4, sizeof tx);
      must(tx < Honest::kLength && tx % 16 == 0);
      while (honest.rx != tx) {
        wire::MessageHeader header;
        std::memcpy(&header, page5 + kRingHeaderBytes + honest.rx, sizeof header);
        must(header.len >= 16 && header.source.domain_id == 0 && header.source.pad == 0);
        const std::uint32_t taken = round_to_slot(header.len);
        must(taken <= (tx + Honest::kLength - honest.rx) % Honest::kLength);
        arrived += header.len - 16;
        honest.rx = (honest.rx + taken) % Honest::kLength;
      }
      std::memcpy(page5, &honest.rx, sizeof honest.rx);
      must(arrived == told);
      if (!open) {
        const std::int64_t raw = open_honest();
        open = raw == 0;
        must(open || result_of(raw) == -28);
      }
    } else if (who != 1 || call.command != 1 ||
               (step >> 2 & 7) == 1) {  // domain 1 keeps that page out of other rings
      std::uint32_t before, after;
      std::memcpy(&before, page5 + 4, sizeof before);
      const std::int32_t result = result_of(xen.hypercall(who, call, now));
      std::memcpy(&after, page5 + 4, sizeof after);
      must(result == 0 || (result > 0 && call.command == 3) || error_of_xen(result));
      if (after != before) {
        must(who == 0 && open && call.command == 3 && result >= 0);
        told += static_cast<std::uint64_t>(result);
      }
    }
    for (const Window& window : windows) window.check();
  }
  return 0;
}
