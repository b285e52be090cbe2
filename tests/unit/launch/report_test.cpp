// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/report.hpp>

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace hawser::launch;

TEST_CASE("a row is read whatever the order of its keys") {
  auto row = parse_row(
      "HAWSER-ROW op=write device=blk0 ns=2000000000 ops=256 verified=yes bytes=1048576 doorbells=7 "
      "interrupts=9");
  REQUIRE(row.has_value());
  CHECK(row->device == "blk0");
  CHECK(row->operation == "write");
  CHECK(row->bytes == 1048576);
  CHECK(row->operations_per_second() == 128.0);
  CHECK(row->doorbells == 7);
  CHECK(row->interrupts == 9);
  CHECK(row->verified);
}

TEST_CASE("a note takes the rest of the line") {
  auto row = parse_row("HAWSER-ROW device=net0 op=echo verified=no note=frame 7 came back short");
  REQUIRE(row.has_value());
  CHECK_FALSE(row->verified);
  CHECK(row->note == "frame 7 came back short");
}

TEST_CASE("a malformed row is kept as an unverified one that says why") {
  for (const char* line :
       {"HAWSER-ROW device=blk0 op=write verified=maybe",
        "HAWSER-ROW device=blk0 op=write bytes=-1 verified=yes", "HAWSER-ROW device=blk0 verified=yes",
        "HAWSER-ROW device=blk0 op=write", "HAWSER-ROW device=blk0 op=write verified=yes trailing",
        "HAWSER-ROW device=blk0 op=get id bytes=1 verified=yes",
        "HAWSER-ROW device=blk0 op=write bytes=99999999999999999999999 verified=yes"}) {
    auto row = parse_row(line);
    REQUIRE(row.has_value());
    CHECK_FALSE(row->verified);
    CHECK(row->note.starts_with("malformed row: "));
  }
}

TEST_CASE("other lines are not rows") {
  CHECK_FALSE(parse_row("hello").has_value());
  CHECK_FALSE(parse_row("").has_value());
  CHECK_FALSE(parse_row("x HAWSER-ROW device=blk0 op=write verified=yes").has_value());
}

TEST_CASE("the end of a console is read, nonsense counts as failure") {
  CHECK(parse_end("HAWSER-END status=0") == 0);
  CHECK(parse_end("HAWSER-END status=3") == 3);
  CHECK(parse_end("HAWSER-END status=") == 255);
  CHECK(parse_end("HAWSER-END status=999") == 255);
  CHECK_FALSE(parse_end("END").has_value());
}

TEST_CASE("the table names what did not verify") {
  const std::vector<Row> rows = {{.device = "blk0",
                                  .operation = "read",
                                  .bytes = 64 << 20,
                                  .operations = 100,
                                  .ns = 1000000000,
                                  .doorbells = 1,
                                  .interrupts = 2,
                                  .verified = true,
                                  .note = ""},
                                 {.device = "net0",
                                  .operation = "echo",
                                  .bytes = 12,
                                  .operations = 0,
                                  .ns = 0,
                                  .doorbells = 0,
                                  .interrupts = 0,
                                  .verified = false,
                                  .note = "no answer"}};
  const std::string text = table(rows);
  CHECK(text.find("64.0 MiB") != std::string::npos);
  CHECK(text.find("NO (no answer)") != std::string::npos);
  const nlohmann::json json = rows;
  CHECK(json[0]["operations_per_second"] == 100.0);
  CHECK(json[1]["verified"] == false);
}
