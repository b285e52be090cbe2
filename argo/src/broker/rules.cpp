// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/argo/broker/rules.hpp>

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace hawser::argo::broker {
namespace {

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw std::invalid_argument(fmt::format(format, std::forward<Args>(args)...));
}

/// The text up to the separator, which goes with it; all of it if there is none.
std::string_view take(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  const std::string_view head = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return head;
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  return error == std::errc{} && stop == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<DomainId> domain_in(std::string_view text, std::string_view rule) {
  if (text == "*") return std::nullopt;
  const auto id = number_in(text);
  if (!id || *id >= kFirstReserved) {
    fail("\"{}\" in the rule \"{}\" names no domain: expected 0 to {}, or *", text, rule, kFirstReserved - 1);
  }
  return static_cast<DomainId>(*id);
}

std::uint32_t port_in(std::string_view text, std::string_view rule) {
  const auto port = number_in(text);
  if (!port || *port > UINT32_MAX) {
    fail("\"{}\" in the rule \"{}\" is not a port: expected 0 to 0xffffffff", text, rule);
  }
  return static_cast<std::uint32_t>(*port);
}

std::uint64_t rate_in(std::string_view text, std::string_view rule) {
  int shift = 0;
  if (!text.empty()) {
    const auto unit = std::string_view("KMG").find(static_cast<char>(text.back() & ~0x20));
    if (unit != std::string_view::npos) {
      shift = static_cast<int>(10 * (unit + 1));
      text.remove_suffix(1);
    }
  }
  const auto rate = number_in(text);
  if (!rate || *rate == 0 || *rate > (UINT64_MAX >> 20 >> shift)) {
    fail("\"{}\" in the rule \"{}\" is not a rate: expected a number above 0 with an optional K, M or G",
         text, rule);
  }
  return *rate << shift;
}

}  // namespace

Rule parse_rule(std::string_view text) {
  std::string_view rest = text;
  std::string_view who = take(rest, ',');
  if (who.find(':') == std::string_view::npos) {
    fail(
        "\"{}\" is not a rule: expected FROM:TO, FROM:TO:PORT or FROM:TO:FIRST-LAST, such as 1:2:0x100-0x1ff",
        text);
  }
  Rule rule;
  rule.from = domain_in(take(who, ':'), text);
  const bool ports = who.find(':') != std::string_view::npos;
  rule.to = domain_in(take(who, ':'), text);
  if (ports) {
    const bool range = who.find('-') != std::string_view::npos;
    rule.first_port = rule.last_port = port_in(take(who, '-'), text);
    if (range) rule.last_port = port_in(who, text);
    if (rule.last_port < rule.first_port) fail("the ports in the rule \"{}\" are the wrong way round", text);
  }
  while (!rest.empty()) {
    std::string_view value = take(rest, ',');
    const std::string_view key = take(value, '=');
    if (key == "bytes") {
      rule.budget.bytes_per_second = rate_in(value, text);
    } else if (key == "messages") {
      rule.budget.messages_per_second = rate_in(value, text);
    } else {
      fail("\"{}\" in the rule \"{}\" is not known: expected bytes=N or messages=N, each a second", key,
           text);
    }
  }
  return rule;
}

std::string format_rule(const Rule& rule) {
  const auto name = [](std::optional<DomainId> id) { return id ? fmt::format("{}", *id) : std::string("*"); };
  std::string text = name(rule.from) + ":" + name(rule.to);
  if (rule.first_port == rule.last_port) {
    text += fmt::format(":{:#x}", rule.first_port);
  } else if (rule.first_port != 0 || rule.last_port != UINT32_MAX) {
    text += fmt::format(":{:#x}-{:#x}", rule.first_port, rule.last_port);
  }
  if (rule.budget.bytes_per_second != 0) text += fmt::format(",bytes={}", rule.budget.bytes_per_second);
  if (rule.budget.messages_per_second != 0)
    text += fmt::format(",messages={}", rule.budget.messages_per_second);
  return text;
}

}  // namespace hawser::argo::broker
