// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/process/cable_end.hpp>

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace hawser::process {

using virtio::device::NetFrame;
using virtio::device::NetSent;

WakingCable::WakingCable(std::uint16_t mtu) : cable_(std::make_unique<virtio::device::Cable<>>(mtu)) {
  ends_[0].end_ = &cable_->left();
  ends_[1].end_ = &cable_->right();
  for (int n = 0; n < 2; ++n) {
    ends_[n].far_ = &ends_[1 - n];
    ends_[n].bell_ = OwnedFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!ends_[n].bell_) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
}

void WakingCableEnd::ring_far() const {
  // A device without a driver does not look, and its bell would ring for ever.
  if (end_->link_up()) (void)::eventfd_write(far_->bell_.get(), 1);
}
void WakingCableEnd::silence() const {
  eventfd_t rings = 0;
  (void)::eventfd_read(bell_.get(), &rings);
}

void WakingCableEnd::start(const virtio::NetOffloads& accepted, std::uint16_t queues) {
  end_->start(accepted, queues);
  ring_far();  // its link is up now
}
void WakingCableEnd::adjust(const virtio::NetOffloads& accepted, std::uint16_t queues) {
  end_->adjust(accepted, queues);
  ring_far();
}
void WakingCableEnd::stop() {
  end_->stop();
  held_up_ = false;
  silence();
  ring_far();
}

NetSent WakingCableEnd::send(std::uint16_t queue, const virtio::NetHeader& header,
                             std::span<const std::span<const std::byte>> parts) {
  const NetSent sent = end_->send(queue, header, parts);
  held_up_ = sent == NetSent::kBusy;
  if (sent == NetSent::kSent) ring_far();
  return sent;
}

NetFrame WakingCableEnd::front(std::uint16_t queue) {
  silence();  // we are looking
  return end_->front(queue);
}

void WakingCableEnd::pop(std::uint16_t queue) {
  end_->pop(queue);
  if (far_->held_up_) ring_far();
}

}  // namespace hawser::process
