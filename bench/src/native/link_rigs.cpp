// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "link_rigs.hpp"
#include "ivshmem_ends.hpp"
#include "link_device.hpp"
#include "link_driver.hpp"
#include "link_process.hpp"

#include <hawser/app/argo_ends.hpp>
#include <hawser/ivshmem/server/server.hpp>
#include <hawser/process/argo_broker.hpp>
#include <hawser/process/broker_port.hpp>
#include <hawser/transport/loopback.hpp>

#include <memory>
#include <thread>

namespace hawser::bench {
namespace {

// ---- loopback ------------------------------------------------------------------------------------------------

class LoopbackRig final : public LinkRig {
 public:
  explicit LoopbackRig(const RigOptions& options)
      : storage_(std::make_unique<Storage>()),
        pair_(std::make_unique<loopback::Pair>(*storage_, loopback::Options{.silence = kSilence})),
        device_([this, options] {
          settle(*control_, options.cores);
          serve_requests(pair_->second(), *control_);
        }),
        driver_(pair_->first(), *control_, options) {
    try {
      driver_.wait_up();
    } catch (...) {
      end();
      throw;
    }
  }
  ~LoopbackRig() override { end(); }

  Run run(const LinkRun& run, unsigned units, Histogram* single) override {
    return driver_.run(run, units, single, {});
  }

 private:
  using Storage = loopback::Storage<512, 8, (32u << 20)>;

  void end() {
    control_->stop.store(true);
    pair_->second().bell().cancel();
    if (device_.joinable()) device_.join();
  }

  SharedControl control_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<loopback::Pair> pair_;
  std::thread device_;
  LinkDriver<loopback::Link> driver_;
};

// ---- ivshmem -------------------------------------------------------------------------------------------------

class IvshmemRig final : public LinkRig {
 public:
  explicit IvshmemRig(const RigOptions& options)
      : ends_(options.cores,
              [](IvshmemEnds::Link& link, LinkControl& control) { serve_requests(link, control); }),
        driver_(ends_.link(), ends_.control(), options) {
    driver_.wait_up();
    ends_.settled();
  }

  Run run(const LinkRun& run, unsigned units, Histogram* single) override {
    return driver_.run(run, units, single, {});
  }

 private:
  IvshmemEnds ends_;
  LinkDriver<IvshmemEnds::Link> driver_;
};

// ---- broker --------------------------------------------------------------------------------------------------

/// A domain that counts.
class CountingPort {
 public:
  explicit CountingPort(const std::string& socket) : port_({.socket = socket, .port = {}}) {}

  std::span<std::byte> memory() const { return port_.memory(); }
  std::uint64_t frame(const std::byte* page) const { return port_.frame(page); }
  std::int64_t hypercall(argo::Command command, void* a, void* b, std::uint32_t c, std::uint32_t d) {
    ++hypercalls;
    if (told_ != nullptr) told_->hypercalls.store(hypercalls, std::memory_order_relaxed);
    return port_.hypercall(command, a, b, c, d);
  }
  bool take_signal() { return port_.take_signal(); }
  Wake wait(Instant until) { return port_.wait(until); }
  Instant now() const { return port_.now(); }

  void tell(LinkControl& control) { told_ = &control; }
  std::uint64_t hypercalls = 0;

 private:
  process::BrokerPort port_;
  LinkControl* told_ = nullptr;
};

argo::LinkOptions argo_link(argo::Role role, std::uint16_t peer) {
  return {.role = role, .peer = peer, .data_bytes = 4u << 20, .silence = kSilence};
}

class BrokerRig final : public LinkRig {
 public:
  using Ends = app::ArgoDriverEnd<CountingPort>;

  explicit BrokerRig(const RigOptions& options)
      : broker_([one = folder_ / "1", two = folder_ / "2"] {
          process::ArgoBrokerOptions broker;
          broker.domains = {{1, one, kWindow}, {2, two, kWindow}};
          broker.argo.rules = {argo::broker::parse_rule("1:2"), argo::broker::parse_rule("2:1")};
          broker.say = [](std::string_view) {};
          ivshmem::ServerControl control;
          process::ArgoBroker(std::move(broker)).run(control);
        }),
        device_([this, options, path = folder_ / "2"] {
          settle(*control_, options.cores);
          CountingPort port(path);
          port.tell(*control_);
          std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(port.memory().size()));
          const auto ends = std::make_unique<app::ArgoDeviceEnd<CountingPort>>(
              port, argo_link(argo::Role::kDevice, 1), bitmap);
          serve_requests(ends->end, *control_);
        }),
        port_(folder_ / "1"),
        ends_(std::make_unique<Ends>(port_, argo_link(argo::Role::kDriver, 2))),
        driver_(ends_->end, *control_, options) {
    driver_.wait_up();
    folder_.remove();
  }

  Run run(const LinkRun& run, unsigned units, Histogram* single) override {
    return driver_.run(run, units, single, [this] {
      return static_cast<double>(port_.hypercalls + control_->hypercalls.load());
    });
  }

 private:
  SharedControl control_;
  SocketFolder folder_;
  LinkProcess broker_, device_;
  CountingPort port_;
  std::unique_ptr<Ends> ends_;
  LinkDriver<Ends::End> driver_;
};

}  // namespace

std::unique_ptr<LinkRig> loopback_rig(const RigOptions& options) {
  return std::make_unique<LoopbackRig>(options);
}
std::unique_ptr<LinkRig> ivshmem_rig(const RigOptions& options) {
  return std::make_unique<IvshmemRig>(options);
}
std::unique_ptr<LinkRig> broker_rig(const RigOptions& options) {
  return std::make_unique<BrokerRig>(options);
}

}  // namespace hawser::bench
