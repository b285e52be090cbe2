// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "fields.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace hawser::bench {
namespace {

constexpr std::array<std::string_view, 8> kUnits = {"ns",     "s",        "request/s", "bit/s",
                                                    "byte/s", "packet/s", "count",     "byte"};

Json to_json(const Aim& aim) {
  Json json;
  if (aim.ratio) json["ratio"] = *aim.ratio;
  if (aim.value) json["value"] = *aim.value;
  json["sense"] = aim.sense == Aim::Sense::kAtMost ? "at_most" : "at_least";
  return json;
}

Aim aim_from_json(const Json& json) {
  fields::object(json, "\"aim\"");
  Aim aim;
  if (fields::find(json, "ratio") != nullptr) aim.ratio = fields::number(json, "ratio");
  if (fields::find(json, "value") != nullptr) aim.value = fields::number(json, "value");
  if (aim.ratio.has_value() == aim.value.has_value())
    throw Malformed("\"aim\" has a \"ratio\" or a \"value\", one of the two");
  const std::string sense = fields::text(json, "sense");
  if (sense != "at_most" && sense != "at_least")
    throw Malformed(fmt::format("\"sense\" is \"{}\"; expected at_most or at_least", sense));
  aim.sense = sense == "at_most" ? Aim::Sense::kAtMost : Aim::Sense::kAtLeast;
  return aim;
}

Json to_json(const Latency& latency) {
  Json json{{"unit", latency.unit},
            {"p50", latency.p50},
            {"p99", latency.p99},
            {"p99.9", latency.p999},
            {"max", latency.max}};
  if (latency.histogram.empty()) return json;
  Json buckets = Json::array();
  for (const auto& bucket : latency.histogram) buckets.push_back(Json::array({bucket.upper, bucket.count}));
  json["histogram"] = std::move(buckets);
  return json;
}

Latency latency_from_json(const Json& json) {
  fields::object(json, "\"latency\"");
  Latency latency{fields::text_or(json, "unit", "ns"), fields::number(json, "p50"),
                  fields::number(json, "p99"),         fields::number_or(json, "p99.9", 0),
                  fields::number(json, "max"),         {}};
  if (latency.unit != "ns" && latency.unit != "s")
    throw Malformed(fmt::format("a latency in \"{}\"; expected ns or s", latency.unit));
  for (const Json& bucket : fields::list(json, "histogram", 10'000)) {
    if (!bucket.is_array() || bucket.size() != 2) throw Malformed("a bucket of \"histogram\" is not a pair");
    const double count = fields::number_of(bucket[1], "histogram");
    if (count < 0 || count > 1e18) throw Malformed("a count of \"histogram\" is negative or absurd");
    latency.histogram.push_back(
        {fields::number_of(bucket[0], "histogram"), static_cast<std::uint64_t>(count)});
  }
  return latency;
}

Parameter parameter_of(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number()) return fields::number_of(json, "params");
  return fields::text_of(json, "params");
}

Skip skip_from_json(const Json& json) {
  fields::object(json, "\"skip\"");
  return {fields::text_or(json, "name", ""), fields::text(json, "why")};
}

Note note_from_json(const Json& json) {
  fields::object(json, "\"note\"");
  return {fields::text_or(json, "name", ""), fields::text(json, "text")};
}

Json whole_or_not(double value) {
  if (value == std::floor(value) && std::fabs(value) < 1e15) return static_cast<std::int64_t>(value);
  return value;
}

}  // namespace

Latency latency_of(const Histogram& histogram) {
  return {"ns",
          histogram.percentile(0.5),
          histogram.percentile(0.99),
          histogram.percentile(0.999),
          static_cast<double>(histogram.max()),
          histogram.buckets()};
}

Json to_json(const Figure& figure) {
  Json json{{"name", figure.name},
            {"what", figure.what},
            {"unit", figure.unit},
            {"better", figure.better == Better::kLower ? "lower" : "higher"},
            {"samples", figure.samples}};
  if (!figure.against.empty()) json["against"] = figure.against;
  if (figure.aim) json["aim"] = to_json(*figure.aim);
  if (figure.limit) json["limit"] = true;
  if (figure.exact) json["exact"] = true;
  for (const auto& [key, value] : figure.params)
    json["params"][key] = std::visit(
        []<class T>(const T& one) -> Json {
          if constexpr (std::is_same_v<T, double>) return whole_or_not(one);
          return one;
        },
        value);
  for (const auto& [key, value] : figure.per_request) json["per_request"][key] = value;
  if (figure.latency) json["latency"] = to_json(*figure.latency);
  if (!figure.command.empty()) json["command"] = figure.command;
  return json;
}

