// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// boost.interprocess, a message_queue each way in shared memory.
#include "trips.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <optional>

namespace {

namespace ipc = boost::interprocess;

/// Made before there are two processes, and without a name from then on: whoever is killed leaves nothing behind.
class Queues {
 public:
  static constexpr std::size_t kMostBytes = 65536;

  Queues() {
    for (std::size_t n = 0; n < 2; ++n) {
      const std::string name = fmt::format("hawser-bench-{}-{}", getpid(), n);
      queues_[n].emplace(ipc::create_only, name.c_str(), 16, kMostBytes);
      ipc::message_queue::remove(name.c_str());
    }
  }
  ipc::message_queue& there() { return *queues_[0]; }
  ipc::message_queue& back() { return *queues_[1]; }

 private:
  std::optional<ipc::message_queue> queues_[2];
};

Queues* queues = nullptr;

class Queue {
 public:
  explicit Queue(const std::string&) {}

  static void serve(const std::string&) {
    std::vector<std::byte> message(Queues::kMostBytes);
    for (;;) {
      std::size_t bytes = 0;
      unsigned priority = 0;
      queues->there().receive(message.data(), message.size(), bytes, priority);
      queues->back().send(message.data(), bytes, priority);
    }
  }

  bool trip(std::span<const std::byte> out, std::span<std::byte> in) {
    // Room for the longest message is what receive() asks for, whatever comes.
    std::size_t bytes = 0;
    unsigned priority = 0;
    queues->there().send(out.data(), out.size(), 0);
    queues->back().receive(room_.data(), room_.size(), bytes, priority);
    if (bytes != in.size()) return false;
    std::memcpy(in.data(), room_.data(), bytes);
    return true;
  }

 private:
  std::vector<std::byte> room_ = std::vector<std::byte>(Queues::kMostBytes);
};

}  // namespace

int main(int argc, char** argv) {
  Queues all;
  queues = &all;
  return hawser::peers::measure_trips<Queue>(argc, argv);
}
