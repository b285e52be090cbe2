// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/transport/result.hpp>

#include <doctest/doctest.h>

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

using namespace hawser;

namespace {

enum class Trouble : std::uint8_t {
  kNone,
  kSmall,
  kLarge
};

Result<int, Trouble> number(bool fine) {
  if (!fine) return Err{Trouble::kLarge};
  return 7;
}

Result<void, Trouble> deed(bool fine) {
  if (!fine) return Err{Trouble::kSmall};
  return {};
}

Result<std::unique_ptr<int>, Trouble> owned(bool fine) {
  if (!fine) return Err{Trouble::kSmall};
  return std::make_unique<int>(42);
}

Result<std::string, Trouble> chained(bool first, bool second, bool third) {
  HAWSER_TRY(n, number(first));
  HAWSER_TRY(p, owned(second));
  HAWSER_CHECK(deed(third));
  return std::to_string(n) + " and " + std::to_string(*p);
}

/// Counts its living instances.
struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(Counted&&) noexcept { ++alive; }
  ~Counted() { --alive; }
};

template <class F>
bool traps(F f) {
  const pid_t child = fork();
  if (child == 0) {
    for (const int s : {SIGILL, SIGTRAP, SIGABRT}) std::signal(s, SIG_DFL);
    f();
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
  }
  return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;  // a sanitizer may turn the trap into an exit
}

}  // namespace

TEST_CASE("a result is a value or an error, never both") {
  CHECK(number(true).ok());
  CHECK(number(true));
  CHECK(*number(true) == 7);
  CHECK_FALSE(number(false).ok());
  CHECK(number(false).error() == Trouble::kLarge);
}

TEST_CASE("an error whose number is zero is still an error") {
  const Result<void, Trouble> nothing = Err{Trouble::kNone};
  CHECK_FALSE(nothing.ok());
  const Result<int, Trouble> none = Err{Trouble::kNone};
  CHECK_FALSE(none.ok());
}

TEST_CASE("a result without a value is done or an error") {
  CHECK(deed(true).ok());
  CHECK(deed(false).error() == Trouble::kSmall);
}

TEST_CASE("a move-only value moves out of its result") {
  auto p = owned(true);
  REQUIRE(p.ok());
  CHECK(**p == 42);
  const std::unique_ptr<int> taken = std::move(p).value();
  CHECK(*taken == 42);
  CHECK(owned(false).error() == Trouble::kSmall);
}

TEST_CASE("a value lives exactly as long as its result") {
  Counted::alive = 0;
  {
    Result<Counted, Trouble> first{Counted{}};
    CHECK(Counted::alive == 1);
    Result<Counted, Trouble> second{std::move(first)};
    CHECK(Counted::alive == 2);
    const Result<Counted, Trouble> error = Err{Trouble::kSmall};
    CHECK(Counted::alive == 2);
    const Counted out = std::move(second).value();
    CHECK(Counted::alive == 3);
  }
  CHECK(Counted::alive == 0);
}

TEST_CASE("value_or gives the other thing only for an error") {
  CHECK(number(true).value_or(1) == 7);
  CHECK(number(false).value_or(1) == 1);
}

TEST_CASE("HAWSER_TRY and HAWSER_CHECK return the first error and go on otherwise") {
  CHECK(*chained(true, true, true) == "7 and 42");
  CHECK(chained(false, false, false).error() == Trouble::kLarge);
  CHECK(chained(true, false, false).error() == Trouble::kSmall);
  CHECK(chained(true, true, false).error() == Trouble::kSmall);
}

TEST_CASE("asking for the value of an error traps, and for the error of a value") {
  CHECK(traps([] { (void)number(false).value(); }));
  CHECK(traps([] { (void)number(true).error(); }));
  CHECK(traps([] { (void)deed(true).error(); }));
  CHECK_FALSE(traps([] { (void)number(true).value(); }));
}

static_assert([] {
  constexpr Result<int, Trouble> seven = 7;
  constexpr Result<int, Trouble> bad = Err{Trouble::kSmall};
  return *seven == 7 && bad.error() == Trouble::kSmall;
}());
static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>, Trouble>>);