Figure figure_from_json(const Json& json) {
  fields::object(json, "\"figure\"");
  Figure figure;
  figure.name = fields::text(json, "name");
  if (figure.name.empty()) throw Malformed("a figure without a name");
  figure.what = fields::text_or(json, "what", "");
  figure.unit = fields::text(json, "unit");
  if (std::find(kUnits.begin(), kUnits.end(), figure.unit) == kUnits.end())
    throw Malformed(fmt::format("the unit of {} is \"{}\"; expected one of {}", figure.name, figure.unit,
                                fmt::join(kUnits, ", ")));
  const std::string better = fields::text(json, "better");
  if (better != "lower" && better != "higher")
    throw Malformed(fmt::format("\"better\" of {} is \"{}\"; expected lower or higher", figure.name, better));
  figure.better = better == "lower" ? Better::kLower : Better::kHigher;
  for (const Json& sample : fields::list(json, "samples"))
    figure.samples.push_back(fields::number_of(sample, "samples"));
  if (figure.samples.empty()) throw Malformed(fmt::format("{} has no samples", figure.name));
  figure.against = fields::text_or(json, "against", "");
  if (const Json* aim = fields::find(json, "aim")) figure.aim = aim_from_json(*aim);
  if (figure.aim && figure.aim->ratio && figure.against.empty())
    throw Malformed(fmt::format("{} aims at a ratio, but is held against nothing", figure.name));
  figure.limit = fields::truth(json, "limit");
  figure.exact = fields::truth(json, "exact");
  if (const Json* params = fields::find(json, "params"))
    for (const auto& [key, value] : fields::object(*params, "\"params\"").items())
      figure.params[key] = parameter_of(value);
  if (const Json* each = fields::find(json, "per_request"))
    for (const auto& [key, value] : fields::object(*each, "\"per_request\"").items())
      figure.per_request[key] = fields::number_of(value, "per_request");
  if (const Json* latency = fields::find(json, "latency")) figure.latency = latency_from_json(*latency);
  figure.command = fields::text_or(json, "command", "");
  return figure;
}

Event parse_event(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded()) throw Malformed("not JSON");
  if (!json.is_object() || json.size() != 1) throw Malformed("not an object of one event");
  const std::string& kind = json.begin().key();
  const Json& body = json.begin().value();
  if (kind == "figure") return figure_from_json(body);
  if (kind == "skip") return skip_from_json(body);
  if (kind == "note") return note_from_json(body);
  if (kind == "end") return EndEvent{};
  if (kind == "begin") {
    fields::object(body, "\"begin\"");
    const double seconds = fields::number_or(body, "seconds", 0);
    return BeginEvent{fields::text_or(body, "suite", ""),
                      {fields::count(body, "steps"), std::max(0.0, seconds)}};
  }
  if (kind == "step") {
    fields::object(body, "\"step\"");
    return StepEvent{fields::text_or(body, "name", ""), fields::count(body, "done")};
  }
  throw Malformed(fmt::format("there is no event \"{}\"", kind.substr(0, 40)));
}

std::string line_of(const Event& event) {
  struct {
    Json operator()(const BeginEvent& e) const {
      return {{"begin", {{"suite", e.suite}, {"steps", e.plan.steps}, {"seconds", e.plan.seconds}}}};
    }
    Json operator()(const StepEvent& e) const { return {{"step", {{"name", e.name}, {"done", e.done}}}}; }
    Json operator()(const Figure& e) const { return Json{{"figure", to_json(e)}}; }
    Json operator()(const Skip& e) const { return {{"skip", {{"name", e.name}, {"why", e.why}}}}; }
    Json operator()(const Note& e) const { return {{"note", {{"name", e.name}, {"text", e.text}}}}; }
    Json operator()(const EndEvent&) const { return Json{{"end", Json::object()}}; }
  } in_json;
  return std::visit(in_json, event).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hawser::bench
