// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/suites.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <system_error>

#include <unistd.h>

namespace hawser::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "hawser-bench-";

/// Programs by suite; of two, the first found.
std::map<std::string, std::string> programs(const std::string& hawser) {
  std::vector<fs::path> folders;
  if (const char* named = std::getenv("HAWSER_BENCH_SUITES")) {
    for (std::string_view rest = named; !rest.empty();) {
      const auto colon = std::min(rest.find(':'), rest.size());
      if (colon != 0) folders.emplace_back(rest.substr(0, colon));
      rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
  }
  const fs::path here = fs::path(hawser).parent_path();
  folders.insert(folders.end(), {here, here / ".." / "bench", here / ".." / "libexec" / "hawser"});
  std::map<std::string, std::string> found;
  for (const fs::path& folder : folders) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder, none)) {
      const std::string file = entry.path().filename().string();
      if (!file.starts_with(kPrefix) || file.find('.') != std::string::npos) continue;
      if (!entry.is_regular_file(none) || access(entry.path().c_str(), X_OK) != 0) continue;
      found.emplace(file.substr(kPrefix.size()), fs::weakly_canonical(entry.path(), none).string());
    }
  }
  return found;
}

}  // namespace

std::string own_program() {
  std::error_code none;
  return fs::read_symlink("/proc/self/exe", none).string();
}

std::vector<Suite> known_suites(const std::string& hawser) {
  std::vector<Suite> all;
  const auto native = [&](const char* name, const char* what, double seconds, bool two, auto run) {
    all.push_back({name, what, "", seconds, two, run, ""});
  };
  const auto program = [&](const char* name, const char* what, const char* needs, double seconds) {
    all.push_back({name, what, needs, seconds, true, {}, ""});
  };
  native("limits", "what this machine can do at best: cache lines, copies, system calls, wake-ups", 20, true,
         run_limits);
  native("queue", "split and packed rings between two cores, beside the limits", 50, true, run_queue);
  native("link", "requests over loopback, ivshmem between two processes, and the Argo broker", 110, true,
         run_link);
  native("device", "a network and a block device with their drivers, polled, over ivshmem", 20, true,
         run_device);
  native("stress",
         "round trips over ivshmem beside busy neighbors, a flood of doorbells, and a full memory bus", 40,
         true, run_stress);
  native("argo", "what a courier costs on top of Argo, over the broker's engine in this process", 20, false,
         run_argo);
  program("argo-vs-ivshmem", "the same devices over three links of one Xen",
          "Xen and its images (./dev bench argo-vs-ivshmem)", 180);
  program("guests", "Linux guests with fio, ping and iperf3, over Hawser and what they have today",
          "the Linux guests and QEMU (./dev bench guests)", 300);
  program("peers", "other people's rings, devices and queues, in turns with Hawser's",
          "the peers (./dev bench peers, see bench/peers/README.md)", 240);
  for (const auto& [name, path] : programs(hawser)) {
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&, &name = name](const Suite& suite) { return suite.name == name; });
    if (at == all.end()) {
      all.push_back({name, "the program " + path, "", 60, true, {}, path});
    } else if (!at->run) {
      at->program = path;
    }
  }
  return all;
}

}  // namespace hawser::bench
