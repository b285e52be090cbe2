// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "status.hpp"

#include <hawser/ivshmem/server/json.hpp>

#include <unistd.h>

#include <nlohmann/json.hpp>

namespace hawser::ivshmem {

std::string status_line(const std::vector<std::unique_ptr<Link>>& links, const Counts& counts,
                        Instant started, Instant now) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const auto& link : links) {
    Json peers = Json::array();
    for (const auto& [id, peer] : link->members()) {
      peers.push_back({{"id", id},
                       {"uid", peer->who.uid},
                       {"pid", peer->who.pid},
                       {"seconds", elapsed(peer->since, now).ns / seconds(1).ns},
                       {"unsent", peer->queue.messages()}});
    }
    const LinkPolicy& policy = link->policy();
    const std::uint64_t bells = std::uint64_t{policy.vectors} * link->members().size();
    list.push_back({{"name", policy.name},
                    {"socket", policy.socket},
                    {"size", policy.size},
                    {"vectors", policy.vectors},
                    {"max_peers", policy.max_peers},
                    {"ids_left", link->ids().left()},
                    {"ioeventfds", bells},
                    {"ioeventfd_limit", kIoeventfdLimit},
                    {"peers", std::move(peers)}});
  }
  const Json status = {{"pid", ::getpid()},         {"seconds", elapsed(started, now).ns / seconds(1).ns},
                       {"joined", counts.joined},   {"left", counts.left},
                       {"refused", counts.refused}, {"dropped", counts.dropped},
                       {"links", std::move(list)}};
  return json_text(status);
}

}  // namespace hawser::ivshmem
