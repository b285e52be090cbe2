// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// ZeroMQ, two PAIR sockets over ipc://: no envelopes, and none of REQ's and REP's states.
#include "trips.hpp"

#include <zmq.h>

namespace {

class Queue {
 public:
  explicit Queue(const std::string& folder) : Queue(folder, zmq_connect) {}
  ~Queue() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  static void serve(const std::string& folder) {
    Queue queue(folder, zmq_bind);
    std::vector<std::byte> message(1 << 20);
    for (;;) {
      const int got = zmq_recv(queue.socket_, message.data(), message.size(), 0);
      if (got >= 0) zmq_send(queue.socket_, message.data(), static_cast<std::size_t>(got), 0);
    }
  }

  bool trip(std::span<const std::byte> out, std::span<std::byte> in) {
    return zmq_send(socket_, out.data(), out.size(), 0) == static_cast<int>(out.size()) &&
           zmq_recv(socket_, in.data(), in.size(), 0) == static_cast<int>(in.size());
  }

 private:
  Queue(const std::string& folder, int (*join)(void*, const char*))
      : context_(zmq_ctx_new()), socket_(zmq_socket(context_, ZMQ_PAIR)) {
    const int linger = 0;
    zmq_setsockopt(socket_, ZMQ_LINGER, &linger, sizeof linger);
    if (join(socket_, ("ipc://" + folder + "/zeromq").c_str()) != 0)
      hawser::peers::fail(zmq_strerror(zmq_errno()));
  }

  void* const context_;
  void* const socket_;
};

}  // namespace

int main(int argc, char** argv) {
  return hawser::peers::measure_trips<Queue>(argc, argv);
}
