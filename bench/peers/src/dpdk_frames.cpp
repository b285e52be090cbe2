// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// DPDK's vhost as the device, its virtio-user as the driver, a polled thread each, in one process: the jobs of
// `hawser bench device`, there, echo and trip, for frames of a job's bytes.
#include "job.hpp"

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_pause.h>

#include <algorithm>
#include <array>
#include <atomic>

namespace {

using hawser::bench::clock_ns;
using hawser::peers::fail;
using hawser::peers::Job;

constexpr std::uint16_t kBurst = 32;
constexpr std::uint32_t kWindow = 192;  // frames under way, where many are; as `hawser bench device`
constexpr std::uint16_t kRing = 256;

struct Ports {
  std::uint16_t device = 0, driver = 0;
};

enum class Device {
  kIdle,
  kDrops,
  kMirrors,
  kEnds
};
std::atomic<Device> device_does{Device::kIdle};
std::atomic<bool> device_is_idle{true};
std::atomic<int> device_thread{0};
alignas(128) std::atomic<std::uint64_t> device_took{0};

void have_device(Device what) {
  device_does.store(what, std::memory_order_release);
  device_does.notify_one();
}

/// On its core, until it is told to end. Between jobs it leaves the core to others.
int serve(void* argument) {
  const std::uint16_t port = static_cast<Ports*>(argument)->device;
  std::array<rte_mbuf*, kBurst> frames;
  device_thread.store(gettid());
  for (;;) {
    const Device does = device_does.load(std::memory_order_acquire);
    if (does == Device::kEnds) return 0;
    if (does == Device::kIdle) {
      device_is_idle.store(true, std::memory_order_release);
      device_does.wait(Device::kIdle);
      continue;
    }
    device_is_idle.store(false, std::memory_order_relaxed);
    const std::uint16_t got = rte_eth_rx_burst(port, 0, frames.data(), kBurst);
    if (got == 0) continue;
    std::uint16_t sent = 0;
    while (does == Device::kMirrors && sent < got &&
           device_does.load(std::memory_order_relaxed) == Device::kMirrors)
      sent = static_cast<std::uint16_t>(
          sent + rte_eth_tx_burst(port, 0, frames.data() + sent, static_cast<std::uint16_t>(got - sent)));
    rte_pktmbuf_free_bulk(frames.data() + sent, static_cast<unsigned>(got - sent));
    device_took.store(device_took.load(std::memory_order_relaxed) + got, std::memory_order_relaxed);
  }
}

/// The driver's side of a job. What is done until a time is told in nanoseconds a frame.
class Driver {
 public:
  Driver(std::uint16_t port, rte_mempool* pool) : port_(port), pool_(pool) {}

  double there(std::uint16_t bytes, double ns) {
    const std::uint64_t before = device_took.load(), start = clock_ns();
    std::uint64_t sent = 0;
    while (static_cast<double>(clock_ns() - start) < ns)
      for (unsigned n = 0; n < 64; ++n) sent += send(bytes, kBurst);
    while (device_took.load(std::memory_order_relaxed) - before < sent) wait(start, "frames did not arrive");
    return static_cast<double>(clock_ns() - start) / static_cast<double>(sent);
  }

  double there_and_back(std::uint16_t bytes, std::uint32_t window, double ns) {
    const auto burst = static_cast<std::uint16_t>(std::min<std::uint32_t>(window, kBurst));
    const std::uint64_t start = clock_ns();
    std::uint64_t sent = 0, back = 0;
    while (static_cast<double>(clock_ns() - start) < ns) {
      for (unsigned n = 0; n < 64; ++n) {
        if (sent - back + burst <= window) sent += send(bytes, burst);
        back += receive();
      }
    }
    for (; back < sent; back += receive()) wait(start, "frames did not come back");
    return static_cast<double>(clock_ns() - start) / static_cast<double>(back);
  }

 private:
  static constexpr std::uint64_t kPatience = 2'000'000'000;

  static void wait(std::uint64_t start, const char* in_vain) {
    rte_pause();
    if (clock_ns() - start > kPatience) fail(in_vain);
  }

