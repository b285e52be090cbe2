// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/link_address.hpp>

#include "broker_words.hpp"
#include "words.hpp"

#include <fmt/format.h>
#include <sys/un.h>

#include <stdexcept>

namespace hawser::process {

LinkAddress parse_link(std::string_view text) {
  constexpr std::string_view kIvshmem = "ivshmem:";
  constexpr std::string_view kArgo = "argo:";
  const bool argo = text.starts_with(kArgo);
  if (!argo && !text.starts_with(kIvshmem)) {
    throw std::invalid_argument(
        fmt::format("'{}' is not a link; write ivshmem:SOCKET or argo:SOCKET,peer=DOMAIN", text));
  }
  const Words words(text.substr(argo ? kArgo.size() : kIvshmem.size()));
  LinkAddress address{.carrier = argo ? Carrier::kArgo : Carrier::kIvshmem,
                      .socket = std::string(words.first())};
  if (address.socket.empty()) {
    throw std::invalid_argument(fmt::format("the link names no socket; write {}",
                                            argo ? "argo:SOCKET,peer=DOMAIN" : "ivshmem:SOCKET"));
  }
  constexpr std::size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
  if (address.socket.size() > kMost) {
    throw std::invalid_argument(fmt::format(
        "the link names a socket with a path of {} bytes; Linux allows {}", address.socket.size(), kMost));
  }
  words.once();
  bool peer = false;
  for (const auto& word : words.rest()) {
    if (word.key == "link") {
      address.number = static_cast<std::uint32_t>(word.number(0, 4095));
    } else if (argo && word.key == "peer") {
      address.peer = static_cast<std::uint16_t>(word.number(0, 0x7fef));
      peer = true;
    } else if (argo) {
      throw std::invalid_argument(fmt::format(
          "'{}' is not an option of a link over Argo; it may have peer=DOMAIN and link=N", word.text));
    } else if (word.key == "links") {
      address.links = static_cast<std::uint32_t>(word.number(1, 4096));
    } else if (word.key == "unsealed" && !word.value) {
      address.unsealed = true;
    } else {
      throw std::invalid_argument(fmt::format(
          "'{}' is not an option of a link; it may have link=N, links=N and unsealed", word.text));
    }
  }
  if (argo && !peer) {
    throw std::invalid_argument("the link does not say whose domain is the other side; add peer=DOMAIN");
  }
  return address;
}

ivshmem::ClientOptions client_options(const LinkAddress& address) {
  ivshmem::ClientOptions options;
  options.socket = address.socket;
  if (address.carrier == Carrier::kArgo) {
    options.words = broker_words(address.socket);
  } else {
    options.words.start = fmt::format("hawser ivshmem-server --socket {}", address.socket);
  }
  options.patience = address.patience;
  options.wait_for_server = true;
  options.allow_unsealed = address.unsealed;
  return options;
}

}  // namespace hawser::process
