// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "numbers.hpp"
#include "verbs.hpp"

#include <hawser/ivshmem/server/json.hpp>
#include <hawser/launch/report.hpp>
#include <hawser/process/run.hpp>

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace hawser::cli {
namespace {

struct UseWords {
  std::string link;
  std::uint64_t bytes = 4 << 20;
  unsigned seconds = 0;
  std::optional<unsigned> patience;
  bool verify = false, rows = false, json = false, split = false;
};

launch::Row kept(const app::Row& row) {
  return {.device = std::string(row.device),
          .operation = std::string(row.operation),
          .bytes = row.bytes,
          .operations = row.operations,
          .ns = row.ns,
          .doorbells = row.doorbells,
          .interrupts = row.interrupts,
          .verified = row.verified,
          .note = std::string(row.note)};
}

}  // namespace

void add_use(CLI::App& app, Status& status) {
  auto words = std::make_shared<UseWords>();
  auto* verb =
      app.add_subcommand("use", "use the virtio devices that the other end of a link serves, and check them");
  verb->footer(
      "What is on a block device is overwritten.\nExamples:\n"
      "  hawser use --link ivshmem:/run/window.sock --verify\n"
      "  hawser use --link argo:/run/one,peer=2 --verify");
  verb->add_option(
          "--link", words->link,
          "ivshmem:SOCKET[,link=N][,links=N][,unsealed], argo:SOCKET,peer=DOMAIN[,link=N], or in a Linux "
          "guest guest:/dev/hawser0[,link=N][,links=N], or vfio:0000:00:04.0[,link=N][,links=N] by the PCI "
          "function's address, or in a Linux domain of Xen xen:/dev/hawser_argo,peer=DOMAIN[,link=N]; each "
          "may "
          "have placement=auto|inline|copied|shared")
      ->required();
  verb->add_flag("--verify", words->verify, "put every device to work and check what it does")->required();
  verb->add_option("--seconds", words->seconds, "go on that long after one pass over everything")
      ->transform(whole(0, 86400))
      ->capture_default_str();
  verb->add_option("--bytes", words->bytes, "how much of each block device to write")
      ->transform(size(64 << 10, std::uint64_t{1} << 40))
      ->default_str("4M");
  verb->add_option("--patience", words->patience,
                   "seconds to wait for the window's server or the broker (5), and for a device side that is "
                   "not there (30)")
      ->transform(whole(1, 86400));
  verb->add_flag("--split", words->split, "use split queues even if the device side offers packed ones");
  verb->add_flag("--rows", words->rows, "print rows as they come, for another program, instead of a table");
  verb->add_flag("--json", words->json, "the results as JSON on standard output instead of the table");
  verb->callback([words, &status] {
    process::UseOptions options;
    options.link = process::parse_link(words->link);
    options.disk_bytes = words->bytes;
    options.seconds = words->seconds;
    if (words->patience) {
      options.patience = seconds(*words->patience);
      options.link.patience = options.patience;
    }
    options.split_only = words->split;
    options.say = say;
    std::vector<launch::Row> rows;
    options.row = [&rows, words](const app::Row& row) {
      rows.push_back(kept(row));
      if (words->rows) {
        fmt::print("{}\n", launch::format_row(rows.back()));
        std::fflush(stdout);
      }
    };
    const bool good = process::use(options);
    status = good ? 0 : 1;
    if (words->rows) fmt::print("HAWSER-END status={}\n", status);
    if (words->json)
      fmt::print("{}\n", ivshmem::json_text(nlohmann::json{{"results", rows}, {"status", status}}, 2));
    if (!words->rows && !words->json && !rows.empty()) fmt::print("{}", launch::table(rows));
  });
}

}  // namespace hawser::cli