  unsigned send(std::uint16_t bytes, std::uint16_t count) {
    std::array<rte_mbuf*, kBurst> frames;
    if (rte_pktmbuf_alloc_bulk(pool_, frames.data(), count) != 0) return 0;
    for (unsigned n = 0; n < count; ++n) {
      frames[n]->data_len = bytes;
      frames[n]->pkt_len = bytes;
      // What the frame says is written anew each time, as by whoever makes it.
      std::fill_n(rte_pktmbuf_mtod(frames[n], std::uint64_t*), bytes / sizeof(std::uint64_t),
                  0x5a5a5a5a5a5a5a5au);
    }
    const std::uint16_t sent = rte_eth_tx_burst(port_, 0, frames.data(), count);
    rte_pktmbuf_free_bulk(frames.data() + sent, static_cast<unsigned>(count - sent));
    return sent;
  }

  unsigned receive() {
    std::array<rte_mbuf*, kBurst> frames;
    const std::uint16_t got = rte_eth_rx_burst(port_, 0, frames.data(), kBurst);
    rte_pktmbuf_free_bulk(frames.data(), got);
    return got;
  }

  const std::uint16_t port_;
  rte_mempool* const pool_;
};

std::uint16_t add_port(const std::string& name, const std::string& words, rte_mempool* pool) {
  std::uint16_t port = 0;
  const rte_eth_conf conf{};
  if (rte_eal_hotplug_add("vdev", name.c_str(), words.c_str()) != 0) fail("DPDK can not make " + name);
  if (rte_eth_dev_get_port_by_name(name.c_str(), &port) != 0 ||
      rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
      rte_eth_rx_queue_setup(port, 0, kRing, 0, nullptr, pool) != 0 ||
      rte_eth_tx_queue_setup(port, 0, kRing, 0, nullptr) != 0 || rte_eth_dev_start(port) != 0)
    fail("DPDK can not start " + name);
  return port;
}

void do_job(const Job& job, const Ports& ports, rte_mempool* pool) {
  const auto bytes = static_cast<std::uint16_t>(job.bytes);
  Driver driver(ports.driver, pool);
  have_device(job.what == "there" ? Device::kDrops : Device::kMirrors);
  const auto ns = hawser::peers::median_of_slices(
      job.ns, [] { return hawser::bench::preemptions_of(device_thread.load()); },
      [&](double slice) {
        return job.what == "there" ? driver.there(bytes, slice)
                                   : driver.there_and_back(bytes, job.what == "echo" ? kWindow : 1, slice);
      });
  have_device(Device::kIdle);
  while (!device_is_idle.load()) rte_pause();
  if (ns)
    hawser::peers::say(*ns);
  else
    hawser::peers::say_disturbed();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("usage: dpdk-frames FOLDER CORE CORE split|packed");
  const std::string socket = std::string(argv[1]) + "/dpdk-" + argv[4];
  const std::string cores = std::string("0@") + argv[2] + ",1@" + argv[3];
  unlink(socket.c_str());  // of one that was killed
  const bool packed = std::string(argv[4]) == "packed";
  std::vector<std::string> words = {
      argv[0],         "--no-huge",        "-m", "512", "--no-pci", "--no-shconf", "--no-telemetry",
      "--log-level=3", "--lcores=" + cores};
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  if (rte_eal_init(static_cast<int>(pointers.size()), pointers.data()) < 0) fail("DPDK does not start here");
  rte_mempool* pool = rte_pktmbuf_pool_create("frames", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                              static_cast<int>(rte_socket_id()));
  if (pool == nullptr) fail("DPDK has no memory for frames");
  Ports ports;
  ports.device = add_port("net_vhost0", "iface=" + socket + ",queues=1", pool);
  ports.driver = add_port("net_virtio_user0",
                          "path=" + socket + ",queues=1,queue_size=" + std::to_string(kRing) +
                              ",packed_vq=" + (packed ? "1" : "0") + ",mrg_rxbuf=0,in_order=1",
                          pool);
  rte_eal_remote_launch(serve, &ports, 1);
  while (device_thread.load() == 0) rte_pause();
  hawser::peers::do_jobs([&](const Job& job) { do_job(job, ports, pool); });
  have_device(Device::kEnds);
  rte_eal_wait_lcore(1);
  rte_eth_dev_stop(ports.driver);
  rte_eth_dev_stop(ports.device);
  rte_eal_hotplug_remove("vdev", "net_virtio_user0");
  rte_eal_hotplug_remove("vdev", "net_vhost0");
  rte_eal_cleanup();
  return 0;
}
