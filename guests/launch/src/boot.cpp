// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/boot.hpp>

#include "interrupts.hpp"
#include "named_by_user.hpp"
#include "outcome.hpp"
#include "runtime_directory.hpp"
#include "tell.hpp"

#include <hawser/launch/linux_machine.hpp>
#include <hawser/launch/machine.hpp>
#include <hawser/launch/party.hpp>

#include <hawser/ivshmem/server/server.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace hawser::launch {
namespace {

/// The server in a thread of this process, for as long as the object lives.
class ServerThread {
 public:
  explicit ServerThread(ivshmem::ServerOptions options)
      : server_(std::move(options)), thread_([this] { server_.run(control_); }) {}
  ~ServerThread() {
    control_.stop();
    thread_.join();
  }

 private:
  ivshmem::Server server_;
  ivshmem::ServerControl control_;
  std::thread thread_;
};

/// What the broker hands out: its signal, and the end of a hypercall.
constexpr unsigned kBrokerVectors = 2;

class Booting {
 public:
  explicit Booting(const BootOptions& options) : options_(options), kills_(options.kills) {
    std::sort(kills_.begin(), kills_.end(),
              [](const PlannedKill& a, const PlannedKill& b) { return a.after_seconds < b.after_seconds; });
  }

  int run() {
    make_log_folder(options_.log_directory);
    check_named_disk();
    Interrupts interrupts;
    const RuntimeDirectory directory;
    lend_scratch_disk(directory.path());
    folder_ = directory.path();
    std::optional<ServerThread> server;
    Party broker("broker", over_argo() ? broker_command() : std::vector<std::string>{"false"},
                 options_.log_directory);
    Party stranger("stranger", over_argo() ? stranger_command() : std::vector<std::string>{"false"},
                   options_.log_directory);
    if (over_argo()) {
      start(broker);
      await_broker(interrupts, broker);
    } else {
      say("window of {} at {}", ivshmem::format_size(options_.window_bytes), socket_of("driver").string());
      ivshmem::ServerOptions window;
      window.socket = socket_of("driver").string();
      window.size = options_.window_bytes;
      window.vectors = options_.vectors;
      server.emplace(std::move(window));
    }

    Party driver("driver", command_for("driver", options_.driver, options_.driver_arch),
                 options_.log_directory);
    Party device("device", command_for("device", options_.device, options_.device_arch),
                 options_.log_directory);
    Party& first = options_.order == Order::kDriverFirst ? driver : device;
    Party& second = options_.order == Order::kDriverFirst ? device : driver;

    start(first);
    pump(interrupts, {&first},
         Clock::now() + std::chrono::milliseconds(150));  // really first, also under load
    start(second);
    if (over_argo()) start(stranger);
    driver_started_ = Clock::now();
    while (!outcome_.over()) {
      if (Clock::now() >= driver_started_ + patience()) {
        outcome_.failure = fmt::format("the driver side did not end within {} s; its console is in {}",
                                       patience().count(), driver.log().string());
        break;
      }
      pump(interrupts, {&driver, &device, &stranger, &broker}, Clock::now() + std::chrono::milliseconds(20));
      run_kills(driver, device);
      expect_reader(outcome_);
      watch(driver);
      watch(device);
      if (over_argo()) watch(broker);
      if (stranger.try_reap()) read(stranger);  // it ends by itself; hear_out() judges what it said
    }
    if (over_argo() && outcome_.failure.empty() && !outcome_.stopped) hear_out(interrupts, stranger);
    if (outcome_.failure.empty() && outcome_.rows.empty() && outcome_.end_status)
      outcome_.failure = fmt::format("the driver side ended with status {}: {}; its console is in {}",
                                     *outcome_.end_status, last_words(driver), driver.log().string());
    if (outcome_.failure.empty() && !outcome_.stopped && !kills_.empty())
      outcome_.failure = fmt::format(
          "the driver side ended before --kill {}@{:g} was due; a larger --seconds keeps it going",
          kills_.front().party, kills_.front().after_seconds);
    if (!outcome_.failure.empty() && options_.accel == "kvm" && !processor_virtualizes(host_arch()))
      outcome_.failure +=
          "; --accel kvm was asked for, and this processor offers no virtualization (neither vmx nor svm)";
    finish(driver);
    finish(device);
    finish(stranger);
    finish(broker);
    return conclude(options_, std::move(outcome_));
  }

