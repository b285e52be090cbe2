// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The end of a life, ordered beforehand: at the n-th step of one kind. For tests that end a side at every point there is.
#pragma once

#include <hawser/argo/frames.hpp>
#include <hawser/argo/port.hpp>
#include <hawser/argo/spec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hawser::app {

enum class Step : std::uint8_t {
  kHandshake,   ///< Rings registered and looked for, HELLO.
  kControl,     ///< A channel message: virtio-msg.
  kData,        ///< A request sent; at the device side, a disk operation.
  kCompletion,  ///< A used chain sent; at the driver side, a request that has ended and is being noted down.
  kFlow,        ///< Marks, credit, heartbeats, notify.
};
inline constexpr std::size_t kSteps = 5;

constexpr const char* describe(Step step) {
  constexpr std::array<const char*, kSteps> kNames = {"handshake", "control", "data", "completion", "flow"};
  return kNames[static_cast<std::size_t>(step)];
}

/// What a hypercall of a link is a step of.
inline Step step_of(argo::Role role, argo::Command command, const void* first, std::uint32_t fourth) {
  using argo::Command, argo::FrameKind;
  if (command == Command::kNotify) return first != nullptr ? Step::kHandshake : Step::kFlow;
  if (command != Command::kSendv) return Step::kHandshake;
  argo::wire::SendAddress address;
  std::memcpy(&address, first, sizeof address);
  constexpr std::uint32_t kData = argo::port_of(0, argo::Role::kDriver, argo::RingKind::kData) & 1;
  if ((address.dst.aport & 1) == kData) return role == argo::Role::kDriver ? Step::kData : Step::kCompletion;
  if (fourth == static_cast<std::uint32_t>(FrameKind::kHello)) return Step::kHandshake;
  if (fourth == static_cast<std::uint32_t>(FrameKind::kMessage)) return Step::kControl;
  return Step::kFlow;
}

/// Counts the steps of one life, and ends it where it was told to.
class Fate {
 public:
  /// Does not return.
  using End = void (*)();

  constexpr Fate() = default;
  /// `at` counts from 1; 0: never.
  constexpr Fate(Step step, std::uint32_t at, End end) : step_(step), at_(at), end_(end) {}

  void step(Step step) {
    const std::uint32_t count = ++counts_[static_cast<std::size_t>(step)];
    if (step == step_ && count == at_) end_();
  }
  /// At which kind of step.
  Step kind() const { return step_; }
  std::uint32_t count(Step step) const { return counts_[static_cast<std::size_t>(step)]; }

 private:
  std::array<std::uint32_t, kSteps> counts_{};
  Step step_ = Step::kHandshake;
  std::uint32_t at_ = 0;
  End end_ = nullptr;
};

}  // namespace hawser::app
