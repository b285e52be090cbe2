// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Argo's behavior as an examination that any implementation can be put through: Xen, from a bare-metal domain, and the
// broker, from a process or a test. Freestanding. The layouts are written out by hand here, on purpose: nothing of what
// is examined, or of what Hawser's link is made of, takes part.
//
// The examiner is one domain. Where it takes two, the other runs the assistant (assistant.hpp), which does what it is told
// over Argo itself.
#pragma once

#include <hawser/transport/order.hpp>
#include <hawser/transport/time.hpp>
#include <hawser/transport/wake.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace hawser::conformance::argo {

/// What the examined implementation is set up to do.
struct Facts {
  bool mac_permissive = false;
  bool zero_extended_errors = true;    ///< as Xen 4.17 on 64 bits
  bool ring_count_leak = true;         ///< as Xen 4.17
  std::uint16_t absent = 77;           ///< a domain that does not exist
  std::uint64_t unmapped = 0;          ///< an address that is not mapped, other than NULL; 0: none is known
  std::uint64_t foreign = 0;           ///< the address of another domain's memory; 0: none is mapped
  std::uint64_t device_frame = ~0ull;  ///< a frame that is no RAM
};

enum class Outcome : std::uint8_t {
  kOk,
  kFailed,
  kSkipped,  ///< `why` says what it would take.
};

struct Verdict {
  Outcome outcome = Outcome::kOk;
  const char* why = "";  ///< of a failure: the source line says more
  int line = 0;
  std::int64_t got = 0, wanted = 0;
};

/// What the examination needs: a domain's port, with registers as wide as they are, and where to tell the results.
///
/// memory()         at least kExamBytes, page-aligned, given to the examination for good.
/// raw(...)         HYPERVISOR_argo_op with any command, and the raw result.
/// peer()           the domain that runs the assistant; the examination stays alone when it is own().
/// report(id, v)    one row. Print it as `ARGO-ROW R3 ok`, `ARGO-ROW R3 FAILED line 12: ...`, `ARGO-ROW R3 skipped: ...`.
template <class H>
concept Host = requires(H& host, std::uint32_t command, std::uint64_t word, const std::byte* page,
                        Instant until, const char* id, const Verdict& verdict) {
  { host.memory() } -> std::same_as<std::span<std::byte>>;
  { host.frame(page) } -> std::same_as<std::uint64_t>;
  { host.raw(command, word, word, word, word) } -> std::same_as<std::int64_t>;
  { host.take_signal() } -> std::same_as<bool>;
  { host.wait(until) } -> std::same_as<Wake>;
  { host.now() } -> std::same_as<Instant>;
  { host.own() } -> std::same_as<std::uint16_t>;
  { host.peer() } -> std::same_as<std::uint16_t>;
  { host.facts() } -> std::same_as<Facts>;
  { host.report(id, verdict) } -> std::same_as<void>;
};

inline constexpr std::size_t kExamBytes = 256 * 1024;

inline constexpr std::uint16_t kAny = 0x7ff4, kSelf = 0x7ff0, kIo = 0x7ff1, kXen = 0x7ff2;
inline constexpr int kEPERM = 1, kENOENT = 2, kESRCH = 3, kEAGAIN = 11, kEACCES = 13, kEFAULT = 14,
                     kEEXIST = 17, kEINVAL = 22, kENOSPC = 28, kEMSGSIZE = 90, kEOPNOTSUPP = 95,
                     kECONNREFUSED = 111;
inline constexpr std::uint16_t kExists = 1, kShared = 2, kEmpty = 4, kSufficient = 8, kTooLong = 0x10;
inline constexpr std::uint32_t kRegister = 1, kUnregister = 2, kSend = 3, kNotify = 4;

inline constexpr Duration kSoon = milliseconds(20);      ///< nothing came by then: nothing will
inline constexpr Duration kLatest = milliseconds(2000);  ///< what must come, comes by then

