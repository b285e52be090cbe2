// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The rows of the conformance table that hypercalls alone can show, against the engine: each in a new house, as Xen and
// without its quirks, in virtual time. The same source runs as a bare-metal domain on Xen.
#include "house_host.hpp"

#include <doctest/doctest.h>

using namespace hawser;
using namespace hawser::conformance::argo;

namespace {

template <class Row>
void examine_row(Row row, argo::broker::Options options) {
  test::TwoDomains domains(std::move(options));
  test::HouseHost examiner(domains.one, 2, domains.facts()), other(domains.two, 1);
  Assistant<test::HouseHost> assistant(other);
  domains.one.idle = [&] { assistant.step(); };
  Exam<test::HouseHost> exam(examiner);
  exam.assisted = exam.orders.start(seconds(1));
  REQUIRE(exam.assisted);
  row(exam);
  const Verdict verdict = exam.conclude();
  INFO("line ", verdict.line, ": got ", verdict.got, ", wanted ", verdict.wanted, ": ",
       std::string(verdict.why));
  CHECK(verdict.outcome != Outcome::kFailed);
  CHECK((verdict.outcome == Outcome::kOk || !exam.facts.mac_permissive));
}

template <class Row>
void examine_row_in_every_house(Row row) {
  for (const bool as_xen : {true, false}) {
    for (const bool mac_permissive : {true, false}) {
      CAPTURE(as_xen);
      CAPTURE(mac_permissive);
      argo::broker::Options options;
      options.mac_permissive = mac_permissive;
      options.quirks = {as_xen, as_xen};
      examine_row(row, std::move(options));
    }
  }
}

}  // namespace

#define HAWSER_ARGO_TEST(function, id, sentence)                          \
  TEST_CASE(id ": " sentence) {                                           \
    examine_row_in_every_house([](auto& exam) { rows::function(exam); }); \
  }
HAWSER_ARGO_ROWS(HAWSER_ARGO_TEST)
