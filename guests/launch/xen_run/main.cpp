// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Runs images as domains of Xen until all have ended, for tests and measurements that are no link:
//
//   xen-run [OPTION=VALUE...] XEN LOGS SECONDS "WORDS FOR XEN" {IMAGE "WORDS"}...
//
//   --processors=N   of the machine (1)
//   --memory=MIB     of each domain (64)
//   --window=BYTES   that the first two domains share, with an event channel between them (none)
//   --until=DOMAIN   the end of this one, from 1 on, is the end (0: of all)
//   --counted=1      the machine's clock counts instructions, one a nanosecond
//
// Prints "DOMAIN line" for each line of a domain's console. Status 0 if each domain that was waited for ended with 0.
#include <hawser/launch/party.hpp>
#include <hawser/launch/report.hpp>
#include <hawser/launch/xen_console.hpp>
#include <hawser/launch/xen_machine.hpp>

#include <fmt/format.h>
#include <poll.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

namespace {

using namespace hawser::launch;

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

struct Options {
  unsigned processors = 1, memory = 64, window = 0, until = 0, counted = 0;

  /// How many words these were.
  int read(int argc, char** argv) {
    int taken = 0;
    for (; taken + 1 < argc && std::string_view(argv[taken + 1]).starts_with("--"); ++taken) {
      const std::string word = argv[taken + 1];
      const auto equals = word.find('=');
      const std::map<std::string, unsigned*> known = {{"--processors", &processors},
                                                      {"--memory", &memory},
                                                      {"--window", &window},
                                                      {"--until", &until},
                                                      {"--counted", &counted}};
      const auto option = known.find(word.substr(0, equals));
      if (option == known.end() || equals == word.npos) throw std::runtime_error("no such option: " + word);
      *option->second = static_cast<unsigned>(std::stoul(word.substr(equals + 1)));
    }
    return taken;
  }
};

int run(int argc, char** argv) {
  Options options;
  const int taken = options.read(argc, argv);
  argc -= taken;
  argv += taken;
  if (argc < 7 || argc % 2 == 0) throw std::runtime_error("wrong number of arguments");
  XenMachine machine{.xen = argv[1],
                     .argo = true,
                     .policy = "dummy",
                     .arguments = words(argv[4]),
                     .processors = options.processors,
                     .counted = options.counted != 0};
  for (int i = 5; i + 1 < argc; i += 2)
    machine.domains.push_back({.name = fmt::format("domain{}", i),
                               .image = argv[i],
                               .memory_mib = options.memory,
                               .arguments = words(argv[i + 1])});
  if (options.window != 0) machine.windows = {{.id = "hawser0", .bytes = options.window}};
  const std::filesystem::path logs = argv[2];
  std::filesystem::create_directories(logs);
  const XenLayout layout(machine);
  write_xen_tree(machine, layout, logs / "xen.dtb");

  Party xen("xen", qemu_xen_command(machine, layout, logs / "xen.dtb"), logs, Party::Returns::kKept);
  xen.start();
  XenConsole console;
  std::set<unsigned> ended;
  bool good = true;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(std::stoi(argv[3]));
  const auto over = [&] {
    return options.until != 0 ? ended.contains(options.until) : ended.size() == machine.domains.size();
  };
  while (!over()) {
    if (std::chrono::steady_clock::now() >= until) throw std::runtime_error("not all domains ended in time");
    pollfd fd{xen.output_fd(), POLLIN, 0};
    ::poll(&fd, 1, 50);
    xen.read_lines([&](const Party&, std::string_view raw) {
      const auto line = console.take(raw);
      if (!line || !line->domain) return;
      fmt::print("{} {}\n", *line->domain, line->text);
      std::fflush(stdout);
      if (const auto status = parse_end(line->text)) {
        ended.insert(*line->domain);
        good = good && *status == 0;
        if (options.until != 0 && !over()) throw std::runtime_error("another domain ended first");
      }
    });
    if (xen.try_reap()) throw std::runtime_error("the machine ended");
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fputs(fmt::format("xen-run: {}\n", error.what()).c_str(), stderr);
    return 2;
  }
}
