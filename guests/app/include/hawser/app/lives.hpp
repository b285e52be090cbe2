// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The lives of one side, each of which ends at a step that is drawn when it begins; kept where it survives them.
#pragma once

#include <hawser/app/fate.hpp>

#include <hawser/transport/random.hpp>
#include <hawser/transport/time.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace hawser::app {

/// All zeros is a new one.
class Lives {
 public:
  constexpr Lives() = default;

  static constexpr std::uint32_t kFewest = 8;     ///< A step of each kind that a life comes to anyhow.
  static constexpr std::uint32_t kFurthest = 80;  ///< And one behind which there is nothing new.

  /// The present life's fate: the kinds of steps take turns, and which one of a kind is drawn from those that a life has
  /// come to before.
  Fate draw(std::uint64_t seed, Fate::End end) const {
    const auto step = static_cast<Step>(over_ % kSteps);
    const std::uint32_t most = std::clamp(most_[over_ % kSteps], kFewest, kFurthest);
    return Fate(step, static_cast<std::uint32_t>(1 + random(seed, 0).below(most)), end);
  }

  /// How long nothing is heard of this side after the present life: often less than a peer waits, sometimes more.
  Duration draw_silence(std::uint64_t seed, Duration peers_patience) const {
    Random draw = random(seed, 1);
    if (draw.below(8) == 0) return {peers_patience.ns + peers_patience.ns / 2};
    return {draw.below(peers_patience.ns / 8)};
  }

  /// The present life is over, at its step or `late`: it did not come to that in time.
  void end(const Fate& fate, bool late) {
    ++over_;
    if (late) {
      ++late_;
      return;
    }
    ++ends_[static_cast<std::size_t>(fate.kind())];
    for (std::size_t n = 0; n < kSteps; ++n) most_[n] = std::max(most_[n], fate.count(static_cast<Step>(n)));
  }

  std::uint32_t over() const { return over_; }
  std::uint32_t ends(Step step) const { return ends_[static_cast<std::size_t>(step)]; }
  std::uint32_t late() const { return late_; }

 private:
  Random random(std::uint64_t seed, std::uint64_t what) const {
    return Random(Random(seed ^ std::uint64_t{over_} << 32).next() + what);
  }

  std::uint32_t over_ = 0;
  std::uint32_t late_ = 0;
  std::array<std::uint32_t, kSteps> ends_{};
  std::array<std::uint32_t, kSteps> most_{};
};

/// One line about them.
template <class Console>
void print(const Console& console, const Lives& lives) {
  console.print("restarted in place ", lives.over(), " times:");
  for (std::size_t n = 0; n < kSteps; ++n) {
    const auto step = static_cast<Step>(n);
    console.print(" ", describe(step), " ", lives.ends(step));
  }
  console.print(" late ", lives.late(), "\n");
}

/// Whoever lives them: told of every hypercall, and of other steps, it ends the present life in the middle of one.
class Mortal {
 public:
  struct Options {
    argo::Role role = argo::Role::kDriver;
    std::uint32_t restarts = 0;  ///< So many lives end; the one after them goes on.
    std::uint64_t seed = 1;
    Duration peers_patience = seconds(3);  ///< LinkOptions::silence of the other side.
    Duration lifetime =
        milliseconds(400);  ///< A life that does not come to its step by then ends at the next one.
  };
  using Now = Instant (*)();
  /// Does not return.
  using Restart = void (*)(Duration silence);

  constexpr Mortal() = default;

  /// Once in each life. `end` calls end().
  void begin(Lives& lives, const Options& options, Fate::End end, Now now, Restart restart) {
    options_ = options;
    now_ = now;
    restart_ = restart;
    born_ = now();
    lives_ = &lives;
    if (!over()) fate_ = lives.draw(options.seed, end);
  }

  void watch(argo::Command command, const void* first, std::uint32_t fourth) {
    step(step_of(options_.role, command, first, fourth));
  }
  void step(Step step) {
    if (lives_ == nullptr || over()) return;
    fate_.step(step);
    if (elapsed(born_, now_()) > options_.lifetime) end(true);
  }
  void end(bool late = false) {
    const Duration silence = lives_->draw_silence(options_.seed, options_.peers_patience);
    lives_->end(fate_, late);
    restart_(silence);
  }

  /// The present life is the last one.
  bool over() const { return lives_->over() >= options_.restarts; }
  Fate& fate() { return fate_; }

 private:
  Options options_;
  Fate fate_;
  Lives* lives_ = nullptr;
  Now now_ = nullptr;
  Restart restart_ = nullptr;
  Instant born_;
};

}  // namespace hawser::app