/// A domain's memory in pieces, and hypercalls on them. Examiner and assistant are both built on it.
template <Host H>
class Desk {
 public:
  explicit Desk(H& host) : host(host), at_(host.memory().data()) {}

  // The pieces, by pages: 0 arguments, 1-3 ring_data, 4-11 frames, then rings of two pages each, then 64 KiB of payload.
  static constexpr unsigned kRings = 10;
  static constexpr std::size_t kPayloadBytes = 65536;
  std::byte* arguments() const { return at_; }
  std::byte* questions() const { return at_ + 4096; }
  std::byte* frames() const { return at_ + 4 * 4096; }
  std::byte* ring(unsigned n) const { return at_ + (12 + 2 * (n % kRings)) * std::size_t{4096}; }
  std::byte* payload() const { return at_ + (12 + 2 * kRings) * std::size_t{4096}; }

  template <class T>
  static void put(std::byte* at, T value) {
    std::memcpy(at, &value, sizeof value);
  }
  template <class T>
  static T get(const std::byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  static std::uint64_t address(const std::byte* at) { return reinterpret_cast<std::uintptr_t>(at); }

  /// A ring's words.
  std::uint32_t rx(unsigned n) const { return observe(reinterpret_cast<std::uint32_t*>(ring(n))); }
  std::uint32_t tx(unsigned n) const { return observe(reinterpret_cast<std::uint32_t*>(ring(n) + 4)); }
  void set_rx(unsigned n, std::uint32_t value) { publish(reinterpret_cast<std::uint32_t*>(ring(n)), value); }
  void set_tx(unsigned n, std::uint32_t value) {
    publish(reinterpret_cast<std::uint32_t*>(ring(n) + 4), value);
  }

  std::int64_t raw(std::uint32_t command, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                   std::uint64_t d = 0) {
    return host.raw(command, a, b, c, d);
  }

  struct Ring {
    unsigned piece = 0;
    std::uint32_t port = 0;
    std::uint16_t partner = 0;
    std::uint32_t length = 4032;
    std::uint16_t pad = 0;
    std::uint32_t flags = 0;
    int pages = -1;  // -1: as many as the length takes
  };
  /// The frames of a ring larger than its two pages repeat.
  std::int32_t enroll(const Ring& r) {
    const std::uint32_t pages =
        r.pages >= 0 ? static_cast<std::uint32_t>(r.pages) : ((r.length + 15) / 16 * 16 + 64 + 4095) / 4096;
    for (std::uint32_t i = 0; i < pages && i < 4096; ++i) {
      put<std::uint64_t>(frames() + 8 * i, host.frame(ring(r.piece) + (i % 2) * 4096));
    }
    return enroll_as_laid_out(r, pages);
  }
  /// With whatever stands in frames().
  std::int32_t enroll_as_laid_out(const Ring& r, std::uint32_t pages) {
    put(arguments(), r.port);
    put(arguments() + 4, r.partner);
    put(arguments() + 6, r.pad);
    put(arguments() + 8, r.length);
    return static_cast<std::int32_t>(raw(kRegister, address(arguments()), address(frames()), pages, r.flags));
  }
  /// A ring that is empty from the start.
  std::int32_t open(unsigned piece, std::uint32_t port, std::uint16_t partner, std::uint32_t length = 4032) {
    set_rx(piece, 0);
    set_tx(piece, 0);
    return enroll({.piece = piece, .port = port, .partner = partner, .length = length});
  }
  std::int32_t close(std::uint32_t port, std::uint16_t partner, std::uint16_t pad = 0) {
    put(arguments() + 16, port);
    put(arguments() + 20, partner);
    put(arguments() + 22, pad);
    return static_cast<std::int32_t>(raw(kUnregister, address(arguments() + 16)));
  }

  struct Message {
    std::uint16_t to = 0;
    std::uint32_t port = 0;
    std::uint32_t length = 0;  // of payload(), as one vector
    std::uint32_t type = 1;
    std::uint16_t from = kAny;
    std::uint32_t source_port = 0x5050;
    std::uint16_t source_pad = 0, pad = 0;
  };
  void vector(unsigned n, const std::byte* base, std::uint32_t length, std::uint32_t pad = 0) {
    vector(n, address(base), length, pad);
  }
  void vector(unsigned n, std::uint64_t base, std::uint32_t length, std::uint32_t pad = 0) {
    std::byte* const at = arguments() + 256 + 16 * n;
    put(at, base);
    put(at + 8, length);
    put(at + 12, pad);
  }
  void envelope(const Message& m) {
    std::byte* const at = arguments() + 64;
    put(at, m.source_port);
    put(at + 4, m.from);
    put(at + 6, m.source_pad);
    put(at + 8, m.port);
    put(at + 12, m.to);
    put(at + 14, m.pad);
  }
  /// With the vectors as they were set.
  std::int64_t send_vectors(const Message& m, std::uint64_t count) {
    envelope(m);
    return raw(kSend, address(arguments() + 64), address(arguments() + 256), count, m.type);
  }
  std::int32_t send(const Message& m) {
    vector(0, payload(), m.length);
    return static_cast<std::int32_t>(send_vectors(m, 1));
  }

  struct Answer {
    std::int32_t result = 0;
    std::uint16_t flags = 0;
    std::uint32_t max = 0;
  };
  void question(unsigned n, std::uint16_t domain, std::uint32_t port, std::uint32_t space) {
    std::byte* const at = questions() + 8 + 20 * n;
    put(at, port);
    put(at + 4, domain);
    put<std::uint16_t>(at + 6, 0xffff);  // pads and input flags do not matter
    put<std::uint16_t>(at + 8, 0xffff);
    put<std::uint16_t>(at + 10, 0xffff);
    put(at + 12, space);
    put<std::uint32_t>(at + 16, 0xabcd);
  }
  std::int32_t ask_all(std::uint32_t count) {
    put(questions(), count);
    put<std::uint32_t>(questions() + 4, 0xffff);
    return static_cast<std::int32_t>(raw(kNotify, address(questions())));
  }
  Answer answer(unsigned n, std::int32_t result = 0) const {
    const std::byte* const at = questions() + 8 + 20 * n;
    return {result, get<std::uint16_t>(at + 8), get<std::uint32_t>(at + 16)};
  }
  Answer ask(std::uint16_t domain, std::uint32_t port, std::uint32_t space) {
    question(0, domain, port, space);
    return answer(0, ask_all(1));
  }
  std::int32_t notify() { return static_cast<std::int32_t>(raw(kNotify)); }

  /// A signal comes by `limit`.
  bool signalled(Duration limit = kLatest) {
    for (const Instant end = host.now() + limit;;) {
      if (host.take_signal()) return true;
      if (host.wait(end) == Wake::kTimeout) return host.take_signal();
    }
  }
  /// Takes what signals there are, until it is quiet.
  void hush() {
    while (signalled(kSoon)) {
    }
  }

  /// What a message's byte i is.
  static std::byte pattern(std::uint32_t message, std::uint32_t i) {
    return static_cast<std::byte>((message * 31 + i * 7 + 3) & 0xff);
  }
  void fill(std::uint32_t message, std::uint32_t length) {
    for (std::uint32_t i = 0; i < length; ++i) payload()[i] = pattern(message, i);
  }

  /// A message as it lies in a ring.
  struct Header {
    std::uint32_t length, port;
    std::uint16_t domain, pad;
    std::uint32_t type;
  };
  Header header(unsigned n, std::uint32_t position) const { return get<Header>(ring(n) + 64 + position); }
  /// Whether the payload behind a header is pattern(message, ...).
  bool intact(unsigned n, std::uint32_t position, std::uint32_t message, std::uint32_t length,
              std::uint32_t ring_length) const {
    for (std::uint32_t i = 0; i < length; ++i) {
      if (ring(n)[64 + (position + 16 + i) % ring_length] != pattern(message, i)) return false;
    }
    return true;
  }

  H& host;

 private:
  std::byte* at_;
};

}  // namespace hawser::conformance::argo
