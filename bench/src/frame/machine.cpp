// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/machine.hpp>

#include "fields.hpp"

#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <string_view>
#include <thread>

namespace hawser::bench {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The value of the first line "KEY : VALUE".
std::string cpuinfo(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const auto colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    return line.substr(colon + 2);
  }
  return "";
}

std::string processor_name() {
  for (const char* key : {"model name", "Model", "Hardware"})
    if (auto name = cpuinfo(key); !name.empty()) return name;
  const std::string part = cpuinfo("CPU part");
  if (part.empty()) return "unknown processor";
  return fmt::format("processor {} of implementer {}", part, cpuinfo("CPU implementer"));
}

std::string hypervisor_name() {
  if (auto type = first_line("/sys/hypervisor/type"); !type.empty()) return type;
  if (cpuinfo("flags").find(" hypervisor") == std::string::npos) return "none";
  const std::string vendor = first_line("/sys/class/dmi/id/sys_vendor");
  return vendor.empty() ? "some" : vendor;
}

/// FNV-1a: the id of a machine is nobody's business, only whether two are the same.
std::string digest(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return fmt::format("{:016x}", hash);
}

struct Ticks {
  std::uint64_t all = 0;
  std::uint64_t idle = 0;
};

/// Of those two processors, since they were started.
Ticks ticks(Cores cores) {
  std::ifstream file("/proc/stat");
  Ticks sum;
  for (std::string name, line; file >> name && std::getline(file, line);) {
    if (name != fmt::format("cpu{}", cores.measuring) && name != fmt::format("cpu{}", cores.answering))
      continue;
    std::uint64_t value = 0;
    const char* at = line.c_str();
    for (unsigned n = 0; n < 8; ++n) {  // user nice system idle iowait irq softirq steal
      char* end = nullptr;
      value = std::strtoull(at, &end, 10);
      at = end;
      sum.all += value;
      if (n == 3 || n == 4) sum.idle += value;
    }
  }
  return sum;
}

double busy_share(Cores cores) {
  const Ticks before = ticks(cores);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const Ticks after = ticks(cores);
  if (after.all <= before.all) return 0;
  const auto all = static_cast<double>(after.all - before.all);
  return std::max(0.0, 1 - static_cast<double>(after.idle - before.idle) / all);
}

cpu_set_t allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) CPU_ZERO(&set);
  return set;
}

}  // namespace

std::optional<Cores> two_cores() {
  const cpu_set_t set = allowed();
  std::optional<int> first;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(static_cast<unsigned>(core), &set)) continue;
    if (first) return Cores{*first, core};
    first = core;
  }
  return std::nullopt;
}

std::optional<Cores> these_cores(int measuring, int answering) {
  const cpu_set_t set = allowed();
  const auto may = [&](int core) {
    return core >= 0 && core < CPU_SETSIZE && CPU_ISSET(static_cast<unsigned>(core), &set);
  };
  if (!may(measuring) || !may(answering) || measuring == answering) return std::nullopt;
  return Cores{measuring, answering};
}

Machine this_machine(Cores cores, const std::string& hawser_version) {
  Machine machine;
  utsname system{};
  uname(&system);
  struct sysinfo memory {};
  sysinfo(&memory);
  machine.cpu = processor_name();
  machine.processors = static_cast<int>(std::thread::hardware_concurrency());
  machine.hypervisor = hypervisor_name();
  machine.kernel = fmt::format("{} {} {}", system.sysname, system.release, system.machine);
  machine.governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (machine.governor.empty()) machine.governor = "unknown";
  machine.memory_bytes = std::uint64_t{memory.totalram} * memory.mem_unit;
  machine.name = fmt::format(
      "{}, {} processors, {}", machine.cpu, machine.processors,
      machine.hypervisor == "none" ? "no hypervisor" : "in a virtual machine of " + machine.hypervisor);
  machine.id = digest(fmt::format("{}|{}|{}|{}|{}", first_line("/etc/machine-id"), machine.cpu,
                                  machine.processors, machine.hypervisor, machine.memory_bytes >> 30));
  machine.cores = cores;
  machine.busy = busy_share(cores);
  machine.hawser = hawser_version;
#ifdef __clang__
  machine.compiler = "clang " __clang_version__;
#else
  machine.compiler = "g++ " __VERSION__;
#endif
#ifndef __OPTIMIZE__
  machine.optimized = false;
#endif
  return machine;
}

Json to_json(const Machine& machine) {
  return {{"id", machine.id},
          {"name", machine.name},
          {"cpu", machine.cpu},
          {"processors", machine.processors},
          {"hypervisor", machine.hypervisor},
          {"kernel", machine.kernel},
          {"governor", machine.governor},
          {"memory_bytes", machine.memory_bytes},
          {"cores", {machine.cores.measuring, machine.cores.answering}},
          {"busy", machine.busy},
          {"hawser", machine.hawser},
          {"compiler", machine.compiler},
          {"optimized", machine.optimized}};
}

Machine machine_from_json(const Json& json) {
  fields::object(json, "\"machine\"");
  Machine machine;
  machine.id = fields::text(json, "id");
  machine.name = fields::text(json, "name");
  machine.cpu = fields::text_or(json, "cpu", "");
  machine.processors = static_cast<int>(fields::count(json, "processors"));
  machine.hypervisor = fields::text_or(json, "hypervisor", "");
  machine.kernel = fields::text_or(json, "kernel", "");
  machine.governor = fields::text_or(json, "governor", "");
  machine.memory_bytes =
      static_cast<std::uint64_t>(std::max(0.0, fields::number_or(json, "memory_bytes", 0)));
  if (const Json& cores = fields::list(json, "cores", 2); cores.size() == 2)
    machine.cores = {static_cast<int>(fields::number_of(cores[0], "cores")),
                     static_cast<int>(fields::number_of(cores[1], "cores"))};
  machine.busy = fields::number_or(json, "busy", 0);
  machine.hawser = fields::text_or(json, "hawser", "");
  machine.compiler = fields::text_or(json, "compiler", "");
  machine.optimized = fields::find(json, "optimized") == nullptr || fields::truth(json, "optimized");
  return machine;
}

}  // namespace hawser::bench
