// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One thread, one loop. A domain has one request in its page at most, and a turn of the loop serves one request of each:
// who asks fast waits for the others.
#include <hawser/process/argo_broker.hpp>

#include <hawser/argo/broker/gate.hpp>
#include <hawser/argo/broker_page.hpp>
#include <hawser/ivshmem/server/clock.hpp>
#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/json.hpp>
#include <hawser/ivshmem/server/served_window.hpp>
#include <hawser/ivshmem/server/server_loop.hpp>
#include <hawser/ivshmem/server/size.hpp>
#include <hawser/ivshmem/server/status_port.hpp>

#include <sys/epoll.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <optional>
#include <set>
#include <stdexcept>

namespace hawser::process {
namespace {

using argo::broker::Gate;
using ivshmem::Error;
using ivshmem::monotonic_now;
using ivshmem::ServedWindow;

constexpr std::uint64_t kStatus = 2, kDomains = 16;  // and the domain's place in the list

/// A place for a domain: whoever joins by its socket is that domain until it leaves.
class Place {
 public:
  Place(argo::broker::Xen& xen, const BrokerDomain& domain, const Say& say)
      : domain_(domain),
        window_({.name = fmt::format("domain-{}", domain.id),
                 .socket = domain.socket,
                 .size = domain.size,
                 .vectors = argo::page::kVectors,
                 .log = say,
                 .inherited = {}},
                {.joined =
                     [this, &xen] {
                       gate_.emplace(xen, domain_.id, window_.memory(), ServedWindow::kOwnId,
                                     [this](std::uint16_t vector) { window_.ring(vector); });
                     },
                 .left = [this] { gate_.reset(); },
                 .rung = [this](std::uint16_t) { asked_ = true; }}) {}

  const BrokerDomain& domain() const { return domain_; }
  ServedWindow& window() { return window_; }
  bool there() const { return gate_.has_value(); }

  void poll(Instant now) {
    window_.poll(now);
    if (std::exchange(asked_, false) && gate_) gate_->serve(now);
  }

 private:
  BrokerDomain domain_;
  bool asked_ = false;
  std::optional<Gate> gate_;  // outlives the window, which closes it
  ServedWindow window_;
};

}  // namespace

class ArgoBroker::Impl {
 public:
  explicit Impl(ArgoBrokerOptions options)
      : options_(std::move(options)), started_(monotonic_now()), xen_(engine()) {
    check();
    (void)ivshmem::raise_descriptor_limit();
    for (const BrokerDomain& domain : options_.domains) {
      places_.push_back(std::make_unique<Place>(xen_, domain, options_.say));
      loop_.watch(places_.back()->window().fd(), EPOLLIN, kDomains + places_.size() - 1);
      say(fmt::format("domain {} joins on {}: {}", domain.id, domain.socket,
                      ivshmem::format_size(domain.size)));
    }
    if (!options_.status_socket.empty()) {
      status_ = std::make_unique<ivshmem::StatusPort>(options_.status_socket, loop_, kStatus);
    }
    tell_rules();
  }

  void run(ivshmem::ServerControl& control) {
    loop_.run(control, {.timeout = [this](Instant now) { return timeout(now); },
                        .ready =
                            [this](std::uint64_t token, Instant now) {
                              if (token != kStatus) return places_[token - kDomains]->poll(now);
                              status_->accept([this] { return status(); }, now);
                            },
                        .after = [this](Instant now) { tick(now); },
                        .reload = [this] { reload(); }});
    const auto there =
        std::count_if(places_.begin(), places_.end(), [](const auto& p) { return p->there(); });
    say(fmt::format("stopped with {} domains there", there));
  }

 private:
  argo::broker::Options engine() {
    if (!options_.say) options_.say = [](std::string_view) {};
    argo::broker::Options argo = options_.argo;
    argo.log = options_.say;
    own_rules_ = argo.rules;
    if (!options_.policy.empty()) {
      for (const auto& rule : load_broker_policy(options_.policy)) argo.rules.push_back(rule);
    }
    return argo;
  }

