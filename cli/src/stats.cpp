// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What the requests of running links spend their time on: a table, by itself or again and again.
#include "numbers.hpp"
#include "verbs.hpp"

#include <hawser/ivshmem/server/json.hpp>
#include <hawser/process/stage_view.hpp>
#include <hawser/virtio/spec.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace hawser::cli {
namespace {

using process::at_most_for;
using process::longer_than;
using process::since;
using process::StageView;
using virtio::StageHistogram;
using virtio::StageRecord;
using virtio::StageSide;
using Clock = std::chrono::steady_clock;

struct StatsWords {
  pid_t pid = 0;
  bool once = false, json = false;
  unsigned every = 1;
  std::optional<std::uint64_t> deadline_ns;
};

volatile sig_atomic_t stop = 0;

const char* device_name(std::uint32_t id) {
  switch (id) {
    case virtio::VIRTIO_ID_NET:
      return "net";
    case virtio::VIRTIO_ID_BLOCK:
      return "blk";
    case virtio::VIRTIO_ID_CONSOLE:
      return "console";
    case virtio::VIRTIO_ID_ENTROPY:
      return "rng";
    default:
      return "device";
  }
}

std::array<const char*, StageRecord::kStages> stage_names(StageSide side) {
  if (side == StageSide::kDriver) return {"added to published", "published to reaped", "published to bell"};
  return {"seen to completed", "completed to published", "published to bell"};
}

/// Three digits that say something.
std::string time_text(std::uint64_t ns) {
  const auto value = static_cast<double>(ns);
  if (ns < 10'000) return fmt::format("{} ns", ns);
  if (ns < 10'000'000) return fmt::format("{:.1f} us", value / 1e3);
  if (ns < 10'000'000'000) return fmt::format("{:.1f} ms", value / 1e6);
  return fmt::format("{:.1f} s", value / 1e9);
}

/// One look at all boards.
struct Look {
  struct Queue {
    const StageView* view;
    StageRecord record;
  };
  Clock::time_point at;
  std::vector<Queue> queues;
};

Look look(const std::vector<std::unique_ptr<StageView>>& views) {
  Look now{Clock::now(), {}};
  for (const auto& view : views) {
    if (!view->alive()) continue;
    for (auto& record : view->records()) now.queues.push_back({view.get(), std::move(record)});
  }
  return now;
}

const StageRecord* same(const Look* before, const Look::Queue& queue) {
  if (before == nullptr) return nullptr;
  for (const auto& old : before->queues) {
    if (old.view->pid() == queue.view->pid() && old.record.side == queue.record.side &&
        old.record.device == queue.record.device && old.record.queue == queue.record.queue)
      return &old.record;
  }
  return nullptr;
}

/// The other side's record that shares the most requests with this one's, if it is on this machine.
process::StageJoin other_side(const Look& now, const StageRecord& driver) {
  process::StageJoin best;
  for (const auto& queue : now.queues) {
    if (queue.record.side != StageSide::kDevice || queue.record.device != driver.device ||
        queue.record.queue != driver.queue)
      continue;
    auto both = process::join(driver, queue.record);
    if (both.there.size() > best.there.size()) best = std::move(both);
  }
  return best;
}

std::uint64_t percentile(const std::vector<std::uint64_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(at, sorted.size() - 1)];
}

// ---- as a table --------------------------------------------------------------------------------------------------

void row(std::string& text, const char* stage, std::uint64_t samples, std::uint64_t p50, std::uint64_t p99,
         std::uint64_t p999, std::uint64_t longest) {
  text += fmt::format("    {:<24}{:>12}{:>12}{:>12}{:>12}{:>10}\n", stage, time_text(p50), time_text(p99),
                      time_text(p999), time_text(longest), samples);
}

void queue_text(std::string& text, const Look& now, const Look* before, const Look::Queue& queue,
                const StatsWords& words) {
  const StageRecord& record = queue.record;
  const StageRecord* old = same(before, queue);
  const auto more = [&](std::uint64_t StageRecord::*word) {
    return record.*word - (old == nullptr ? 0 : old->*word);
  };
  const std::uint64_t requests = more(&StageRecord::requests);
  const std::uint64_t samples = more(&StageRecord::samples);
  const double each = requests == 0 ? 0 : 1.0 / static_cast<double>(requests);
  text += fmt::format("  {} {} queue {} ({}, {})", device_name(record.device_id), record.device, record.queue,
                      record.packed != 0 ? "packed" : "split", record.size);
  if (before != nullptr) {
    const double seconds = std::chrono::duration<double>(now.at - before->at).count();
    text += fmt::format(": {:.0f} requests/s", static_cast<double>(requests) / seconds);
  } else {
    text += fmt::format(": {} requests", requests);
  }
  if (requests == 0) {
    text += "\n";
    return;
  }
  text += fmt::format(", {:.3f} publishings and {:.3f} bells a request; one in {:.0f} was timed\n",
                      static_cast<double>(more(&StageRecord::publishings)) * each,
                      static_cast<double>(more(&StageRecord::bells)) * each,
                      samples == 0 ? 0.0 : static_cast<double>(requests) / static_cast<double>(samples));
  const auto names = stage_names(record.side);
  for (std::size_t n = 0; n < names.size(); ++n) {
    const StageHistogram times = old == nullptr ? record.times[n] : since(record.times[n], old->times[n]);
    if (times.total == 0) continue;
    row(text, names[n], times.total, at_most_for(times, 0.5), at_most_for(times, 0.99),
        at_most_for(times, 0.999), times.longest);
    if (record.side == StageSide::kDriver && n == 1 && words.deadline_ns) {
      const std::uint64_t late = longer_than(times, *words.deadline_ns);
      text +=
          fmt::format("    later than {}: {} of {} timed ({:.3f} %)\n", time_text(*words.deadline_ns), late,
                      times.total, 100.0 * static_cast<double>(late) / static_cast<double>(times.total));
    }
  }
  if (record.side != StageSide::kDriver) return;
  const auto both = other_side(now, record);
  if (both.there.empty()) return;
  const auto joined = [&](const char* stage, const std::vector<std::uint64_t>& times) {
    row(text, stage, times.size(), percentile(times, 0.5), percentile(times, 0.99), percentile(times, 0.999),
        times.back());
  };
  joined("published to seen", both.there);
  joined("published to reaped back", both.back);
}

std::string table(const Look& now, const Look* before, const StatsWords& words) {
  std::string text;
  const StageView* last = nullptr;
  for (const auto& queue : now.queues) {
    if (last == nullptr || queue.view != last) {
      text += fmt::format("{}hawser {} --link {} (process {}), {}\n", last == nullptr ? "" : "\n",
                          queue.view->verb(), queue.view->link(), queue.view->pid(),
                          queue.record.side == StageSide::kDriver ? "driver" : "device");
      text += fmt::format("    {:<24}{:>12}{:>12}{:>12}{:>12}{:>10}\n", "", "p50", "p99", "p99.9", "longest",
                          "timed");
      last = queue.view;
    }
    queue_text(text, now, before, queue, words);
  }
  return text;
}

// ---- as JSON -----------------------------------------------------------------------------------------------------

nlohmann::ordered_json json_of(const StageHistogram& times) {
  nlohmann::ordered_json buckets = nlohmann::ordered_json::array();
  for (std::size_t n = 0; n < times.counts.size(); ++n)
    if (times.counts[n] != 0) buckets.push_back({StageHistogram::end(n), times.counts[n]});
  return {{"samples", times.total},          {"p50", at_most_for(times, 0.5)},
          {"p99", at_most_for(times, 0.99)}, {"p99.9", at_most_for(times, 0.999)},
          {"longest", times.longest},        {"sum", times.sum},
          {"histogram", std::move(buckets)}};
}

nlohmann::ordered_json json_of(const Look& now, const StatsWords& words) {
  nlohmann::ordered_json queues = nlohmann::ordered_json::array();
  for (const auto& queue : now.queues) {
    const StageRecord& record = queue.record;
    nlohmann::ordered_json one = {{"pid", queue.view->pid()},
                                  {"verb", queue.view->verb()},
                                  {"link", queue.view->link()},
                                  {"side", record.side == StageSide::kDriver ? "driver" : "device"},
                                  {"device", record.device},
                                  {"device_id", record.device_id},
                                  {"queue", record.queue},
                                  {"size", record.size},
                                  {"format", record.packed != 0 ? "packed" : "split"},
                                  {"requests", record.requests},
                                  {"publishings", record.publishings},
                                  {"bells", record.bells},
                                  {"one_in", record.one_in}};
    const auto names = stage_names(record.side);
    for (std::size_t n = 0; n < names.size(); ++n) one["ns"][names[n]] = json_of(record.times[n]);
    if (words.deadline_ns && record.side == StageSide::kDriver)
      one["later_than_deadline"] = longer_than(record.times[1], *words.deadline_ns);
    queues.push_back(std::move(one));
  }
  return {{"queues", std::move(queues)}};
}

// ------------------------------------------------------------------------------------------------------------------

Status nobody(const StatsWords& words) {
  say(words.pid != 0
          ? fmt::format("process {} shows no times: it is no hawser serve or hawser use, or another user's",
                        words.pid)
          : std::string(
                "nobody serves or uses a link here now, as far as this user may see: start hawser serve and "
                "hawser use, or look as root"));
  return 1;
}

Status show(const StatsWords& words) {
  if (words.once || words.json) {
    const auto views = process::find_stage_views(words.pid);
    const Look now = look(views);
    if (views.empty()) return nobody(words);
    const std::string text =
        words.json ? ivshmem::json_text(json_of(now, words), 2) + "\n" : table(now, nullptr, words);
    std::fputs(text.empty() ? "no queue has been started yet\n" : text.c_str(), stdout);
    return 0;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { stop = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  auto views = process::find_stage_views(words.pid);
  if (views.empty()) return nobody(words);
  Look before = look(views);
  while (stop == 0) {
    const auto until = before.at + std::chrono::seconds(words.every);
    while (stop == 0 && Clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    if (stop != 0) break;
    // Those who came meanwhile are shown from the next time on, when there is something to compare with.
    const Look now = look(views);
    const std::string text = table(now, &before, words);
    if (terminal) std::fputs("\033[H\033[2J", stdout);
    std::fputs(text.empty() ? "no queue has been started yet\n" : text.c_str(), stdout);
    if (!terminal) std::fputs("\n", stdout);
    if (std::fflush(stdout) != 0) break;
    auto found = process::find_stage_views(words.pid);
    if (found.empty()) return nobody(words);
    before = look(found);
    views = std::move(found);
  }
  return 0;
}

}  // namespace

void add_stats(CLI::App& app, Status& status) {
  auto words = std::make_shared<StatsWords>();
  auto* verb = app.add_subcommand("stats", "show what the requests of running links spend their time on");
  verb->footer(
      "It looks at every hawser serve and hawser use of this user, or of all if it is root, and disturbs "
      "none of\n"
      "them. A few requests of each queue are timed, the more the rarer they are. Where both sides of a link "
      "run on\n"
      "this machine, the way between them is shown as well. In a guest, run it in the guest.\n"
      "Status: 0 shown, 1 there was nobody to look at.");
  verb->add_option("--pid", words->pid, "this process only")->transform(whole(1, 4'194'304));
  verb->add_flag("--once", words->once, "everything since the start, once");
  verb->add_flag("--json", words->json, "the same as JSON, in nanoseconds");
  verb->add_option("--every", words->every, "seconds between two tables")
      ->transform(whole(1, 3600))
      ->capture_default_str();
  verb->add_option("--deadline", words->deadline_ns, "count round trips that took longer: 500us, 2ms, 1s")
      ->transform(duration());
  verb->callback([words, &status] { status = show(*words); });
}

}  // namespace hawser::cli
