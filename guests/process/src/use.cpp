// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/run.hpp>

#include "argo_port.hpp"
#include "stop_signals.hpp"

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/attached.hpp>
#include <hawser/app/use.hpp>
#include <hawser/virtio/spec.hpp>

#include <memory>
#include <stdexcept>
#include <vector>

namespace hawser::process {
namespace {

struct Reporter {
  const UseOptions& options;
  void say(std::string_view sentence) { options.say(sentence); }
  void row(const app::Row& row) { options.row(row); }
};

template <ManagedLink L>
bool use_over(L& link, const UseOptions& options) {
  std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(link.region().size()));
  Reporter reporter{options};
  app::UseOptions what{.disk_bytes = options.disk_bytes, .soak = seconds(options.seconds)};
  what.session.patience = options.patience;
  if (options.split_only) what.session.queue_features.set(virtio::VIRTIO_F_RING_PACKED, false);
  const bool good = std::make_unique<app::Use<L, Reporter>>(link, bitmap, reporter, what)->run();
  link.leave();
  return good;
}

}  // namespace

bool use(const UseOptions& options) {
  ivshmem::SocketPort port(client_options(options.link));
  const StopSignals signals(port);
  if (options.link.carrier == Carrier::kArgo) {
    ArgoPort argo(port);
    attach(argo);
    auto ends = std::make_unique<app::ArgoDriverEnd<ArgoPort>>(
        argo, argo_options(options.link, argo::Role::kDriver, argo.memory().size()));
    return use_over(ends->end, options) && !signals.asked();
  }
  ivshmem::Link<ivshmem::SocketPort> link(
      port,
      {.role = ivshmem::Role::kDriver, .number = options.link.number, .links_if_new = options.link.links});
  if (!app::attached(link)) throw std::runtime_error(link.broken_reason());
  return use_over(link, options) && !signals.asked();
}

}  // namespace hawser::process
