// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A host process as a peer: the connection to a server, the shared memory, and everybody's doorbells.
// For waiting, see socket_port.hpp.
#pragma once

#include <hawser/ivshmem/client/decoder.hpp>
#include <hawser/ivshmem/server/fd.hpp>
#include <hawser/transport/time.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace hawser::ivshmem {

/// What sentences call the server, for those who reach something more particular through its protocol.
struct ServerWords {
  std::string name = "ivshmem server";
  std::string full = "the link has as many peers as it may have";  ///< why it refuses for want of a place
  std::string start;  ///< a command that would start it, if one is known
};

struct ClientOptions {
  std::string socket;
  ServerWords words{};
  Duration patience = seconds(5);  ///< for the connection and the whole greeting
  bool wait_for_server = false;    ///< a socket that is not there yet, or that refuses, is tried until then
  std::uint16_t vectors = 0;       ///< how many to expect; 0: as many as the server gives (see Client)
  /// Stock ivshmem-server's object can be shrunk by any peer, and every access then ends this process with
  /// SIGBUS. Refused unless set.
  bool allow_unsealed = false;
  std::uint32_t max_peers = 1024;  ///< later ones cannot be rung; each peer costs a descriptor a vector
};

/// Connected from construction to destruction, except that the server may die: then the memory and the
/// doorbells known so far go on working, and no peer comes or goes any more. Not thread-safe.
///
/// The protocol does not say how many vectors there are. A Hawser server says it in the name of its memory
/// object; with others, `options.vectors` settles it; failing both, the greeting counts as complete when nothing
/// has come for 50 ms after the first vector, and vectors() may still grow.
class Client {
 public:
  /// @throws Error in one sentence: not reachable, refused, out of time, or a server that breaks the protocol.
  explicit Client(const ClientOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::span<std::byte> memory() const { return memory_; }
  std::uint16_t own_id() const { return own_id_; }
  std::uint16_t vectors() const { return static_cast<std::uint16_t>(own_.size()); }
  bool sealed() const { return sealed_; }

  /// The eventfd on which we are rung. Others hold it too: read it without blocking, whatever its flags say.
  int vector_fd(std::uint16_t vector) const { return own_[vector].raw(); }

  /// Ids of the peers that are there now, ascending, without our own.
  std::vector<std::uint16_t> peers() const;
  /// 0: not there.
  std::uint16_t peer_vectors(std::uint16_t id) const;

  enum class Rang : std::uint8_t {
    kRung,    ///< Delivered, or its counter is full, which wakes it as well.
    kAbsent,  ///< No such peer now.
  };
  /// Orders all earlier stores before the ring. `vector` is reduced modulo what the peer has. Never blocks.
  /// News from the server is read first when the peer is unknown, so a peer that is known to the server is known.
  Rang ring(std::uint16_t id, std::uint16_t vector);

  /// Reads what the server has to say, without blocking. @return whether anything changed.
  bool pump();
  /// Readable when pump() has something to do; −1 after the server is lost.
  int server_fd() const { return socket_.raw(); }
  bool server_alive() const { return static_cast<bool>(socket_); }
  /// Why the server is lost; empty while it is there.
  const std::string& server_loss() const { return loss_; }

 private:
  using Fds = std::vector<UniqueFd>;

  void connect(const ClientOptions& options, Instant deadline);
  void greet(const ClientOptions& options, Instant deadline);
  void adopt_memory(UniqueFd fd, bool allow_unsealed);
  bool receive();
  bool handle(const Decoder::Event& event, UniqueFd fd);
  bool adopt(Fds& list, UniqueFd fd);
  void lose(std::string why);

  std::string path_;
  ServerWords words_;
  bool allow_unsealed_;
  UniqueFd socket_;
  Decoder decoder_;
  UniqueFd pending_;  // came with the first bytes of a message that is not complete
  std::string loss_;
  std::span<std::byte> memory_;
  bool sealed_ = false;
  std::uint16_t hinted_vectors_ = 0;
  std::uint16_t own_id_ = 0;
  Fds own_;
  std::unordered_map<std::uint16_t, Fds> peers_;
};

}  // namespace hawser::ivshmem
