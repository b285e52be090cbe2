// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A control message that passes by, to be read and patched where it stands. Only the fields that concern rings.
#pragma once

#include <hawser/virtio/features.hpp>
#include <hawser/virtio/msg/codec.hpp>
#include <hawser/virtio/msg/message.hpp>
#include <hawser/virtio/msg/spec.hpp>
#include <hawser/virtio/queue/queue.hpp>

#include <hawser/transport/endian.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace hawser::virtio::courier {

/// A run of 32-bit feature blocks, as far as Features has them.
struct FeatureRun {
  std::size_t first = 0;
  std::span<std::byte> words;  ///< le32 each.

  std::size_t blocks() const { return words.size() / sizeof(le32); }
};

class ControlMessage {
 public:
  explicit ControlMessage(std::span<std::byte> frame) : header_(msg::peek(frame)) {
    if (!header_ || header_->size > frame.size() || header_->size < sizeof(msg::wire::Header)) {
      header_.reset();
      return;
    }
    payload_ = frame.first(header_->size).subspan(sizeof(msg::wire::Header));
  }

  template <class M>
  bool is() const {
    return header_ && header_->type == M::kType && header_->id == M::kId;
  }
  std::uint16_t device() const { return header_->device; }
  std::uint16_t token() const { return header_->token; }

  template <class W>
  std::optional<W> read() const {
    return read_wire<W>(payload_);
  }
  template <class W>
  void write(const W& value) const {
    (void)write_wire(payload_, value);
  }

  /// As for the codec, a run that announces more blocks than it brings is none.
  std::optional<FeatureRun> feature_run() const {
    const auto run = read<msg::wire::FeatureBlocks>();
    if (!run) return std::nullopt;
    const auto words = payload_.subspan(sizeof(msg::wire::FeatureBlocks));
    if (run->num_blocks > words.size() / sizeof(le32)) return std::nullopt;
    const std::uint32_t first = std::min<std::uint32_t>(run->block_index, Features::kBlocks);
    const std::uint32_t blocks = std::min<std::uint32_t>(run->num_blocks, Features::kBlocks - first);
    return FeatureRun{first, words.first(blocks * sizeof(le32))};
  }

 private:
  std::optional<msg::Header> header_;
  std::span<std::byte> payload_;
};

/// What a SET_VQUEUE message makes of a queue, field by field as its flags say.
struct QueueSetup {
  QueueLayout layout;
  bool enable = false;
};

inline QueueSetup apply(const msg::wire::VqueueSetup& asked, QueueLayout layout) {
  const std::uint32_t flags = asked.flags;
  if ((flags & msg::VIRTIO_MSG_VQUEUE_IGNORE_SIZE) == 0)
    layout.size = static_cast<std::uint16_t>(std::min<std::uint32_t>(asked.size, 0xffff));
  if ((flags & msg::VIRTIO_MSG_VQUEUE_IGNORE_DESC) == 0) layout.descriptors = Offset(asked.descriptors);
  if ((flags & msg::VIRTIO_MSG_VQUEUE_IGNORE_DRIVER) == 0) layout.driver = Offset(asked.driver);
  if ((flags & msg::VIRTIO_MSG_VQUEUE_IGNORE_DEVICE) == 0) layout.device = Offset(asked.device);
  return {layout, (flags & msg::VIRTIO_MSG_VQUEUE_OP_MASK) == msg::VIRTIO_MSG_VQUEUE_OP_ENABLE};
}

}  // namespace hawser::virtio::courier
