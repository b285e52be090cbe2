// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Figures in JSON and back; what a suite program may say, and what it may not.
#include <hawser/bench/events.hpp>
#include <hawser/bench/results.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hawser::bench;

namespace {

Figure whole_figure() {
  Figure figure{.name = "packed.rtt", .what = "round trip", .unit = "ns", .samples = {175, 180.5, 170}};
  figure.against = "pingpong.one_line";
  figure.aim = Aim{.ratio = 1.5, .value = {}, .sense = Aim::Sense::kAtMost};
  figure.params = {{"depth", 1.0}, {"link", std::string("ivshmem")}, {"stress", true}};
  figure.per_request = {{"doorbells", 0.05}};
  figure.latency = Latency{"ns", 1, 2, 3, 4, {{1, 10}, {4, 1}}};
  figure.command = "hawser bench queue --only packed.rtt";
  return figure;
}

std::string refusal(const std::string& line) {
  try {
    (void)parse_event(line);
  } catch (const Malformed& wrong) {
    return wrong.what();
  }
  return "";
}

std::string figure_with(const std::string& more) {
  return R"({"figure":{"name":"a","unit":"ns","better":"lower","samples":[1])" + more + "}}";
}

}  // namespace

TEST_CASE("a figure is the same after a way through JSON") {
  const Figure figure = whole_figure();
  const auto event = parse_event(line_of(figure));
  REQUIRE(std::holds_alternative<Figure>(event));
  CHECK(to_json(std::get<Figure>(event)) == to_json(figure));
  CHECK(std::get<Figure>(event).latency->histogram[1].count == 1);
}

TEST_CASE("every event is the same after a way through a line") {
  const Event events[] = {BeginEvent{"guests", {120, 180}}, StepEvent{"net, run 2", 3},
                          Skip{"nfs", "it is not installed"}, Note{"tcp", "in plain words"}, EndEvent{}};
  for (const Event& event : events) CHECK(line_of(parse_event(line_of(event))) == line_of(event));
}

TEST_CASE("lines that are no events are refused with what was found and expected") {
  CHECK(refusal("garbage") == "not JSON");
  CHECK(refusal("[1]") == "not an object of one event");
  CHECK(refusal(R"({"figure":{},"end":{}})") == "not an object of one event");
  CHECK(refusal(R"({"shout":{}})") == "there is no event \"shout\"");
  CHECK(refusal(R"({"figure":7})") == "\"figure\" is not an object");
  CHECK(refusal(R"({"figure":{"name":"a"}})") == "\"unit\" is missing");
  CHECK(refusal(R"({"figure":{"name":"a","unit":"m","better":"lower","samples":[1]}})")
            .find("expected one of ns") != std::string::npos);
  CHECK(refusal(R"({"figure":{"name":"a","unit":"ns","better":"lower","samples":[]}})") ==
        "a has no samples");
  CHECK(refusal(R"({"figure":{"name":"a","unit":"ns","better":"lower","samples":["x"]}})") ==
        "\"samples\" is not a number");
  CHECK(refusal(figure_with(R"(,"aim":{"sense":"at_most"})")).find("one of the two") != std::string::npos);
  CHECK(refusal(figure_with(R"(,"aim":{"ratio":1,"sense":"at_most"})")) ==
        "a aims at a ratio, but is held against nothing");
  CHECK(refusal(figure_with(R"(,"latency":{"p50":1})")) == "\"p99\" is missing");
  CHECK(refusal(figure_with(R"(,"params":[1])")) == "\"params\" is not an object");
  CHECK(refusal(R"({"step":{"done":-1}})").find("expected 0 to 10^9") != std::string::npos);
  CHECK(refusal(R"({"skip":{"why":")" + std::string(10'000, 'x') + R"("}})").find("8192 at most") !=
        std::string::npos);
}

TEST_CASE("what would command a terminal does not reach it") {
  const auto event = parse_event("{\"note\":{\"text\":\"a\\u001b[2Jb\"}}");
  CHECK(std::get<Note>(event).text == "a [2Jb");
}

TEST_CASE("results are the same after a way through their document") {
  Results results;
  results.machine.id = "0123456789abcdef";
  results.machine.name = "a machine";
  results.machine.cores = {2, 3};
  results.started = "2026-01-02T03:04:05Z";
  results.quick = true;
  SuiteResult suite{.name = "queue",
                    .status = SuiteStatus::kFailed,
                    .seconds = 3,
                    .figures = {whole_figure()},
                    .skips = {{"a", "b"}},
                    .notes = {{"", "c"}}};
  results.suites.push_back(suite);
  const Json json = to_json(results);
  CHECK(to_json(results_from_json(json)) == json);
  CHECK(json["suites"][0]["figures"][0]["median"] == 175);
  CHECK_FALSE(json["suites"][0]["figures"][0].contains("ratio"));  // what it is held against was not measured
}

TEST_CASE("a document of another kind or version is refused") {
  CHECK_THROWS_WITH_AS(results_from_json(Json::parse("{}")), "not results of hawser bench", Malformed);
  CHECK_THROWS_AS(results_from_json(Json::parse(R"({"format":"hawser-bench","version":99})")), Malformed);
  CHECK_THROWS_AS(results_from_json(Json::parse(R"({"format":"hawser-bench","version":1})")), Malformed);
}
