// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What one client has still to be told. Vector numbers are implied by counting messages, so a lost one would
// shift all that follow: nothing is ever dropped from here, a client that will not read is disconnected instead.
#pragma once

#include <hawser/ivshmem/server/fd.hpp>
#include <hawser/ivshmem/server/wire.hpp>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace hawser::ivshmem {

/// Descriptors that stay open until the last queue that has to send them has done so.
using FdSet = std::vector<UniqueFd>;

class SendQueue {
 public:
  enum class Flush {
    kDrained,
    kBlocked,  ///< The socket is full: it becomes writable when the client reads.
    kCongested,  ///< The kernel is short of something that no socket event announces: try again soon. The socket
                 ///< had room, so the client is not to blame.
    kDead,
  };

  void push(std::int64_t value) { items_.push_back({value, nullptr, 0}); }

  /// One message for each descriptor, in order.
  void push(std::int64_t value, std::shared_ptr<const FdSet> fds) {
    if (!fds->empty()) items_.push_back({value, std::move(fds), 0});
  }

  /// Takes back the announcement of `id` if not a byte of it has been sent: who never heard of a peer need not
  /// hear that it is gone. Keeps the queue short while peers come and go in front of a slow reader.
  bool withdraw(std::int64_t id) {
    const auto it = std::find_if(items_.begin(), items_.end(), [&](const Item& i) {
      return i.value == id && i.fds && i.next == 0 && !(&i == &items_.front() && sent_ > 0);
    });
    if (it == items_.end()) return false;
    items_.erase(it);
    return true;
  }

  bool empty() const { return items_.empty(); }
  std::size_t items() const { return items_.size(); }
  std::size_t messages() const {
    std::size_t count = 0;
    for (const Item& i : items_) count += i.fds ? i.fds->size() - i.next : 1;
    return count;
  }

  /// Sends while it can. `send(bytes, fd)` (fd −1: none) returns the bytes taken, or −errno.
  /// @param moved  set when at least one byte was taken.
  template <class Send>
  Flush flush(Send&& send, bool& moved) {
    while (!items_.empty()) {
      Item& item = items_.front();
      const wire::Bytes bytes = wire::encode(item.value);
      const auto rest = std::span<const std::byte>(bytes).subspan(sent_);
      // The descriptor travels with the first byte that is taken.
      const int fd = item.fds && sent_ == 0 ? (*item.fds)[item.next].raw() : -1;
      const long taken = send(rest, fd);
      if (taken == -EINTR) continue;
      if (taken == -EAGAIN || taken == 0) return Flush::kBlocked;
      // ETOOMANYREFS: this user has too many descriptors in flight (unix(7), SCM_RIGHTS).
      if (taken == -ENOBUFS || taken == -ENOMEM || taken == -ETOOMANYREFS) return Flush::kCongested;
      if (taken < 0) return Flush::kDead;
      moved = true;
      sent_ += static_cast<std::size_t>(taken);
      if (sent_ < bytes.size()) continue;
      sent_ = 0;
      if (!item.fds || ++item.next == item.fds->size()) items_.pop_front();
    }
    return Flush::kDrained;
  }

 private:
  struct Item {
    std::int64_t value;
    std::shared_ptr<const FdSet> fds;  // none: a bare number
    std::size_t next;                  // the next descriptor to send
  };

  std::deque<Item> items_;
  std::size_t sent_ = 0;  // bytes of the front message already taken
};

}  // namespace hawser::ivshmem