 private:
  /// A bare-metal device guest is lent its disk as memory that outlives it, unless it is told to take it from its initrd.
  bool disk_is_initrd() const {
    const auto& words = options_.device_arguments;
    return options_.device == Home::kGuest &&
           std::find(words.begin(), words.end(), "disk=initrd") != words.end();
  }

  void check_named_disk() const {
    if (options_.disk && disk_is_initrd())
      check_initrd(*options_.disk);
    else if (options_.disk)
      (void)check_disk(*options_.disk, options_.device == Home::kGuest);
    if (disk_is_initrd() && device_dies())
      throw std::runtime_error(
          "a device guest that is killed forgets what was written to its initrd: leave out disk=initrd, or "
          "the kill");
  }

  bool device_dies() const {
    return std::any_of(kills_.begin(), kills_.end(),
                       [](const PlannedKill& kill) { return kill.party == "device"; });
  }

  /// A device side that is killed and started again would have forgotten a disk in its own memory.
  void lend_scratch_disk(const std::filesystem::path& folder) {
    if (!device_dies() || options_.disk) return;
    options_.disk = folder / "scratch-disk.img";
    make_scratch_disk(*options_.disk, options_.device == Home::kLinux ? 64 << 20 : 32 << 20);
    say("the device side will be killed: its disk is a scratch file that outlives it");
  }

  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) const {
    if (options_.quiet) return;
    tell("hawser  | {:6.2f} s  {}\n", seconds_since(outcome_.start),
         fmt::format(format, std::forward<Args>(args)...));
  }

  /// For one life of the driver side.
  std::chrono::seconds patience() const {
    const bool linux_guests = options_.driver == Home::kLinux || options_.device == Home::kLinux;
    return std::chrono::seconds(options_.seconds) + (linux_guests ? 3 : 1) * options_.patience;
  }

  bool over_argo() const { return options_.link == LinkKind::kArgoBroker; }

  static constexpr unsigned kDriverDomain = 1, kDeviceDomain = 2, kStrangerDomain = 3;

  /// Where a side joins: the window's, or its own domain's.
  std::filesystem::path socket_of(const std::string& side) const {
    return folder_ / (over_argo() ? side + ".sock" : "window.sock");
  }

  std::vector<std::string> broker_command() const {
    const auto domain = [this](unsigned id, const std::string& side) {
      return fmt::format("{}:{},size={}M", id, socket_of(side).string(), options_.window_bytes >> 20);
    };
    return {options_.program.string(),
            "argo-broker",
            "--domain",
            domain(kDriverDomain, "driver"),
            "--domain",
            domain(kDeviceDomain, "device"),
            "--domain",
            domain(kStrangerDomain, "stranger"),
            "--allow",
            fmt::format("{}:{}", kDriverDomain, kDeviceDomain),
            "--allow",
            fmt::format("{}:{}", kDeviceDomain, kDriverDomain)};
  }

  /// A guest that knows the link and has no business on it.
  std::vector<std::string> stranger_command() const {
    Machine machine;
    machine.name = "hawser-stranger";
    machine.arch = options_.driver_arch;
    machine.image = find_image(options_, "hawser-stranger.img", options_.driver_arch);
    machine.accel = choose_accel(options_.driver_arch, options_.accel);
    machine.ivshmem_socket = socket_of("stranger");
    machine.vectors = kBrokerVectors;
    machine.arguments = {fmt::format("driver={}", kDriverDomain), fmt::format("device={}", kDeviceDomain)};
    return qemu_command(machine);
  }

