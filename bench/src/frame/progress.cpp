// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/bench/progress.hpp>
#include <hawser/bench/words.hpp>

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace hawser::bench {
namespace {

constexpr double kRedraw = 0.1;
constexpr double kLine = 5;

std::size_t columns(std::FILE* to) {
  winsize size{};
  if (ioctl(fileno(to), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

void Forecast::begin_part(std::size_t part, double now) {
  part_ = part;
  began_ = now;
  plan_ = {};
  done_ = 0;
}

void Forecast::plan(const Plan& plan) {
  plan_ = plan;
  if (plan.seconds > 0) parts_[part_].seconds = plan.seconds;
}

double Forecast::left_of_part(double now) const {
  const double passed = now - began_;
  const double planned = std::max(0.0, parts_[part_].seconds - passed);
  if (plan_.steps == 0 || done_ == 0) return planned;
  // The plan counts less the more is known.
  const double share = std::min(1.0, static_cast<double>(done_) / plan_.steps);
  const double by_rate = passed * (1 - share) / share;
  return share * by_rate + (1 - share) * planned;
}

double Forecast::left(double now) const {
  double left = left_of_part(now);
  for (std::size_t n = part_ + 1; n < parts_.size(); ++n) left += parts_[n].seconds;
  return left;
}

double Forecast::share(double now) {
  const double all = now + left(now);
  shown_ = std::max(shown_, all <= 0 ? 0 : std::min(1.0, now / all));
  return shown_;
}

Progress::Progress(std::FILE* to, std::vector<Forecast::Part> parts)
    : to_(to),
      terminal_(isatty(fileno(to)) != 0),
      forecast_(std::move(parts)),
      began_(std::chrono::steady_clock::now()) {
  if (const char* term = std::getenv("TERM"); term != nullptr && std::strcmp(term, "dumb") == 0)
    terminal_ = false;
}

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

void Progress::begin_part(std::size_t part, const std::string& suite) {
  suite_ = suite;
  name_.clear();
  forecast_.begin_part(part, seconds());
  draw(true);
}

void Progress::plan(const Plan& plan) {
  forecast_.plan(plan);
  draw(false);
}

void Progress::step(const std::string& name, unsigned done) {
  name_ = name;
  forecast_.step(done);
  draw(false);
}

void Progress::draw(bool now) {
  const double at = seconds();
  if (at - drawn_ < (terminal_ ? kRedraw : kLine) && !(now && terminal_)) return;
  drawn_ = at;
  const double share = forecast_.share(at);
  const std::string left = span_in_words(forecast_.left(at)) + " left";
  if (!terminal_) {
    fmt::print(to_, "{:3.0f} %, {}: {}{}{}\n", share * 100, left, suite_, name_.empty() ? "" : "/", name_);
    std::fflush(to_);
    return;
  }
  constexpr int kBar = 24;
  const int full = static_cast<int>(share * kBar);
  std::string line =
      fmt::format("[{}{}] {:3.0f} %  {}  {}{}{}", std::string(static_cast<std::size_t>(full), '#'),
                  std::string(static_cast<std::size_t>(kBar - full), '.'), share * 100, left, suite_,
                  name_.empty() ? "" : "/", name_);
  line.resize(std::min(line.size(), columns(to_) - 1));  // all of it is ASCII but, perhaps, somebody's names
  fmt::print(to_, "\r{}\033[K", line);
  std::fflush(to_);
  there_ = true;
}

void Progress::clear() {
  if (!there_) return;
  fmt::print(to_, "\r\033[K");
  std::fflush(to_);
  there_ = false;
}

}  // namespace hawser::bench
