// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// nng, two pair sockets over ipc://.
#include "trips.hpp"

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

namespace {

class Queue {
 public:
  explicit Queue(const std::string& folder) {
    check(nng_pair0_open(&socket_));
    check(nng_dial(socket_, address(folder).c_str(), nullptr, NNG_FLAG_NONBLOCK));
  }
  ~Queue() { nng_close(socket_); }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  static void serve(const std::string& folder) {
    nng_socket socket;
    check(nng_pair0_open(&socket));
    check(nng_listen(socket, address(folder).c_str(), nullptr, 0));
    for (;;) {
      nng_msg* message = nullptr;
      check(nng_recvmsg(socket, &message, 0));
      check(nng_sendmsg(socket, message, 0));  // it belongs to nng again
    }
  }

  bool trip(std::span<const std::byte> out, std::span<std::byte> in) {
    std::size_t bytes = in.size();
    return nng_send(socket_, const_cast<std::byte*>(out.data()), out.size(), 0) == 0 &&
           nng_recv(socket_, in.data(), &bytes, 0) == 0 && bytes == in.size();
  }

 private:
  static std::string address(const std::string& folder) { return "ipc://" + folder + "/nng"; }
  static void check(int result) {
    if (result != 0) hawser::peers::fail(nng_strerror(result));
  }

  nng_socket socket_{};
};

}  // namespace

int main(int argc, char** argv) {
  return hawser::peers::measure_trips<Queue>(argc, argv);
}