  void await_broker(const Interrupts& interrupts, Party& broker) {
    const auto patience = Clock::now() + std::chrono::seconds(10);
    while (!std::filesystem::exists(socket_of("stranger"))) {  // the last that it makes
      pump(interrupts, {&broker}, Clock::now() + std::chrono::milliseconds(5));
      const auto ending = broker.try_reap();
      if (ending || Clock::now() >= patience)
        throw std::runtime_error(fmt::format("the broker did not start{}: {}; its console is in {}",
                                             ending ? ", and ended with " + ending->text() : "",
                                             last_words(broker), broker.log().string()));
    }
  }

  /// The driver's end is the end, but not before the third domain has tried everything.
  void hear_out(const Interrupts& interrupts, Party& stranger) {
    const auto patience = Clock::now() + std::chrono::seconds(10);
    while (!stranger_status_ && stranger.running() && Clock::now() < patience && !outcome_.stopped)
      pump(interrupts, {&stranger}, Clock::now() + std::chrono::milliseconds(5));
    if (!stranger_status_ || *stranger_status_ > 1)
      outcome_.failure = fmt::format("the third domain could not try anything; its console is in {}",
                                     stranger.log().string());
    outcome_.rows.insert(outcome_.rows.end(), stranger_rows_.begin(), stranger_rows_.end());
  }

  std::vector<std::string> command_for(const std::string& side, Home home, Arch arch) const {
    const bool is_driver = side == "driver";
    const auto& extra = is_driver ? options_.driver_arguments : options_.device_arguments;
    std::vector<std::string> command;
    if (home == Home::kProcess) {
      const std::string socket = socket_of(side).string();
      command = {options_.program.string(), is_driver ? "use" : "serve", "--link",
                 over_argo()
                     ? fmt::format("argo:{},peer={}", socket, is_driver ? kDeviceDomain : kDriverDomain)
                     : "ivshmem:" + socket};
      if (is_driver) {
        command.insert(command.end(), {"--verify", "--rows"});
        if (options_.seconds != 0)
          command.insert(command.end(), {"--seconds", fmt::format("{}", options_.seconds)});
      } else {
        command.insert(command.end(),
                       {"--device", options_.disk ? "blk,file=" + options_.disk->string() : "blk,memory=32M",
                        "--device", "net,echo", "--device", "console,echo", "--device", "rng",
                        "--queue-layout", options_.queue_layout});
      }
      command.insert(command.end(), extra.begin(), extra.end());
      return command;
    }
    if (home == Home::kLinux) return linux_command(side, arch, extra);
    Machine machine;
    machine.name = "hawser-" + side;
    machine.arch = arch;
    machine.image = find_image(options_, "hawser-" + side + ".img", arch);
    machine.accel = choose_accel(arch, options_.accel);
    machine.ivshmem_socket = socket_of(side);
    machine.vectors = over_argo() ? kBrokerVectors : options_.vectors;
    if (over_argo())
      machine.arguments = {"link=argo", fmt::format("peer={}", is_driver ? kDeviceDomain : kDriverDomain)};
    if (is_driver) {
      if (options_.seconds != 0) machine.arguments.push_back(fmt::format("seconds={}", options_.seconds));
    } else {
      machine.arguments.push_back("queue-layout=" + options_.queue_layout);
      if (disk_is_initrd()) {
        machine.initrd = options_.disk;
      } else if (options_.disk) {
        machine.disk_memory = options_.disk;
        machine.disk_memory_bytes = check_disk(*options_.disk, true);
      }
    }
    machine.arguments.insert(machine.arguments.end(), extra.begin(), extra.end());
    return qemu_command(machine);
  }

  std::vector<std::string> linux_command(const std::string& side, Arch arch,
                                         const std::vector<std::string>& extra) const {
    const bool is_driver = side == "driver";
    LinuxMachine machine;
    machine.name = "hawser-" + side;
    machine.arch = arch;
    find_linux(machine, options_.images);
    machine.accel = choose_accel(arch, options_.accel);
    machine.ivshmem_socket = socket_of(side);
    machine.vectors = options_.vectors;
    const Home other = is_driver ? options_.device : options_.driver;
    machine.arguments = {"role=" + side, other == Home::kLinux ? "peer=linux" : "peer=plain"};
    if (is_driver) {
      machine.arguments.push_back(fmt::format("seconds={}", options_.seconds));
    } else {
      machine.arguments.push_back("queue_layout=" + options_.queue_layout);
      machine.disk = options_.disk;
    }
    machine.arguments.insert(machine.arguments.end(), extra.begin(), extra.end());
    return qemu_command(machine);
  }