  void check() const {
    if (options_.domains.empty())
      throw std::invalid_argument("a broker without a domain serves nobody: add --domain");
    std::set<argo::broker::DomainId> ids;
    std::set<std::string> sockets;
    for (const BrokerDomain& domain : options_.domains) {
      if (!ids.insert(domain.id).second) {
        throw std::invalid_argument(fmt::format("domain {} is named twice", domain.id));
      }
      if (!sockets.insert(domain.socket).second || domain.socket == options_.status_socket) {
        throw std::invalid_argument(
            fmt::format("{} is named twice: each domain has a socket of its own", domain.socket));
      }
    }
  }

  void tick(Instant now) {
    for (const auto& place : places_) {
      if (place->window().due() <= now) place->poll(now);
    }
    if (status_) status_->tick(now);
    xen_.advance(now);
  }

  int timeout(Instant now) const {
    Instant due = xen_.next_due();
    for (const auto& place : places_) due = std::min(due, place->window().due());
    if (status_) due = std::min(due, status_->due(now));
    if (due == Instant::never()) return -1;
    return static_cast<int>(std::min<std::uint64_t>((elapsed(now, due).ns + 999'999) / 1'000'000, 60'000));
  }

  void reload() {
    if (options_.policy.empty()) return say("asked to read the policy again, but there is none");
    try {
      argo::broker::Rules rules = own_rules_;
      for (const auto& rule : load_broker_policy(options_.policy)) rules.push_back(rule);
      xen_.set_rules(std::move(rules));
    } catch (const Error& e) {
      return say(fmt::format("{}; the old rules stay", e.what()));
    }
    say(fmt::format("read {} again", options_.policy));
    tell_rules();
  }

  void tell_rules() const {
    if (xen_.rules().empty())
      return say("no rule allows anything: domains can talk to nobody but themselves");
    for (const auto& rule : xen_.rules()) {
      say(fmt::format("allowed: {}", format_rule(rule)));
      for (const auto& side : {rule.from, rule.to}) {
        if (side && !std::any_of(places_.begin(), places_.end(),
                                 [&](const auto& place) { return place->domain().id == *side; }))
          say(fmt::format("no --domain is {}, so this rule allows nothing", *side));
      }
    }
  }

  std::string status() const {
    using Json = nlohmann::ordered_json;
    Json domains = Json::array();
    for (const auto& place : places_) {
      const auto id = place->domain().id;
      const auto counters = xen_.counters(id);
      Json one = {{"id", id}, {"socket", place->domain().socket}, {"size", place->domain().size}};
      one["pid"] = place->there() ? Json(place->window().client().pid) : Json(nullptr);
      one["rings"] = xen_.rings(id);
      one["hypercalls"] = counters.hypercalls;
      one["messages"] = counters.messages;
      one["bytes"] = counters.bytes;
      one["refused"] = counters.refused;
      one["held"] = counters.held;
      one["signals"] = counters.signals;
      domains.push_back(std::move(one));
    }
    Json rules = Json::array();
    for (const auto& rule : xen_.rules()) rules.push_back(format_rule(rule));
    const Json status = {{"pid", ::getpid()},
                         {"seconds", elapsed(started_, monotonic_now()).ns / seconds(1).ns},
                         {"rules", std::move(rules)},
                         {"domains", std::move(domains)}};
    return ivshmem::json_text(status);
  }

  void say(std::string_view sentence) const { options_.say(sentence); }

  ArgoBrokerOptions options_;
  Instant started_;
  argo::broker::Rules own_rules_;
  argo::broker::Xen xen_;
  ivshmem::ServerLoop loop_;
  std::vector<std::unique_ptr<Place>> places_;
  std::unique_ptr<ivshmem::StatusPort> status_;
};

ArgoBroker::ArgoBroker(ArgoBrokerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
ArgoBroker::~ArgoBroker() = default;
void ArgoBroker::run(ivshmem::ServerControl& control) {
  impl_->run(control);
}

void run_argo_broker(ArgoBrokerOptions options) {
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads the log may go away
  ivshmem::ServerControl control;
  control.take_signals();
  ArgoBroker broker(std::move(options));
  broker.run(control);
}

}  // namespace hawser::process
