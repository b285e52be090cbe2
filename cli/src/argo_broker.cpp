// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "numbers.hpp"
#include "verbs.hpp"

#include <hawser/process/argo_broker.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace hawser::cli {
namespace {

struct BrokerWords {
  std::vector<std::string> domains, allow;
  std::string policy, status_socket, quirks = "xen";
  std::uint32_t max_message = 1 << 20;
  bool mac_permissive = false;
};

}  // namespace

void add_argo_broker(CLI::App& app, Status& status) {
  auto words = std::make_shared<BrokerWords>();
  auto* verb =
      app.add_subcommand("argo-broker", "be Xen's Argo for QEMU guests and processes, where there is no Xen");
  verb->footer(
      "Whoever connects to a domain's socket is that domain, and shares a window with the broker alone. A "
      "guest joins "
      "with:\n"
      "  -chardev socket,id=a,path=SOCKET -device ivshmem-doorbell,chardev=a,vectors=2\n"
      "Nobody may send to another domain without a rule. FROM and TO are domains or *, PORTS is one or "
      "FIRST-LAST;\n"
      "bytes=N and messages=N limit the rule, each a second, for each pair of domains. A sender over its "
      "limit gets "
      "EAGAIN\n"
      "and a signal when it may go on. In the policy file, a rule is written as\n"
      "  [[allow]]\n"
      "  from = 1\n"
      "  to = \"*\"\n"
      "  ports = \"0x48570000-0x48570003\"\n"
      "  bytes-per-second = \"100M\"\n"
      "SIGHUP reads the policy file again; SIGTERM and SIGINT stop the broker and remove its sockets.\n"
      "Example, two domains that may talk to each other:\n"
      "  hawser argo-broker --domain 1:/run/one --domain 2:/run/two --allow 1:2 --allow 2:1");
  verb->add_option("--domain", words->domains,
                   "ID:SOCKET[,size=16M]: a domain, and where it joins; may be repeated")
      ->required()
      ->allow_extra_args(false);
  verb->add_option("--allow", words->allow,
                   "FROM:TO[:PORTS][,bytes=N][,messages=N]: who may send to whom; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--policy", words->policy, "TOML file with more rules")->check(CLI::ExistingFile);
  verb->add_option("--max-message", words->max_message, "bytes of the longest message; longer is EMSGSIZE")
      ->transform(size(16, argo::broker::kMaxMessageBytes))
      ->default_str("1M");
  verb->add_flag("--mac-permissive", words->mac_permissive,
                 "rings for any sender may be registered, as with Xen's argo=1,mac-permissive=1");
  verb->add_option("--quirks", words->quirks,
                   "what Xen 4.17 does and nobody would design: as there, or not at all")
      ->check(CLI::IsMember({"xen", "none"}))
      ->capture_default_str();
  verb->add_option("--status-socket", words->status_socket, "answers every connection with one line of JSON")
      ->check(socket_path());
  verb->callback([words, &status] {
    process::ArgoBrokerOptions options;
    for (const auto& text : words->domains) options.domains.push_back(process::parse_broker_domain(text));
    for (const auto& text : words->allow) options.argo.rules.push_back(argo::broker::parse_rule(text));
    options.policy = words->policy;
    options.status_socket = words->status_socket;
    options.argo.max_message = words->max_message;
    options.argo.mac_permissive = words->mac_permissive;
    const bool as_xen = words->quirks == "xen";
    options.argo.quirks = {.zero_extended_errors = as_xen, .ring_count_leak = as_xen};
    options.say = [](std::string_view sentence) {
      // fputs: a log that cannot be written must not end the broker, as fmt::print would.
      std::fputs(fmt::format("argo-broker: {}\n", sentence).c_str(), stderr);
    };
    process::run_argo_broker(std::move(options));
    status = 0;
  });
}

}  // namespace hawser::cli