  void start(Party& party) {
    party.start();
    say("{} {} as {} (pid {})", party.starts() == 1 ? "started" : "started again", party.name(),
        std::filesystem::path(party.command().front()).filename().string(), party.pid());
  }

  void pump(const Interrupts& interrupts, std::initializer_list<Party*> parties, Clock::time_point until) {
    do {
      std::vector<pollfd> fds = {{interrupts.fd(), POLLIN, 0}};
      for (Party* party : parties) {
        if (party->output_fd() >= 0 && party->running()) fds.push_back({party->output_fd(), POLLIN, 0});
      }
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
      ::poll(fds.data(), fds.size(), static_cast<int>(std::max<long long>(left, 0)));
      if ((fds[0].revents & POLLIN) != 0) {
        interrupts.take();
        outcome_.stopped = true;
        return;
      }
      for (Party* party : parties) read(*party);
    } while (Clock::now() < until);
  }

  void read(Party& party) {
    party.read_lines([this](const Party& from, std::string_view line) {
      const bool driver = from.name() == "driver";
      if (!options_.quiet) tell("{:<7} | {}\n", from.name(), line);
      if (driver) outcome_.take_driver_line(line);
      if (!first_row_ && !outcome_.rows.empty()) first_row_ = Clock::now();
      if (from.name() != "stranger") return;
      if (auto row = parse_row(line)) stranger_rows_.push_back(*row);
      if (const auto status = parse_end(line)) stranger_status_ = status;
    });
  }

  void run_kills(Party& driver, Party& device) {
    while (!kills_.empty() && first_row_ && seconds_since(*first_row_) >= kills_.front().after_seconds) {
      Party& party = kills_.front().party == "driver" ? driver : device;
      kills_.erase(kills_.begin());
      if (!party.running()) continue;
      say("killing {}", party.name());
      party.kill();
      while (!party.try_reap()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      read(party);
      if (&party == &driver) {  // what it had reported belongs to a run that never ended
        outcome_.rows.clear();
        outcome_.end_status.reset();
        driver_started_ = Clock::now();
      }
      start(party);
    }
  }

  void watch(Party& party) {
    if (auto ending = party.try_reap()) {
      read(party);
      if (party.name() == "driver" && outcome_.end_status) return;
      outcome_.failure = fmt::format("the {} side ended early with {}: {}; its console is in {}",
                                     party.name(), ending->text(), last_words(party), party.log().string());
    }
  }

  static std::string last_words(const Party& party) {
    return party.last_words().empty() ? "it said nothing" : party.last_words();
  }

  void finish(Party& party) {
    if (!party.running()) return;
    // A driver that has ended powers its machine off by itself; a device serves until it is told to stop.
    for (int tries = 0; party.name() == "driver" && outcome_.end_status && tries < 100 && party.running();
         ++tries) {
      read(party);
      if (party.try_reap()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (party.running()) party.stop();
    read(party);
  }

  BootOptions options_;
  std::vector<PlannedKill> kills_;
  std::optional<Clock::time_point> first_row_;  ///< Of the driver side.
  Clock::time_point driver_started_;            ///< Its life now.
  std::filesystem::path folder_;                ///< Of the sockets.
  std::vector<Row> stranger_rows_;
  std::optional<int> stranger_status_;
  Outcome outcome_;
};

}  // namespace

int boot(const BootOptions& options) {
  try {
    const bool on_xen = options.link == LinkKind::kArgo || options.link == LinkKind::kXenShm;
    return on_xen ? boot_xen(options) : Booting(options).run();
  } catch (const std::exception& error) {
    tell("hawser: {}\n", error.what());
    return 2;
  }
}

}  // namespace hawser::launch
