// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/virtio/device/net_cable.hpp>
#include <hawser/virtio/device/net_checksum.hpp>

#include <algorithm>
#include <cstring>

namespace hawser::virtio::device {

void CableEnd::join(CableEnd& far, std::uint16_t mtu, std::span<const std::span<std::byte>> here) {
  far_ = &far;
  mtu_ = mtu;
  queues_ = static_cast<std::uint16_t>(std::min<std::size_t>(here.size(), kMaxQueues));
  for (std::size_t queue = 0; queue < queues_; ++queue) inbound_[queue].fifo = FrameFifo(here[queue]);
}

void CableEnd::start(const NetOffloads& accepted, std::uint16_t queues) {
  stop();
  adjust(accepted, queues);
}

void CableEnd::adjust(const NetOffloads& accepted, std::uint16_t queues) {
  accepted_ = accepted;
  active_ = std::min(queues, queues_);
  for (std::size_t queue = active_; queue < queues_; ++queue) {
    inbound_[queue].fifo.clear();
    inbound_[queue].segmenting = false;
  }
}

void CableEnd::stop() {
  adjust({}, 0);
}

bool CableEnd::can_send(std::uint16_t queue) const {
  return !link_up() || towards_far(queue).fifo.fits(kMaxFrame);
}

NetSent CableEnd::send(std::uint16_t queue, const NetHeader& header,
                       std::span<const std::span<const std::byte>> parts) {
  if (!link_up()) return NetSent::kDropped;
  std::size_t bytes = 0;
  for (const auto part : parts) bytes += part.size();
  if (bytes < kEthernetHeader || bytes > kMaxFrame) return NetSent::kDropped;

  FrameFifo& fifo = towards_far(queue).fifo;
  std::span<std::byte> room = fifo.room(bytes);
  if (room.empty()) return NetSent::kBusy;
  for (const auto part : parts) {
    if (part.empty()) continue;
    std::memcpy(room.data(), part.data(), part.size());
    room = room.subspan(part.size());
  }
  fifo.push(header, bytes);
  return NetSent::kSent;
}

bool CableEnd::accepts(const NetHeader& header) const {
  switch (header.segmentation) {
    case Segmentation::kNone:
      return true;
    case Segmentation::kTcp4:
      return accepted_.tso4 && (accepted_.ecn || !header.ecn);
    case Segmentation::kTcp6:
      return accepted_.tso6 && (accepted_.ecn || !header.ecn);
    case Segmentation::kUdp:
      return accepted_.uso4 && accepted_.uso6;  // the header does not tell the two apart
  }
  return false;
}

bool CableEnd::finish(Inbound& in) {
  NetHeader header = in.fifo.header();
  if (!accepts(header)) {
    auto segmenter = Segmenter::make(in.fifo.bytes(), header);
    if (!segmenter.ok()) return false;
    in.segmenter = *segmenter;
    in.segmenting = true;
    return true;
  }
  if (accepted_.checksum) return true;
  if (header.needs_checksum &&
      !finish_checksum(in.fifo.bytes(), header.checksum_start, header.checksum_offset)) {
    return false;
  }
  in.fifo.set_header({});  // finished: front() may be asked again
  return true;
}

NetFrame CableEnd::front(std::uint16_t queue) {
  if (queue >= active_) return {};
  Inbound& in = inbound_[queue];
  if (in.segmenting) return {{}, in.segmenter.current()};
  while (!in.fifo.empty() && !finish(in)) {
    ++malformed_;
    in.fifo.pop();
  }
  if (in.fifo.empty()) return {};
  if (in.segmenting) return {{}, in.segmenter.current()};
  return {in.fifo.header(), in.fifo.bytes()};
}

void CableEnd::pop(std::uint16_t queue) {
  if (queue >= active_) return;
  Inbound& in = inbound_[queue];
  if (in.segmenting) {
    in.segmenter.advance();
    if (!in.segmenter.current().empty()) return;
    in.segmenting = false;
  }
  in.fifo.pop();
}

}  // namespace hawser::virtio::device
