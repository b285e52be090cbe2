// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Both sides as domains of one Xen machine. QEMU does not end when the domains do, so the consoles decide.
#include "interrupts.hpp"
#include "named_by_user.hpp"
#include "outcome.hpp"
#include "tell.hpp"

#include <hawser/launch/linux_machine.hpp>
#include <hawser/launch/party.hpp>
#include <hawser/launch/xen_console.hpp>
#include <hawser/launch/xen_machine.hpp>

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <fstream>
#include <stdexcept>

namespace hawser::launch {
namespace {

constexpr unsigned kMemoryMib = 64;        // of a domain: a disk of 32 MiB, and Argo's rings and buffers
constexpr unsigned kLinuxMemoryMib = 256;  // Xen takes a second to give a domain this much

/// One domain's console.
struct Side {
  std::string name;
  std::ofstream log;
  bool ended = false;
  std::string last;  ///< What it said last, before it said that it ends.
};

class XenBooting {
 public:
  explicit XenBooting(const BootOptions& options) : options_(options) {}

  int run() {
    make_log_folder(options_.log_directory);
    Interrupts interrupts;
    const XenMachine machine = describe();
    const XenLayout layout(machine);
    const auto tree =
        options_.log_directory / "xen.dtb";  // stays, so that the command line in the log does as well
    write_xen_tree(machine, layout, tree);
    for (const XenDomain& domain : machine.domains) open_side(domain.name);

    Party xen("xen", qemu_xen_command(machine, layout, tree), options_.log_directory, Party::Returns::kKept);
    xen.start();
    say("started Xen with {} domains in {} MiB (pid {})", machine.domains.size(), layout.memory_mib,
        xen.pid());
    const bool linux_guests = options_.driver == Home::kLinux || options_.device == Home::kLinux;
    const unsigned patience = options_.seconds + (linux_guests ? 240 : 60);
    const auto deadline = Clock::now() + std::chrono::seconds(patience);
    while (!outcome_.over()) {
      if (Clock::now() >= deadline) {
        outcome_.failure = fmt::format("the driver side did not end within {} s; its console is in {}",
                                       patience, log_of("driver").string());
        break;
      }
      pump(interrupts, xen);
      expect_reader(outcome_);
      if (const auto ending = xen.try_reap()) {
        read(xen);
        if (!outcome_.over())
          outcome_.failure = fmt::format("the machine ended early with {}: {}; its console is in {}",
                                         ending->text(), last_line_, xen.log().string());
      }
    }
    if (xen.running()) xen.stop();
    return conclude(options_, std::move(outcome_));
  }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) const {
    if (options_.quiet) return;
    tell("hawser  | {:6.2f} s  {}\n", seconds_since(outcome_.start),
         fmt::format(format, std::forward<Args>(args)...));
  }

  XenMachine describe() const {
    XenMachine machine;
    machine.xen = find_xen();
    machine.arguments = options_.xen_arguments;
    const bool argo = options_.link == LinkKind::kArgo;
    const bool driver_first = options_.order == Order::kDriverFirst;
    const unsigned driver_number = driver_first ? 1 : 2, device_number = driver_first ? 2 : 1;
    XenDomain driver = domain("driver", options_.driver), device = domain("device", options_.device);
    if (argo) {
      say_where(driver, options_.driver, options_.device, device_number);
      say_where(device, options_.device, options_.driver, driver_number);
      machine.argo = true;
      machine.policy = "dummy";
      if (!options_.xsm_policy.empty()) {
        machine.policy = "flask";
        machine.rules = checked_policy();
        machine.domain0 = find_image(options_, "hawser-labeller.img", Arch::kAarch64);
      }
    } else {
      driver.arguments = {"link=xen-shm"};
      device.arguments = {"link=xen-shm", "queue-layout=" + options_.queue_layout};
      machine.windows = {{.id = "hawser0", .bytes = options_.window_bytes}};
    }
    if (options_.seconds != 0 || options_.driver == Home::kLinux)
      driver.arguments.push_back(fmt::format("seconds={}", options_.seconds));
    const auto append = [](auto& to, const auto& more) { to.insert(to.end(), more.begin(), more.end()); };
    append(driver.arguments, options_.driver_arguments);
    append(device.arguments, options_.device_arguments);
    machine.domains = driver_first ? std::vector{driver, device} : std::vector{device, driver};
    if (argo) {
      XenDomain stranger = domain("stranger", Home::kGuest);
      stranger.arguments = {fmt::format("driver={}", driver_number), fmt::format("device={}", device_number)};
      stranger.memory_mib = 16;
      machine.domains.push_back(stranger);
    }
    return machine;
  }

  /// Over which link, and who is at its other end.
  static void say_where(XenDomain& domain, Home home, Home other, unsigned other_number) {
    if (home != Home::kLinux) {
      domain.arguments = {"link=argo", fmt::format("peer={}", other_number)};
      return;
    }
    domain.arguments = {"console=ttyAMA0",
                        "quiet",
                        "panic=-1",
                        "role=" + domain.name,
                        "link=argo",
                        other == Home::kLinux ? "peer=linux" : "peer=plain",
                        fmt::format("domain={}", other_number)};
  }

  XenDomain domain(const std::string& name, Home home) const {
    if (home == Home::kLinux) {
      LinuxMachine machine{.name = name, .arch = Arch::kAarch64};
      find_linux(machine, options_.images);
      return {
          .name = name, .image = machine.kernel, .ramdisk = machine.initramfs, .memory_mib = kLinuxMemoryMib};
    }
    return {.name = name,
            .image = find_image(options_, "hawser-" + name + ".img", Arch::kAarch64),
            .memory_mib = kMemoryMib};
  }

