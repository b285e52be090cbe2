// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// The driver side's process: writes and notes down, until it is killed or told to stop.
#include "mortal_port.hpp"

#include <hawser/app/argo_ends.hpp>
#include <hawser/app/keep_writing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace hawser::test {

int run_driver(const PartyWords& words) {
  const SharedPage page(words.page);
  ThisLife::begin(words, page->driver);
  MortalPort port(words, argo::Role::kDriver);
  using Ends = app::ArgoDriverEnd<MortalPort>;
  const auto ends = std::make_unique<Ends>(port, link_options(words, argo::Role::kDriver));
  std::vector<std::uint64_t> bitmap(virtio::Arena::bitmap_words(ends->end.region().size()));
  using Work = app::KeepWriting<Ends::End>;
  const auto storage = std::make_unique<Work::Storage>();
  const auto work =
      std::make_unique<Work>(ends->end, bitmap, *storage, page->ledger, ThisLife::fate, words.seed);
  const bool good = work->run([&] {
    std::atomic_ref(page->driver_ended).store(static_cast<std::uint32_t>(work->ended()));
    return std::atomic_ref(page->stop).load() != 0;
  });
  ThisLife::record();
  if (good) return 0;
  std::string verdict = work->why();
  if (const auto& loss = work->loss()) {
    verdict +=
        fmt::format(": sector {} of chunk {} has version {}, acknowledged was {}, begun {}", loss->sector,
                    loss->chunk, loss->version, loss->known.acknowledged, loss->known.begun);
  }
  verdict.resize(std::min(verdict.size(), sizeof page->verdict - 1));
  verdict.copy(page->verdict, verdict.size());
  return 3;
}

}  // namespace hawser::test
