// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/wake_set.hpp>

#include <sys/epoll.h>

#include <cerrno>
#include <system_error>

namespace hawser::process {

WakeSet::WakeSet() : set_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!set_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

void WakeSet::watch(int member, std::uint32_t events) {
  if (events == 0) return forget(member);  // epoll reports a hang-up even when nothing is asked for
  epoll_event event{};
  event.events = events;
  event.data.fd = member;
  if (::epoll_ctl(set_.get(), EPOLL_CTL_MOD, member, &event) == 0) return;
  // A regular file can't be waited for (EPERM): it is always ready, and its reader asks without being woken.
  if (errno == ENOENT && (::epoll_ctl(set_.get(), EPOLL_CTL_ADD, member, &event) == 0 || errno == EPERM))
    return;
  if (errno != EPERM) throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}

void WakeSet::forget(int member) {
  (void)::epoll_ctl(set_.get(), EPOLL_CTL_DEL, member, nullptr);  // not a member: nothing to do
}

}  // namespace hawser::process
