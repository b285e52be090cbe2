// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/argo/broker/gate.hpp>
#include <hawser/argo/broker_page.hpp>
#include <hawser/argo/error.hpp>

namespace hawser::argo::broker {

Gate::Gate(Xen& xen, DomainId id, std::span<std::byte> window, std::uint16_t broker, Ring ring)
    : xen_(xen),
      id_(id),
      window_(window),
      page_(*RegionMemory(window).area(Offset(0), kPageBytes, kPageBytes)),
      ring_(std::move(ring)) {
  const page::Header header{page::kMagic, page::kVersion, id, broker, 0, window.size()};
  page_.write(page::kHeaderAt, wire_bytes(header));
}

Gate::~Gate() {
  if (attached_) xen_.remove(id_);
}

bool Gate::serve(Instant now) {
  const auto sequence = page_.observe<std::uint32_t>(page::kRequestAt + offsetof(page::Request, sequence));
  if (sequence == done_) return false;
  page::Request request;
  page_.read(page::kRequestAt, std::as_writable_bytes(std::span(&request, 1)));
  done_ = sequence;
  const std::int64_t result =
      answer({request.command, request.arg1, request.arg2, request.arg3, request.arg4, request.base}, now);
  page_.store(page::kDoneAt + offsetof(page::Done, result), static_cast<std::uint64_t>(result));
  page_.publish(page::kDoneAt + offsetof(page::Done, sequence), done_);
  ring_if_idle(page::kDone);
  return true;
}

std::int64_t Gate::answer(const Call& call, Instant now) {
  constexpr std::int64_t kNotHere = -static_cast<std::int64_t>(Error::kNotBuiltIn);
  if (call.command == page::kAttach) {
    attach(call.arg1 == page::kVersion);
    return attached_ ? 0 : kNotHere;
  }
  return attached_ ? xen_.hypercall(id_, call, now) : kNotHere;
}

void Gate::attach(bool known_version) {
  if (attached_ && known_version) return xen_.soft_reset(id_);
  if (attached_) xen_.remove(id_);
  attached_ = known_version;
  if (!attached_) return;
  if (!xen_.create(id_, window_)) __builtin_trap();
  xen_.bind(id_, [this] { signal(); });
}

void Gate::signal() {
  page_.publish(page::kSignalsAt + offsetof(page::Signals, count), ++signals_);
  ring_if_idle(page::kSignal);
}

void Gate::ring_if_idle(std::uint16_t vector) {
  full_fence_before_recheck();  // partner: the domain's, between `idle` and its look at what is published here
  if (page_.load<std::uint32_t>(page::kRequestAt + offsetof(page::Request, idle)) != 0) ring_(vector);
}

}  // namespace hawser::argo::broker
