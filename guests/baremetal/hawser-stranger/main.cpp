// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The image of a third domain that has no business on a link over Argo: it knows the link's domains and ports, and tries
// to see its rings, to speak to them, and to do so in the name of the domain at the other end.
//
// Arguments: driver=DOMAIN device=DOMAIN (the link's), link-number=N, rounds=N (default 10), pause=MILLISECONDS (default 50).
#include <hawser/guest/argo_port.hpp>
#include <hawser/guest/machine.hpp>
#include <hawser/guest/parameters.hpp>

#include <hawser/argo/calls.hpp>
#include <hawser/argo/frames.hpp>

#include <array>
#include <cstring>

using namespace hawser;

namespace {

constinit guest::ArgoPort port;

/// By Xen's own rules or SILO, or by FLASK.
bool by_policy(argo::Error error) {
  return error == argo::Error::kNotPermitted || error == argo::Error::kRefused;
}

/// One kind of attempt, and what came of it.
struct Attempts {
  const char* name;
  const char* refused;  ///< What it is called when all were refused.
  std::uint64_t made = 0;
  std::uint64_t bytes = 0;
  std::int32_t unexpected = 0;  ///< The first result that is no refusal of the expected kind; 0: none.
  bool all_refused = true;

  /// A policy may refuse what otherwise finds nothing, and a domain may be away.
  void note(std::int32_t result, argo::Error expected, std::uint64_t size) {
    ++made;
    bytes += size;
    if (result < 0) {
      const argo::Error error = argo::error_of(result);
      if (error == expected || by_policy(error)) return;
      if (expected == argo::Error::kNobodyListens && error == argo::Error::kNoSuchDomain) return;
    }
    if (all_refused) unexpected = result;
    all_refused = false;
  }
};

struct Ring {
  argo::Address at;
  std::uint16_t partner;  ///< The only one who may send to it.
};

/// sendv with that domain as the source, or this one's own (XEN_ARGO_DOMID_ANY). The frame lies behind the arguments.
std::int32_t send(std::uint16_t source, const Ring& ring, std::span<const std::byte> frame) {
  std::byte* memory = port.memory().data();
  const argo::wire::SendAddress addresses{{ring.at.port, source, 0}, {ring.at.port, ring.at.domain, 0}};
  std::byte* payload = memory + 256;
  const argo::wire::Iov iov{reinterpret_cast<std::uintptr_t>(payload),
                            static_cast<std::uint32_t>(frame.size()), 0};
  std::memcpy(memory, &addresses, sizeof addresses);
  std::memcpy(memory + 128, &iov, sizeof iov);
  std::memcpy(payload, frame.data(), frame.size());
  return argo::result_of(port.hypercall(argo::Command::kSendv, memory, memory + 128, 1,
                                        static_cast<std::uint32_t>(argo::FrameKind::kHello)));
}

}  // namespace

int hawser_main(guest::Machine& machine) {
  static constexpr guest::Parameter kParameters[] = {
      {.key = "driver", .most = 0x7fef},  // xen.h: DOMID_FIRST_RESERVED - 1
      {.key = "device", .most = 0x7fef},
      {.key = "link-number", .most = 4095},
      {.key = "rounds", .least = 1, .most = 1'000'000},
      {.key = "pause", .most = 60'000},
  };
  if (!guest::accept_arguments(machine, kParameters)) return 2;
  const auto console = machine.console();
  const auto& arguments = machine.arguments();
  const auto driver = static_cast<std::uint16_t>(arguments.number("driver").value_or(0));
  const auto device = static_cast<std::uint16_t>(arguments.number("device").value_or(0));
  const auto link = static_cast<std::uint32_t>(arguments.number("link-number").value_or(0));
  const auto rounds = arguments.number("rounds").value_or(10);
  const auto pause = milliseconds(arguments.number("pause").value_or(50));
  if (driver == 0 || device == 0 || rounds == 0) {
    console.print("the arguments driver=DOMAIN and device=DOMAIN say whose link to try\n");
    return 2;
  }
  if (!port.open(machine, 1u << 20)) return 2;

  std::array<Ring, 4> rings;
  std::size_t count = 0;
  for (const auto kind : {argo::RingKind::kControl, argo::RingKind::kData}) {
    rings[count++] = {{argo::port_of(link, argo::Role::kDriver, kind), driver}, device};
    rings[count++] = {{argo::port_of(link, argo::Role::kDevice, kind), device}, driver};
  }
  struct Hello {
    argo::FrameHeader header{1, 0, 0, 0};
    argo::HelloBody body{argo::kLinkVersion, 8192, argo::kChannelMtu, 65536, 4096, {}};
  } hello;
  const auto frame = std::as_bytes(std::span(&hello, 1));

  Attempts seen{.name = "third-party-look", .refused = "not one of its rings is shown"};
  Attempts sent{.name = "third-party-send", .refused = "nobody listens to it"};
  Attempts forged{.name = "third-party-forge", .refused = "no domain speaks for another"};
  argo::Calls calls(port, port.memory().subspan(4096));
  const Instant start = machine.now();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (const Ring& ring : rings) {
      const auto state = calls.query(ring.at, 16);
      const bool hidden = state.ok()
                              ? !state->exists
                              : state.error() == argo::Error::kNobodyListens ||
                                    state.error() == argo::Error::kNoSuchDomain || by_policy(state.error());
      seen.note(hidden ? -static_cast<std::int32_t>(argo::Error::kNobodyListens) : 1,
                argo::Error::kNobodyListens, 0);
      sent.note(send(argo::XEN_ARGO_DOMID_ANY, ring, frame), argo::Error::kNobodyListens, frame.size());
      forged.note(send(ring.partner, ring, frame), argo::Error::kNotPermitted, frame.size());
    }
    (void)machine.wait(machine.now() + pause);
  }
  const std::uint64_t ns = elapsed(start, machine.now()).ns;
  bool good = true;
  for (const Attempts* attempts : {&seen, &sent, &forged}) {
    console.print("HAWSER-ROW device=link op=", attempts->name, " bytes=", attempts->bytes,
                  " ops=", attempts->made, " ns=", ns,
                  " doorbells=0 interrupts=0 verified=", attempts->all_refused ? "yes" : "no", " note=");
    if (attempts->all_refused) {
      console.print(attempts->refused, "\n");
    } else {
      console.print("not refused as it should be, result ", attempts->unexpected, "\n");
    }
    good = good && attempts->all_refused;
  }
  return good ? 0 : 1;
}
