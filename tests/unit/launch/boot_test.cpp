// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/boot.hpp>

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>

using namespace hawser::launch;

TEST_CASE("a driver side that is killed late has as long as any for its new life") {
  const char* program = ::getenv("HAWSER_PROGRAM");
  if (program == nullptr) {
    MESSAGE("SKIPPED: HAWSER_PROGRAM does not say where the program is");
    return;
  }
  std::string folder = std::filesystem::temp_directory_path() / "hawser-boot-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  BootOptions options;
  options.program = program;
  options.driver = options.device = Home::kProcess;
  options.log_directory = folder;
  options.quiet = true;
  options.seconds = 4;
  options.patience = std::chrono::seconds(3);
  options.kills = {{"driver", 3.9}};
  CHECK(boot(options) == 0);
  std::filesystem::remove_all(folder);
}
