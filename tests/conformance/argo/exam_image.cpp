// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Puts the Xen that runs this domain through the examination of tests/conformance/argo, as the broker is put through it.
//
// Arguments: role=examiner|assistant, peer=DOMAIN (which runs the other role; the examiner does without), patience=SECONDS;
// mac-permissive: Xen was started with argo=1,mac-permissive=1; device-frame=N: a guest frame where there is a device and no RAM
// (by default arm64's interrupt controller).
#include <hawser/guest/machine.hpp>
#include <hawser/guest/xen_port.hpp>

#include "rows.hpp"

#include <utility>

using namespace hawser;
namespace exam = conformance::argo;

namespace {

class XenHost {
 public:
  XenHost(guest::XenPort& port, std::uint16_t peer, bool mac_permissive, std::uint64_t device_frame)
      : port_(port), peer_(peer), mac_permissive_(mac_permissive), device_frame_(device_frame) {}

  std::span<std::byte> memory() { return port_.memory(); }
  std::uint64_t frame(const std::byte* page) { return port_.frame(page); }
  std::int64_t raw(std::uint32_t command, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                   std::uint64_t d) {
    return port_.raw(command, {a, b, c, d});
  }
  bool take_signal() { return port_.take_signal(); }
  Wake wait(Instant until) { return port_.wait(until); }
  Instant now() { return port_.now(); }
  std::uint16_t own() { return port_.domain(); }
  std::uint16_t peer() { return peer_; }
  exam::Facts facts() {
    // Nothing is mapped in a domain's first page.
    return {.mac_permissive = mac_permissive_, .unmapped = 64, .device_frame = device_frame_};
  }
  void report(const char* id, const exam::Verdict& verdict) {
    const guest::Console console;
    switch (verdict.outcome) {
      case exam::Outcome::kOk:
        ++passed;
        console.print("ARGO-ROW ", id, " ok\n");
        break;
      case exam::Outcome::kFailed:
        console.print("ARGO-ROW ", id, " FAILED line ", verdict.line, ": ", verdict.why, ", ", verdict.got,
                      " and not ", verdict.wanted, "\n");
        break;
      case exam::Outcome::kSkipped:
        ++skipped;
        console.print("ARGO-ROW ", id, " skipped: ", verdict.why, "\n");
        break;
    }
  }

  unsigned passed = 0, skipped = 0;

 private:
  guest::XenPort& port_;
  std::uint16_t peer_;
  bool mac_permissive_;
  std::uint64_t device_frame_;
};

static_assert(exam::Host<XenHost>);

}  // namespace

int hawser_main(guest::Machine& machine) {
  const auto console = machine.console();
  if (!machine.on_xen()) {
    console.print("this is no Xen domain: there is nobody to examine\n");
    return 2;
  }
  auto opened = guest::XenPort::open(machine.take_spare_memory(exam::kExamBytes));
  if (!opened) {
    console.print(describe(opened.error()), "\n");
    return 2;
  }
  guest::XenPort port = *std::move(opened);
  const auto peer = static_cast<std::uint16_t>(machine.arguments().number("peer").value_or(port.domain()));
  const Duration patience = seconds(machine.arguments().number("patience").value_or(5));
  XenHost host(port, peer, machine.arguments().has("mac-permissive"),
               machine.arguments().number("device-frame").value_or(0x03001000 >> 12));
  if (machine.arguments().value("role") == "assistant") {
    exam::Assistant(host).run(patience);
    return 0;
  }
  const unsigned failed = exam::examine(host, patience);
  console.print(host.passed, " passed, ", failed, " failed, ", host.skipped, " skipped\n");
  return failed == 0 ? 0 : 1;
}
