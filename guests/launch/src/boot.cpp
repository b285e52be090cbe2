// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/boot.hpp>

#include "interrupts.hpp"
#include "named_by_user.hpp"
#include "outcome.hpp"
#include "runtime_directory.hpp"
#include "tell.hpp"

#include <hawser/launch/machine.hpp>
#include <hawser/launch/party.hpp>

#include <hawser/ivshmem/server/server.hpp>

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

class Booting {
 public:
  explicit Booting(const BootOptions& options) : options_(options), kills_(options.kills) {
    std::sort(kills_.begin(), kills_.end(),
              [](const PlannedKill& a, const PlannedKill& b) { return a.after_seconds < b.after_seconds; });
  }

  int run() {
    make_log_folder(options_.log_directory);
    if (options_.disk) (void)check_disk(*options_.disk, options_.device == Home::kGuest);
    Interrupts interrupts;
    const RuntimeDirectory directory;
    lend_scratch_disk(directory.path());
    socket_ = directory.path() / "window.sock";
    say("window of {} MiB at {}", options_.window_bytes >> 20, socket_.string());
    ivshmem::ServerOptions window;
    window.socket = socket_.string();
    window.size = options_.window_bytes;
    window.vectors = options_.vectors;
    ServerThread server(std::move(window));

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
    const auto deadline = Clock::now() + std::chrono::seconds(options_.seconds + 60);
    while (!outcome_.over()) {
      if (Clock::now() >= deadline) {
        outcome_.failure = fmt::format("the driver side did not end within {} s; its console is in {}",
                                       options_.seconds + 60, driver.log().string());
        break;
      }
      pump(interrupts, {&driver, &device}, Clock::now() + std::chrono::milliseconds(20));
      run_kills(driver, device);
      watch(driver);
      watch(device);
    }
    finish(driver);
    finish(device);
    return conclude(options_, std::move(outcome_));
  }

 private:
  /// A device side that is killed and started again would have forgotten a disk in its own memory.
  void lend_scratch_disk(const std::filesystem::path& folder) {
    const bool dies = std::any_of(kills_.begin(), kills_.end(),
                                  [](const PlannedKill& kill) { return kill.party == "device"; });
    if (!dies || options_.disk) return;
    options_.disk = folder / "scratch-disk.img";
    make_scratch_disk(*options_.disk, 32 << 20);
    say("the device side will be killed: its disk is a scratch file that outlives it");
  }

  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) const {
    if (options_.quiet) return;
    tell("hawser  | {:6.2f} s  {}\n", seconds_since(outcome_.start),
         fmt::format(format, std::forward<Args>(args)...));
  }

  std::vector<std::string> command_for(const std::string& side, Home home, Arch arch) const {
    const bool is_driver = side == "driver";
    const auto& extra = is_driver ? options_.driver_arguments : options_.device_arguments;
    std::vector<std::string> command;
    if (home == Home::kProcess) {
      command = {options_.program.string(), is_driver ? "use" : "serve", "--link",
                 "ivshmem:" + socket_.string()};
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
    Machine machine;
    machine.name = "hawser-" + side;
    machine.arch = arch;
    machine.image = find_image(options_, "hawser-" + side + ".img", arch);
    machine.accel = choose_accel(arch, options_.accel);
    machine.ivshmem_socket = socket_;
    machine.vectors = options_.vectors;
    if (is_driver) {
      if (options_.seconds != 0) machine.arguments.push_back(fmt::format("seconds={}", options_.seconds));
    } else {
      machine.arguments.push_back("queue-layout=" + options_.queue_layout);
      if (options_.disk) {
        machine.disk_memory = options_.disk;
        machine.disk_memory_bytes = check_disk(*options_.disk, true);
      }
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
    });
  }

  void run_kills(Party& driver, Party& device) {
    while (!kills_.empty() && seconds_since(outcome_.start) >= kills_.front().after_seconds) {
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
      }
      start(party);
    }
  }

  void watch(Party& party) {
    if (auto ending = party.try_reap()) {
      read(party);
      if (party.name() == "driver" && outcome_.end_status) return;
      outcome_.failure = fmt::format("the {} side ended early with {}; its console is in {}", party.name(),
                                     ending->text(), party.log().string());
    }
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
  std::filesystem::path socket_;
  Outcome outcome_;
};

}  // namespace

int boot(const BootOptions& options) {
  try {
    return options.link == LinkKind::kIvshmem ? Booting(options).run() : boot_xen(options);
  } catch (const std::exception& error) {
    tell("hawser: {}\n", error.what());
    return 2;
  }
}

}  // namespace hawser::launch
