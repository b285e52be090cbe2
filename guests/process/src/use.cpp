// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/guest_port.hpp>
#include <hawser/process/run.hpp>
#include <hawser/process/stage_board.hpp>
#include <hawser/process/vfio_port.hpp>
#include <hawser/process/xen_port.hpp>

#include "argo_port.hpp"
#include "stop_signals.hpp"

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/attached.hpp>
#include <hawser/app/use.hpp>
#include <hawser/virtio/spec.hpp>

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace hawser::process {
namespace {

struct Reporter {
  const UseOptions& options;
  bool began = false;
  void say(std::string_view sentence) { options.say(sentence); }
  void row(const app::Row& row) {
    began = true;
    options.row(row);
  }
};

/// What is missing where the other domain's end never came.
std::string absence(const LinkAddress& address, unsigned own, bool domain_there) {
  if (!domain_there)
    return fmt::format(
        "domain {}, the peer of this link, is not there: start its side, or correct peer={} (a broker has "
        "the "
        "domains that its --domain options name)",
        address.peer, address.peer);
  return fmt::format(
      "domain {} is there, but serves no link {} to domain {}: start hawser serve in it, with peer={}{}",
      address.peer, address.number, own, own,
      address.number == 0 ? "" : fmt::format(",link={}", address.number));
}

template <ManagedLink L>
bool use_over(L& link, const UseOptions& options, const std::function<void()>& explain) {
  std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(link.region().size()));
  Reporter reporter{.options = options};
  app::UseOptions what{.disk_bytes = options.disk_bytes, .soak = seconds(options.seconds)};
  StageBoard board("use", describe(options.link));
  what.session.bus.stages = board.book();
  what.session.patience = options.patience;
  if (options.split_only) what.session.queue_features.set(virtio::VIRTIO_F_RING_PACKED, false);
  const bool good = std::make_unique<app::Use<L, Reporter>>(link, bitmap, reporter, what)->run();
  if (!good && !reporter.began) explain();
  link.leave();
  return good;
}

template <class P>
bool use_window(P& port, const UseOptions& options) {
  const std::string name = host_name();
  ivshmem::Link<P> link(port, {.role = ivshmem::Role::kDriver,
                               .number = options.link.number,
                               .links_if_new = options.link.links,
                               .name = name});
  if (!app::attached(link)) throw std::runtime_error(link.broken_reason());
  return use_over(link, options, [] {});
}

template <class P>
bool use_in_guest(const UseOptions& options) {
  P port(options.link.socket);
  const StopSignals signals(port.wait_place());
  if (const std::string note = port.memory_note(); !note.empty()) options.say(note);
  return use_window(port, options) && !signals.asked();
}

}  // namespace

bool use(const UseOptions& options) {
  if (options.link.carrier == Carrier::kGuest) return use_in_guest<GuestPort>(options);
  if (options.link.carrier == Carrier::kVfio) return use_in_guest<VfioPort>(options);
  if (options.link.carrier == Carrier::kXen) {
    XenPort port(options.link.socket);
    const StopSignals signals(port.wait_place());
    auto ends = std::make_unique<app::ArgoDriverEnd<XenPort>>(
        port, argo_options(options.link, argo::Role::kDriver, port.memory().size()),
        virtio::courier::DriverEndOptions{.placement = options.link.placement});
    return use_over(ends->end, options, [] {}) && !signals.asked();
  }
  ivshmem::SocketPort port(client_options(options.link));
  const StopSignals signals(port.wait_place());
  if (options.link.carrier == Carrier::kArgo) {
    ArgoPort argo(port);
    attach(argo, options.link);
    auto ends = std::make_unique<app::ArgoDriverEnd<ArgoPort>>(
        argo, argo_options(options.link, argo::Role::kDriver, argo.memory().size()),
        virtio::courier::DriverEndOptions{.placement = options.link.placement});
    auto& end = ends->end;
    return use_over(end, options,
                    [&] {
                      if (end.state() == LinkState::kDown && end.epoch().peer == 0)
                        options.say(absence(options.link, argo.domain(), end.holds_end()));
                    }) &&
           !signals.asked();
  }
  return use_window(port, options) && !signals.asked();
}

}  // namespace hawser::process
