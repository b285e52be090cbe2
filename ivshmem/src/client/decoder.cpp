// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include <hawser/ivshmem/client/decoder.hpp>
#include <hawser/ivshmem/server/size.hpp>

#include <algorithm>

namespace hawser::ivshmem {

Decoder::Event Decoder::fail(Fault fault, std::int64_t value) {
  state_ = State::kBroken;
  broken_ = {Kind::kFault, 0, 0, fault, value};
  return broken_;
}

Decoder::Event Decoder::feed(std::span<const std::byte> bytes, std::size_t descriptors) {
  if (state_ == State::kBroken) return broken_;
  if (descriptors > 1 || (descriptors == 1 && descriptor_)) return fail(Fault::kManyDescriptors, 0);
  // unix(7): a descriptor comes with the first byte of what was sent with it.
  if (descriptors == 1 && have_ > 0) return fail(Fault::kSplitDescriptor, 0);
  descriptor_ = descriptor_ || descriptors == 1;
  const std::size_t n = std::min(bytes.size(), wanted());
  std::copy_n(bytes.begin(), n, partial_.begin() + static_cast<std::ptrdiff_t>(have_));
  have_ += n;
  if (have_ < wire::kMessageSize) return {};
  const bool descriptor = descriptor_;
  have_ = 0;
  descriptor_ = false;
  return message(wire::decode(partial_), descriptor);
}

Decoder::Event Decoder::message(std::int64_t value, bool descriptor) {
  if (state_ != State::kOpen) {
    if (!wire::sentence(value).empty()) return fail(Fault::kRefused, value);
    if (descriptor) return fail(Fault::kStrayDescriptor, value);
  }
  if (state_ == State::kVersion) {
    if (value != wire::kVersion) return fail(Fault::kVersion, value);
    state_ = State::kOwnId;
    return {.kind = Kind::kVersion};
  }
  if (state_ == State::kOwnId) {
    if (value < 0 || value > wire::kMaxId) return fail(Fault::kOwnId, value);
    own_id_ = static_cast<std::uint16_t>(value);
    state_ = State::kOpen;
    return {.kind = Kind::kOwnId, .id = own_id_};
  }
  if (value == wire::kMemory) {
    if (!descriptor) return fail(Fault::kMemoryMissing, value);
    if (memory_) return fail(Fault::kMemoryTwice, value);
    memory_ = true;
    return {.kind = Kind::kMemory};
  }
  if (value < 0 || value > wire::kMaxId) return fail(Fault::kUnknownMessage, value);
  const auto id = static_cast<std::uint16_t>(value);
  if (descriptor) return vector_of(id);
  if (id == own_id_) return fail(Fault::kOwnGone, value);
  ignored_.reset(id);
  // A "gone" for somebody unknown harms nobody.
  return {.kind = peers_.erase(id) > 0 ? Kind::kPeerGone : Kind::kIgnored, .id = id};
}

Decoder::Event Decoder::vector_of(std::uint16_t id) {
  if (id == own_id_) {
    if (!memory_) return fail(Fault::kEarlyVector, id);
    if (own_vectors_ == kMaxVectors) return fail(Fault::kTooManyVectors, id);
    return {.kind = Kind::kOwnVector, .id = id, .vector = own_vectors_++};
  }
  if (!peers_.contains(id)) {
    // Once ignored, ignored to the end: its vectors are told apart only by counting from the first.
    if (ignored_.test(id) || peers_.size() >= max_peers_) {
      ignored_.set(id);
      return {.kind = Kind::kIgnored, .id = id};
    }
  }
  std::uint16_t& count = peers_[id];
  if (count == kMaxVectors) return fail(Fault::kTooManyVectors, id);
  return {.kind = Kind::kPeerVector, .id = id, .vector = count++};
}

std::string_view sentence(Decoder::Fault fault) {
  using Fault = Decoder::Fault;
  switch (fault) {
    case Fault::kNone:
      return "made no mistake";
    case Fault::kRefused:
      return "refuses this client";
    case Fault::kVersion:
      return "speaks another version of the protocol (expected 0)";
    case Fault::kOwnId:
      return "gave an id outside 0..65535";
    case Fault::kMemoryMissing:
      return "sent no descriptor with the memory message";
    case Fault::kMemoryTwice:
      return "sent the memory twice";
    case Fault::kEarlyVector:
      return "sent our own vectors before the memory";
    case Fault::kTooManyVectors:
      return "sent more than 2048 vectors for one peer";
    case Fault::kUnknownMessage:
      return "sent a number that is neither a peer nor the memory";
    case Fault::kStrayDescriptor:
      return "sent a descriptor where none belongs";
    case Fault::kManyDescriptors:
      return "sent several descriptors with one message";
    case Fault::kSplitDescriptor:
      return "sent a descriptor in the middle of a message";
    case Fault::kOwnGone:
      return "says that we are gone ourselves";
  }
  return "made an unknown mistake";
}

}  // namespace hawser::ivshmem
