// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "numbers.hpp"
#include "verbs.hpp"

#include <hawser/launch/boot.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <memory>

namespace hawser::cli {
namespace {

using launch::Arch;
using launch::Home;
using launch::LinkKind;
using launch::Order;

/// Of an installed program PREFIX/bin/hawser: PREFIX/share/hawser/images. Of build/native/cli/hawser: build.
std::filesystem::path default_images() {
  const auto program = std::filesystem::canonical("/proc/self/exe");
  auto installed = program.parent_path().parent_path() / "share" / "hawser" / "images";
  if (std::filesystem::is_directory(installed)) return installed;
  return program.parent_path().parent_path().parent_path();
}

constexpr unsigned kLongest = 86400;  // seconds: a day

launch::PlannedKill parse_kill(const std::string& text) {
  const std::size_t at = text.find('@');
  launch::PlannedKill kill{text.substr(0, at), 0};
  const auto after = at == std::string::npos ? std::nullopt : decimal_seconds(text.substr(at + 1), kLongest);
  if (!after || (kill.party != "driver" && kill.party != "device")) {
    throw CLI::ValidationError(
        "--kill",
        fmt::format("'{}' is not driver@SECONDS or device@SECONDS, from 0 to {} seconds", text, kLongest));
  }
  kill.after_seconds = *after;
  return kill;
}

struct BootWords {
  launch::BootOptions options;
  std::string arch, driver_arch, device_arch, driver = "guest", device = "guest", order = "device-first",
                                              link = "ivshmem";
  std::vector<std::string> kills;
};

Arch parse_arch(const std::string& text) {
  return text == "aarch64" ? Arch::kAarch64 : Arch::kX86_64;
}

/// Where a side lives: a bare-metal guest, Debian's kernel with its own drivers, or a process of this machine.
Home parse_home(const std::string& text) {
  return text == "linux" ? Home::kLinux : text == "process" ? Home::kProcess : Home::kGuest;
}

/// What can not be asked of domains that Xen starts, once and together. `given` says whether an option was.
template <class Given>
void check_xen(const BootWords& words, Given given) {
  const auto refuse = [](const char* option, const char* why) {
    throw CLI::ValidationError(option, fmt::format("not on Xen: {}", why));
  };
  for (const std::string* arch : {&words.arch, &words.driver_arch, &words.device_arch}) {
    if (*arch == "x86_64") refuse("--arch", "both sides are domains of one arm64 machine");
  }
  if (words.driver == "process" || words.device == "process")
    refuse("--driver, --device", "both sides are domains of one machine");
  if (given("--kill")) refuse("--kill", "nobody there starts a domain again");
  if (given("--disk")) refuse("--disk", "no file can be lent to a domain");
  if (given("--vectors")) refuse("--vectors", "an event channel is one vector");
  if (words.link == "argo" && (given("--size") || given("--queue-layout")))
    refuse("--size, --queue-layout", "Argo has no window");
  if (words.options.accel == "kvm") refuse("--accel", "it needs the processor's EL2, which only TCG gives");
}

}  // namespace

void add_boot(CLI::App& app, Status& status) {
  auto words = std::make_shared<BootWords>();
  launch::BootOptions& options = words->options;
  auto* verb =
      app.add_subcommand("boot", "boot two guests that share only one link, and show their virtio traffic");
  const auto arches = CLI::IsMember({"x86_64", "aarch64"});
  const auto homes = CLI::IsMember({"guest", "linux", "process"});
  verb->add_option(
          "--link", words->link,
          "what joins them: an ivshmem window; a broker that stands in for Xen's Argo; or Xen (build "
          "it with ./dev xen), with both sides as domains of one emulated arm64 machine: its Argo, "
          "or memory that it shares")
      ->check(CLI::IsMember({"ivshmem", "argo-broker", "argo", "xen-shm"}))
      ->capture_default_str();
  verb->add_option("--arch", words->arch, "architecture of both guests; the host's own by default")
      ->check(arches);
  verb->add_option("--driver-arch", words->driver_arch, "architecture of the guest that uses the devices")
      ->check(arches);
  verb->add_option("--device-arch", words->device_arch, "architecture of the guest that serves them")
      ->check(arches);
  verb->add_option("--driver", words->driver,
                   "where the driver side lives: a bare-metal guest, a Linux guest, or a process here")
      ->check(homes)
      ->take_last()
      ->capture_default_str();
  verb->add_option("--device", words->device, "where the device side lives")
      ->check(homes)
      ->take_last()
      ->capture_default_str();
  verb->add_option("--order", words->order, "who starts first")
      ->check(CLI::IsMember({"driver-first", "device-first"}))
      ->capture_default_str();
  verb->add_option("--seconds", options.seconds, "keep traffic going that long after one full pass")
      ->transform(whole(0, kLongest))
      ->capture_default_str();
  verb->add_option("--disk", options.disk,
                   "file to serve as the block device; it outlives its server. For a guest: a power of two "
                   "in size; told --device-argument disk=initrd, a bare-metal one serves a copy of any file "
                   "of sectors from its initrd, which does not outlive it")
      ->check(CLI::ExistingFile);
  verb->add_option("--kill", words->kills,
                   "kill driver@SECONDS or device@SECONDS, counted from the driver side's first row, and "
                   "start it again; may be repeated")
      ->type_name("SIDE@SECONDS")
      ->allow_extra_args(false);
  verb->add_option("--accel", options.accel,
                   "what runs the guests' code; auto is kvm only where the processor really offers it")
      ->check(CLI::IsMember({"auto", "kvm", "tcg"}))
      ->capture_default_str();
  verb->add_option("--queue-layout", options.queue_layout, "message queue layout that the device end offers")
      ->check(CLI::IsMember({"self-describing", "plain"}))
      ->capture_default_str();
  verb->add_option("--size", options.window_bytes,
                   "size of the shared window; over a broker, of each domain's")
      ->transform(window_size(256 << 10,
                              1 << 30))  // room for all devices' queues; what the driver guest keeps books of
      ->default_str("16M");
  verb->add_option("--vectors", options.vectors, "doorbell vectors per guest")
      ->transform(whole(1, 64))
      ->capture_default_str();
  verb->add_option("--driver-argument", options.driver_arguments,
                   "a further word for the driver side; may be repeated");
  verb->add_option("--device-argument", options.device_arguments,
                   "a further word for the device side; may be repeated");
  verb->add_option("--xen-argument", options.xen_arguments,
                   "a further word for Xen's command line; may be repeated");
  verb->add_option("--xsm-policy", options.xsm_policy,
                   "for --link argo: a compiled FLASK policy, in place of xsm=dummy. A domain 0 then gives "
                   "both sides the label of the initial SID domU; the third domain keeps that of unlabeled")
      ->check(CLI::ExistingFile);
  verb->add_option("--images", options.images,
                   "folder with the guest images, as ARCH/hawser-SIDE.img or as ./dev build leaves them; "
                   "those of this program by default")
      ->type_name("FOLDER");
  verb->add_option("--xen", options.xen,
                   "the hypervisor, for links that are Xen's; among the images by default")
      ->check(CLI::ExistingFile);
  verb->add_option("--logs", options.log_directory, "folder for the consoles' logs; ./logs by default")
      ->type_name("FOLDER");
  verb->add_flag("--quiet", options.quiet, "only the table, no consoles");
  verb->add_flag("--json", options.json, "the results as JSON on standard output instead of the table");

  verb->callback([words, verb, &status] {
    launch::BootOptions& chosen = words->options;
    if (verb->count("--xsm-policy") != 0 && words->link != "argo")
      throw CLI::ValidationError("--xsm-policy", "only for --link argo");
    if (words->link == "argo-broker") {
      chosen.link = LinkKind::kArgoBroker;
      if (verb->count("--vectors") + verb->count("--queue-layout") != 0)
        throw CLI::ValidationError("--vectors, --queue-layout", "only for --link ivshmem");
      constexpr std::uint64_t kLeast =
          2u << 20;  // Argo's rings, and a sixteenth of the rest for the longest request
      if (chosen.window_bytes < kLeast)
        throw CLI::ValidationError("--size", "a domain of a broker needs at least 2M");
    } else if (words->link != "ivshmem") {
      chosen.link = words->link == "argo" ? LinkKind::kArgo : LinkKind::kXenShm;
      check_xen(*words, [verb](const char* option) { return verb->count(option) != 0; });
    } else if (!chosen.xen.empty() || !chosen.xen_arguments.empty()) {
      throw CLI::ValidationError("--xen, --xen-argument",
                                 "only for links that are Xen's: --link argo, --link xen-shm");
    }
    const Arch both = words->arch.empty() ? launch::host_arch() : parse_arch(words->arch);
    chosen.driver_arch = words->driver_arch.empty() ? both : parse_arch(words->driver_arch);
    chosen.device_arch = words->device_arch.empty() ? both : parse_arch(words->device_arch);
    chosen.driver = parse_home(words->driver);
    chosen.device = parse_home(words->device);
    const bool for_linux = chosen.link == LinkKind::kIvshmem || chosen.link == LinkKind::kArgo;
    if ((chosen.driver == Home::kLinux || chosen.device == Home::kLinux) && !for_linux)
      throw CLI::ValidationError("--driver, --device", "a Linux guest needs --link ivshmem or --link argo");
    chosen.order = words->order == "driver-first" ? Order::kDriverFirst : Order::kDeviceFirst;
    for (const auto& text : words->kills) chosen.kills.push_back(parse_kill(text));
    if (chosen.images.empty()) chosen.images = default_images();
    if (chosen.log_directory.empty()) chosen.log_directory = "logs";
    chosen.program = "/proc/self/exe";
    chosen.program = std::filesystem::canonical(chosen.program);
    status = launch::boot(chosen);
  });
}

}  // namespace hawser::cli
