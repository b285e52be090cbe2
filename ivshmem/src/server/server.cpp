// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "server_impl.hpp"

namespace hawser::ivshmem {

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Server::~Server() = default;
void Server::run(ServerControl& control) {
  impl_->run(control);
}
std::string Server::status() const {
  return impl_->status();
}

}  // namespace hawser::ivshmem
