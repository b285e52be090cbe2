// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "program.hpp"

#include "verbs.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <iostream>
#include <stdexcept>

void hawser::cli::say(std::string_view sentence) noexcept {
  std::fprintf(stderr, "hawser: %.*s\n", static_cast<int>(sentence.size()), sentence.data());
}

namespace {

using hawser::cli::AddVerbs;

/// A closed standard descriptor would be given to the next socket or disk that is opened, and what is said would be
/// written there. What cannot be read or written takes its place.
void hold_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
      (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // takes the lowest free number: fd
  }
}

int run(int argc, char** argv, AddVerbs add_verbs) {
  CLI::App app(
      "Hawser moors one guest to another: virtio devices that another guest serves, over ivshmem or Argo.",
      "hawser");
  app.set_version_flag("--version", "hawser " HAWSER_VERSION);
  app.require_subcommand(1);

  hawser::cli::Status status = 0;
  add_verbs(app, status);
  // After the verbs, which would inherit it.
  app.footer("Start with: hawser boot\nEach verb explains itself: hawser VERB --help");

  const std::string_view verb = argc > 1 ? argv[1] : "";
  const bool known =
      !verb.empty() &&
      !app.get_subcommands([&](const CLI::App* one) { return one->get_name() == verb; }).empty();
  const auto wrong_words = [&](const char* what) {
    hawser::cli::say(what);
    std::fputs(fmt::format("See: hawser {}{}--help\n", known ? verb : "", known ? " " : "").c_str(), stderr);
    return 64;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    if (verb.empty()) return wrong_words("name a verb");
    if (!known && !verb.starts_with('-'))
      return wrong_words(fmt::format("there is no verb '{}'", verb).c_str());
    return wrong_words(error.what());
  } catch (const std::invalid_argument& error) {
    return wrong_words(error.what());
  } catch (const std::exception& error) {
    hawser::cli::say(error.what());
    return 2;
  }
  return status;
}

}  // namespace

int hawser::cli::run_program(int argc, char** argv, AddVerbs add_verbs) {
  hold_standard_descriptors();
  const int status = run(argc, argv, add_verbs);
  std::cout.flush();  // help
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good()) return status;
  hawser::cli::say("standard output could not be written: results are missing");
  return status == 0 ? 2 : status;
}
