// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/launch/boot.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace hawser::launch;

namespace {

namespace fs = std::filesystem;

struct RunFolder {
  RunFolder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~RunFolder() { fs::remove_all(path); }
  std::string path = fs::temp_directory_path() / "hawser-boot-XXXXXX";
};

std::string content(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// One of this process's streams, into a file while this lives.
class Into {
 public:
  Into(std::FILE* stream, const fs::path& path)
      : stream_(stream), number_(::fileno(stream)), before_(::dup(number_)) {
    std::fflush(stream_);
    const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    ::dup2(file, number_);
    ::close(file);
  }
  ~Into() {
    std::fflush(stream_);
    ::dup2(before_, number_);
    ::close(before_);
  }

 private:
  std::FILE* stream_;
  int number_;
  int before_;
};

/// Nothing where the test is run without it.
const char* program() {
  const char* path = ::getenv("HAWSER_PROGRAM");
  if (path == nullptr) MESSAGE("skipped: HAWSER_PROGRAM does not say where the program is");
  return path;
}

struct Ran {
  int status;
  std::string out, errors;
};

Ran ran(BootOptions options, const RunFolder& folder) {
  options.driver = options.device = Home::kProcess;
  options.log_directory = folder.path;
  const fs::path out = fs::path(folder.path) / "out", errors = fs::path(folder.path) / "errors";
  int status = -1;
  {
    const Into one(stdout, out), two(stderr, errors);
    status = boot(options);
  }
  return {status, content(out), content(errors)};
}

}  // namespace

TEST_CASE("a driver side that is killed late has as long as any for its new life") {
  if (program() == nullptr) return;
  const RunFolder folder;
  BootOptions options;
  options.program = program();
  options.quiet = true;
  options.seconds = 4;
  options.patience = std::chrono::seconds(3);
  options.kills = {{"driver", 3.9}};
  CHECK(ran(options, folder).status == 0);
}

TEST_CASE("a run shows both consoles by name, and one table with what every row needs") {
  if (program() == nullptr) return;
  const RunFolder folder;
  BootOptions options;
  options.program = program();
  const Ran run = ran(options, folder);
  CHECK(run.status == 0);
  CHECK(run.errors.find("\ndriver  | ") != std::string::npos);
  CHECK(run.errors.find("\ndevice  | ") != std::string::npos);
  std::size_t at = 0;
  for (const char* head :
       {"device", "operation", "bytes", "operations/s", "doorbells", "interrupts", "verified"}) {
    CAPTURE(head);
    at = run.out.find(head, at);
    REQUIRE(at != std::string::npos);
  }
}

TEST_CASE("what does not verify is named, and the run's status is not 0") {
  if (program() == nullptr) return;
  const RunFolder folder;
  const fs::path liar = fs::path(folder.path) / "hawser";
  std::ofstream(liar) << "#!/bin/sh\n"
                         "[ \"$1\" = use ] || exec \"$HAWSER_PROGRAM\" \"$@\"\n"
                         "\"$HAWSER_PROGRAM\" \"$@\" | sed '/device=rng3/s/verified=yes/verified=no/'\n";
  fs::permissions(liar, fs::perms::owner_all);
  BootOptions options;
  options.program = liar;
  options.quiet = true;
  for (const bool json : {false, true}) {
    options.json = json;
    const Ran run = ran(options, folder);
    CHECK(run.status == 1);
    CHECK(run.errors.find("hawser: rng3 ") != std::string::npos);
    CHECK(run.errors.find("did not verify") != std::string::npos);
    CHECK(run.errors.find("blk0") == std::string::npos);
    if (json) CHECK(run.out.find("\"verified\": false") != std::string::npos);
  }
}
