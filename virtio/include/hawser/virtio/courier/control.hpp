// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A control message that passes by, to be read and patched where it stands. Only the fields that concern rings.
#pragma once

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

  /// The le32 words of a feature run.
  std::span<std::byte> feature_words() const {
    const auto run = read<msg::wire::FeatureBlocks>();
    if (!run) return {};
    const auto words = payload_.subspan(sizeof(msg::wire::FeatureBlocks));
    const std::uint64_t bytes = std::uint64_t{run->num_blocks} * sizeof(le32);
    return words.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, words.size())));
  }

  /// One 32-bit block of a feature run, if the run has it.
  std::optional<std::uint32_t> feature_word(std::uint32_t block) const {
    const auto run = read<msg::wire::FeatureBlocks>();
    if (!run || block < run->block_index) return std::nullopt;
    const std::size_t at = std::size_t{block - run->block_index} * sizeof(le32);
    const auto words = feature_words();
    if (at >= words.size()) return std::nullopt;
    const auto word = read_wire<le32>(words.subspan(at));
    return word ? std::optional<std::uint32_t>(*word) : std::nullopt;
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
