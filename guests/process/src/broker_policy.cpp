// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The broker's policy file and the words of --domain.
#include <hawser/process/argo_broker.hpp>

#include <hawser/ivshmem/server/error.hpp>
#include <hawser/ivshmem/server/policy_file.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <array>
#include <charconv>
#include <stdexcept>

namespace hawser::process {
namespace {

using argo::broker::Rule;
using argo::broker::Rules;
using ivshmem::Error;

/// Reads one [[allow]], and knows where it is when something is wrong. The words of a value are those of --allow.
class RuleReader {
 public:
  RuleReader(std::string_view file, const toml::table& table) : file_(file), table_(table) {}

  Rule read() const {
    static constexpr std::array<std::string_view, 5> kKeys = {"from", "to", "ports", "bytes-per-second",
                                                              "messages-per-second"};
    ivshmem::expect_keys(table_, file_, "an allow", kKeys);
    std::string words = need("from") + ":" + need("to");
    if (const auto ports = word("ports")) words += ":" + *ports;
    if (const auto bytes = word("bytes-per-second")) words += ",bytes=" + *bytes;
    if (const auto messages = word("messages-per-second")) words += ",messages=" + *messages;
    try {
      return argo::broker::parse_rule(words);
    } catch (const std::invalid_argument& e) {
      fail(table_, e.what());
    }
  }

 private:
  [[noreturn]] void fail(const toml::node& where, std::string_view what) const {
    Error::raise("{}:{}: {}", file_, where.source().begin.line, what);
  }

  std::optional<std::string> word(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::nullopt;
    if (const auto number = node->value_exact<std::int64_t>()) return fmt::format("{}", *number);
    auto text = node->value_exact<std::string>();
    if (!text || text->find_first_of(":,= ") != std::string::npos) {
      fail(*node, fmt::format("\"{}\" must be a number, or a string as --allow takes it", key));
    }
    return text;
  }

  std::string need(std::string_view key) const {
    const auto value = word(key);
    if (!value)
      fail(table_, fmt::format("an allow without \"{}\": expected a domain's number, or \"*\"", key));
    return *value;
  }

  std::string_view file_;
  const toml::table& table_;
};

}  // namespace

Rules parse_broker_policy(std::string_view text, std::string_view file) {
  Rules rules;
  ivshmem::for_each_table(text, file, "allow",
                          [&](const toml::table& table) { rules.push_back(RuleReader(file, table).read()); });
  return rules;
}

Rules load_broker_policy(const std::string& file) {
  return parse_broker_policy(ivshmem::read_policy_file(file), file);
}

BrokerDomain parse_broker_domain(std::string_view text) {
  const auto wrong = [&](std::string_view what) {
    throw std::invalid_argument(fmt::format(
        "\"{}\": {}: expected ID:SOCKET or ID:SOCKET,size=16M, such as 1:/run/hawser/one", text, what));
  };
  BrokerDomain domain;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) wrong("there is no socket");
  const std::string_view number = text.substr(0, colon);
  std::uint64_t id = argo::broker::kFirstReserved;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), id);
  if (error != std::errc{} || stop != number.data() + number.size() || id >= argo::broker::kFirstReserved) {
    wrong(fmt::format("a domain's number is 0 to {}", argo::broker::kFirstReserved - 1));
  }
  domain.id = static_cast<argo::broker::DomainId>(id);
  std::string_view rest = text.substr(colon + 1);
  // A socket's path may hold commas; what is told of the domain comes last.
  if (const auto comma = rest.rfind(",size="); comma != std::string_view::npos) {
    try {
      domain.size = ivshmem::parse_memory_size(rest.substr(comma + 6));
    } catch (const Error& e) {
      wrong(e.what());
    }
    if (domain.size < 2 * argo::kPageBytes)
      wrong("a domain has at least 8K: a page of hypercalls, and one of its own");
    rest = rest.substr(0, comma);
  }
  if (rest.empty()) wrong("there is no socket");
  domain.socket = rest;
  return domain;
}

}  // namespace hawser::process
