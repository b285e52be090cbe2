// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/run.hpp>

#include "stop_signals.hpp"

#include <hawser/app/use.hpp>
#include <hawser/virtio/spec.hpp>

#include <memory>
#include <stdexcept>
#include <vector>

namespace hawser::process {
namespace {

using SocketLink = ivshmem::Link<ivshmem::SocketPort>;

struct Reporter {
  const UseOptions& options;
  void say(std::string_view sentence) { options.say(sentence); }
  void row(const app::Row& row) { options.row(row); }
};

}  // namespace

bool use(const UseOptions& options) {
  ivshmem::SocketPort port(client_options(options.link));
  const StopSignals signals(port);
  SocketLink link(
      port,
      {.role = ivshmem::Role::kDriver, .number = options.link.number, .links_if_new = options.link.links});
  if (link.state() == LinkState::kBroken) throw std::runtime_error(link.broken_reason());
  std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(link.region().size()));
  Reporter reporter{options};
  app::UseOptions what{.disk_bytes = options.disk_bytes, .soak = seconds(options.seconds)};
  what.session.patience = options.patience;
  if (options.split_only) what.session.queue_features.set(virtio::VIRTIO_F_RING_PACKED, false);
  auto app = std::make_unique<app::Use<SocketLink, Reporter>>(link, bitmap, reporter, what);
  const bool good = app->run();
  link.leave();
  return good && !signals.asked();
}

}  // namespace hawser::process