  std::filesystem::path find_xen() const {
    auto xen = options_.xen.empty() ? options_.images / "xen" / "xen" : options_.xen;
    std::ifstream in(xen, std::ios::binary);
    if (!in)
      throw std::runtime_error(
          fmt::format("the hypervisor {} is missing; build it with ./dev xen", xen.string()));
    // Linux's Documentation/arm64/booting.rst, which Xen follows. QEMU loads anything, and then nothing ever happens.
    std::array<char, 60> header{};
    in.read(header.data(), header.size());
    if (!in || std::string_view(&header[56], 4) != "ARM\x64")
      throw std::runtime_error(fmt::format("{} is no arm64 kernel image, so it is no Xen", xen.string()));
    return xen;
  }

  std::filesystem::path checked_policy() const {
    // xen/xsm/xsm_core.c: the magic number. Of a module without it Xen says one line, and jumps to address 0.
    std::ifstream in(options_.xsm_policy, std::ios::binary);
    std::array<char, 4> magic{};
    in.read(magic.data(), magic.size());
    if (!in || std::string_view(magic.data(), magic.size()) != "\x8c\xff\x7c\xf9")
      throw std::runtime_error(fmt::format("{} is no compiled FLASK policy; checkpolicy -t Xen makes one",
                                           options_.xsm_policy.string()));
    return options_.xsm_policy;
  }

  std::filesystem::path log_of(const std::string& side) const {
    return options_.log_directory / (side + ".log");
  }

  void open_side(const std::string& name) {
    sides_.push_back({name, std::ofstream(log_of(name)), false, {}});
    if (!sides_.back().log)
      throw std::runtime_error(fmt::format("can't write the log file {}", log_of(name).string()));
  }

  void pump(const Interrupts& interrupts, Party& xen) {
    std::array<pollfd, 2> fds = {{{interrupts.fd(), POLLIN, 0}, {xen.output_fd(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), 20);
    if ((fds[0].revents & POLLIN) != 0) {
      interrupts.take();
      outcome_.stopped = true;
    }
    read(xen);
  }

  void read(Party& xen) {
    xen.read_lines([this](const Party&, std::string_view raw) {
      const auto line = console_.take(raw);
      if (!line) return;
      if (line->domain && *line->domain >= 1 && *line->domain <= sides_.size()) {
        take_domain_line(sides_[*line->domain - 1], line->text);
      } else {
        take_xen_line(line->text);
      }
    });
  }

  void take_domain_line(Side& side, const std::string& text) {
    side.log << text << '\n' << std::flush;
    if (outcome_.over())
      return;  // what a device says to a machine that is being switched off is nobody's failure
    if (!options_.quiet) tell("{:<7} | {}\n", side.name, text);
    const auto status = parse_end(text);
    side.ended = side.ended || status;
    if (!status) side.last = text;
    // Xen tells nobody that a domain is gone.
    if (text.find("Kernel panic - not syncing") != std::string::npos)
      outcome_.failure = fmt::format("the {} side's kernel gave up: {}; its console is in {}", side.name,
                                     text, log_of(side.name).string());
    if (side.name == "device") {
      if (status) outcome_.failure = ended_early("the device side", side, *status);
      return;
    }
    if (auto row = parse_row(text)) (side.name == "driver" ? outcome_.rows : stranger_rows_).push_back(*row);
    if (side.name == "driver" && status) driver_status_ = status;
    if (side.name == "stranger" && status && *status > 1)
      outcome_.failure = ended_early("the third domain", side, *status);
    // The driver's end is the end, but not before the third domain has tried everything.
    bool all_ended = true;
    for (const Side& each : sides_) all_ended = all_ended && (each.ended || each.name == "device");
    if (!all_ended) return;
    outcome_.end_status = driver_status_;
    for (const Side& each : sides_) {
      if (each.name == "driver" && outcome_.rows.empty())
        outcome_.failure = ended_early("the driver side", each, driver_status_.value_or(0));
    }
    outcome_.rows.insert(outcome_.rows.end(), stranger_rows_.begin(), stranger_rows_.end());
  }

  std::string ended_early(std::string_view who, const Side& side, int status) const {
    return fmt::format("{} ended early with status {}: {}; its console is in {}", who, status,
                       side.last.empty() ? "it said nothing" : side.last, log_of(side.name).string());
  }

  /// Everything is in the log; here only what ends the run.
  void take_xen_line(const std::string& text) {
    if (!text.empty()) last_line_ = text;
    if (panicking_ && !text.empty() && outcome_.failure.empty()) {
      outcome_.failure = fmt::format("Xen gave up: {}", text);
    } else if (text.starts_with("Panic on CPU")) {
      panicking_ = true;
    } else if (text.starts_with("Domain ") && text.find(" crashed on ") != std::string::npos) {
      outcome_.failure = fmt::format("Xen ended a domain: {}", text);
    }
  }

  BootOptions options_;
  std::vector<Side> sides_;  // by domain number, from 1 on
  std::vector<Row> stranger_rows_;
  std::optional<int> driver_status_;
  XenConsole console_;
  std::string last_line_;
  bool panicking_ = false;
  Outcome outcome_;
};

}  // namespace

int boot_xen(const BootOptions& options) {
  return XenBooting(options).run();
}

}  // namespace hawser::launch
