// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "instructions.hpp"

#include "rings.hpp"
#include "thread_counter.hpp"

#include <hawser/bench/count.hpp>
#include <hawser/bench/stop.hpp>
#include <hawser/bench/words.hpp>

#include <hawser/virtio/queue/layout.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include <sys/wait.h>
#include <unistd.h>

namespace hawser::bench {
namespace {

constexpr unsigned kFew = 2'048, kMany = 10'240;

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const auto colon = std::min(rest.find(':'), rest.size());
    if (access((std::string(rest.substr(0, colon)) + "/" + program).c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return false;
}

std::string command(const char* format, unsigned batch, unsigned requests) {
  return fmt::format(
      "valgrind --tool=callgrind --callgrind-out-file=/dev/null {} bench --count-ring {},{},{}",
      shell_word(own_program()), format, batch, requests);
}

/// What callgrind collected; nothing if it did not work.
std::optional<double> instructions(const std::string& words) {
  std::FILE* pipe = popen((words + " 2>&1 </dev/null").c_str(), "re");
  if (pipe == nullptr) return std::nullopt;
  std::optional<double> count;
  std::array<char, 512> line;
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    const std::string_view text(line.data());
    const auto at = text.find("Collected : ");
    if (at == std::string_view::npos) continue;
    std::uint64_t value = 0;
    const char* from = text.data() + at + 12;
    if (std::from_chars(from, text.data() + text.size(), value).ec == std::errc())
      count = static_cast<double>(value);
  }
  const int status = pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return count;
}

}  // namespace

void count_instructions(const SuiteOptions& options, Sink& sink) {
  if (!options.only.empty() && options.only.find("instructions") == std::string::npos) return;
  if (const ThreadCounter counter; counter.refusal() != 0)
    sink.note(
        {"",
         fmt::format("this machine counts no instructions for anybody (perf_event_open: {}); callgrind does",
                     std::strerror(counter.refusal()))});
  if (!on_path("valgrind"))
    return sink.skip({"instructions", "valgrind is not installed; apt install valgrind"});
  for (const char* format : {"split", "packed"}) {
    for (const unsigned batch : {1u, 64u}) {
      const std::string name = fmt::format("{}.batch{}.instructions", format, batch);
      if (!name.starts_with(options.only) || Stop::asked() != 0) continue;
      if (options.quick && batch == 64) continue;
      sink.step(name, 0);
      const auto few = instructions(command(format, batch, kFew));
      const auto many = instructions(command(format, batch, kMany));
      if (!few || !many) {
        if (Stop::asked() == 0)
          sink.skip({name, fmt::format("it did not work; try: {}", command(format, batch, kMany))});
        continue;
      }
      const double each = (*many - *few) / (kMany - kFew);
      Figure figure{
          .name = name,
          .what = fmt::format("instructions of a request, both sides, {} published together", batch),
          .unit = "count",
          .samples = {each},
          .exact = true,
          .params = {{"format", format}, {"batch", double(batch)}},
          .per_request = {{"instructions", each}}};
      figure.command = fmt::format("{}, less the same of {} requests, over {}", command(format, batch, kMany),
                                   kFew, kMany - kFew);
      sink.figure(std::move(figure));
    }
  }
}

bool count_ring(const std::string& words) {
  const auto first = words.find(','), second = words.find(',', first + 1);
  if (second == std::string::npos) return false;
  const std::string format = words.substr(0, first);
  const auto number = [&](std::size_t from, std::size_t to) {
    unsigned value = 0;
    const auto read = std::from_chars(words.data() + from, words.data() + to, value);
    return read.ec == std::errc() && read.ptr == words.data() + to ? value : 0u;
  };
  RingRun run;
  run.features.set(virtio::VIRTIO_F_RING_PACKED, format == "packed");
  run.batch = static_cast<std::uint16_t>(number(first + 1, second));
  const unsigned requests = number(second + 1, words.size());
  if ((format != "packed" && format != "split") || run.batch == 0 || run.batch > run.size || requests == 0)
    return false;
  return ring_requests_alone(run, requests / run.batch * run.batch);
}

}  // namespace hawser::bench
