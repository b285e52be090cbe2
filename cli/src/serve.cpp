// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "numbers.hpp"
#include "verbs.hpp"

#include <hawser/process/run.hpp>
#include <hawser/process/served.hpp>

#include <fmt/format.h>

#include <memory>

namespace hawser::cli {
namespace {

struct ServeWords {
  std::string link, queue_layout = "self-describing";
  std::vector<std::string> devices;
  unsigned spin_us = 50, patience = 5;
};

}  // namespace

void add_serve(CLI::App& app, Status& status) {
  auto words = std::make_shared<ServeWords>();
  auto* verb = app.add_subcommand("serve", "serve virtio devices to whoever drives the other end of a link");
  verb->footer(
      std::string(process::served_help()) +
      "\nIt serves until SIGTERM or SIGINT. Status: 0 stopped by one of them, 1 another party "
      "already serves this link,\n"
      "2 something is missing, or the broker is gone; 64 wrong words.\n"
      "Examples:\n  hawser serve --link ivshmem:/run/window.sock --device blk,file=disk.img --device "
      "net,user\n"
      "  hawser serve --link argo:/run/two,peer=1 --device blk,file=disk.img");
  verb->add_option(
          "--link", words->link,
          "ivshmem:SOCKET[,link=N][,links=N][,unsealed], argo:SOCKET,peer=DOMAIN[,link=N], or in a Linux "
          "guest guest:/dev/hawser0[,link=N][,links=N], or vfio:0000:00:04.0[,link=N][,links=N] by the PCI "
          "function's address, or in a Linux domain of Xen xen:/dev/hawser_argo,peer=DOMAIN[,link=N]; each "
          "may "
          "have placement=auto|inline|copied|shared")
      ->required();
  verb->add_option("--device", words->devices, "a device to serve; may be repeated")
      ->required()
      ->allow_extra_args(false);
  verb->add_option("--queue-layout", words->queue_layout, "message queue layout to offer")
      ->check(CLI::IsMember({"self-describing", "plain"}))
      ->capture_default_str();
  verb->add_option("--spin", words->spin_us, "microseconds to keep looking for work before sleeping")
      ->transform(whole(0, 1'000'000))
      ->capture_default_str();
  verb->add_option("--patience", words->patience,
                   "seconds to wait for the window's server, or the broker, and its greeting")
      ->transform(whole(1, 86400))
      ->capture_default_str();
  verb->callback([words, &status] {
    process::ServeOptions options;
    options.link = process::parse_link(words->link);
    options.link.patience = seconds(words->patience);
    options.devices = words->devices;
    options.queue_kind =
        words->queue_layout == "plain" ? ivshmem::QueueKind::kPlain : ivshmem::QueueKind::kSelfDescribing;
    options.spin = microseconds(words->spin_us);
    options.say = say;
    status = process::serve(options) ? 0 : 1;
  });
}

}  // namespace hawser::cli
