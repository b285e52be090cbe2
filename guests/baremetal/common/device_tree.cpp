// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Tokens, then walks over them. token() is the only function that touches the structure block.
#include "device_tree.hpp"

namespace hawser::guest {
namespace {

constexpr std::uint32_t kMagic = 0xd00dfeed;
constexpr std::uint32_t kHeaderSize = 40;
constexpr std::uint32_t kOldestVersion = 17;  // of the format that a reader must know

constexpr std::uint32_t kBeginNode = 1;
constexpr std::uint32_t kEndNode = 2;
constexpr std::uint32_t kProperty = 3;
constexpr std::uint32_t kNop = 4;

// The caller has checked that 4 bytes are there.
std::uint32_t big32(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  return value;
}

// A NUL-terminated text at `at`; nothing when it runs past the end.
std::optional<std::string_view> text_at(std::span<const std::byte> bytes, std::size_t at) {
  for (std::size_t end = at; end < bytes.size(); ++end) {
    if (bytes[end] == std::byte{0}) {
      return std::string_view(reinterpret_cast<const char*>(bytes.data()) + at, end - at);
    }
  }
  return std::nullopt;
}

bool within(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

std::uint8_t cell_count(std::span<const std::byte> value, std::uint8_t otherwise) {
  if (value.size() != 4) return otherwise;
  const std::uint32_t count = big32(value, 0);
  return count <= 4 ? static_cast<std::uint8_t>(count) : otherwise;
}

}  // namespace

std::string_view DeviceTreeValue::text() const {
  if (const auto text = text_at(bytes_, 0)) return *text;
  return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

bool DeviceTreeValue::lists(std::string_view wanted) const {
  for (std::size_t at = 0; at < bytes_.size();) {
    const auto text = text_at(bytes_, at);
    if (!text) return false;
    if (*text == wanted) return true;
    at += text->size() + 1;
  }
  return false;
}

std::optional<std::uint64_t> DeviceTreeValue::number(std::size_t at, std::size_t cells) const {
  if (cells < 1 || cells > 2 || at > bytes_.size() / 4 || cells > bytes_.size() / 4 - at) return std::nullopt;
  std::uint64_t value = big32(bytes_, at * 4);
  if (cells == 2) value = value << 32 | big32(bytes_, at * 4 + 4);
  return value;
}

std::optional<std::uint32_t> DeviceTree::stated_size(std::span<const std::byte> memory) {
  if (memory.size() < kHeaderSize || big32(memory, 0) != kMagic) return std::nullopt;
  return big32(memory, 4);
}

std::optional<DeviceTree> DeviceTree::in(std::span<const std::byte> memory) {
  const auto size = stated_size(memory);
  if (!size || *size > memory.size()) return std::nullopt;
  const std::uint32_t structure = big32(memory, 8);
  const std::uint32_t strings = big32(memory, 12);
  const std::uint32_t version = big32(memory, 20);
  const std::uint32_t strings_size = big32(memory, 32);
  const std::uint32_t structure_size = big32(memory, 36);
  if (version < kOldestVersion || structure % 4 != 0 || !within(structure, structure_size, *size) ||
      !within(strings, strings_size, *size)) {
    return std::nullopt;
  }
  return DeviceTree(memory.subspan(structure, structure_size), memory.subspan(strings, strings_size));
}

std::optional<DeviceTree::Token> DeviceTree::token(std::uint32_t at) const {
  const std::uint64_t size = structure_.size();
  if (!within(at, 4, size)) return std::nullopt;
  Token token{big32(structure_, at), {}, {}, at + 4};
  std::uint64_t end = token.end;
  switch (token.kind) {
    case kBeginNode: {
      const auto name = text_at(structure_, token.end);
      if (!name) return std::nullopt;
      token.name = *name;
      end += name->size() + 1;
      break;
    }
    case kProperty: {
      if (!within(at, 12, size)) return std::nullopt;
      const std::uint32_t length = big32(structure_, at + 4);
      const auto name = text_at(strings_, big32(structure_, at + 8));
      if (!within(at + 12, length, size) || !name) return std::nullopt;
      token.name = *name;
      token.value = structure_.subspan(at + 12, length);
      end = std::uint64_t{at} + 12 + length;
      break;
    }
    case kEndNode:
    case kNop:
      break;
    default:  // the end of the tree, or of what we understand
      return std::nullopt;
  }
  end = align_up(end, 4);
  if (end > size) return std::nullopt;
  token.end = static_cast<std::uint32_t>(end);
  return token;
}

std::optional<DeviceTree::Node> DeviceTree::Walk::next() {
  while (const auto token = tree_.token(at_)) {
    at_ = token->end;
    switch (token->kind) {
      case kBeginNode:
        if (++depth_ > kMaxDepth) break;
        levels_[depth_] = {};
        return Node{token->name, at_, levels_[depth_ - 1].address_cells, levels_[depth_ - 1].size_cells};
      case kEndNode:
        if (depth_ == 0) return std::nullopt;
        --depth_;
        break;
      case kProperty:
        // A node's properties come before its children (5.4.2), so these counts are known in time.
        if (depth_ > kMaxDepth) break;
        if (token->name == "#address-cells") {
          levels_[depth_].address_cells = cell_count(token->value, levels_[depth_].address_cells);
        } else if (token->name == "#size-cells") {
          levels_[depth_].size_cells = cell_count(token->value, levels_[depth_].size_cells);
        }
        break;
      default:
        break;
    }
  }
  return std::nullopt;
}

std::optional<DeviceTreeValue> DeviceTree::property(const Node& node, std::string_view name) const {
  std::uint32_t at = node.properties;
  for (auto here = token(at); here && (here->kind == kProperty || here->kind == kNop); here = token(at)) {
    if (here->kind == kProperty && here->name == name) return DeviceTreeValue(here->value);
    at = here->end;
  }
  return std::nullopt;
}

std::optional<Range> DeviceTree::reg(const Node& node, std::size_t index) const {
  const auto value = property(node, "reg");
  const std::size_t stride = std::size_t{node.address_cells} + node.size_cells;
  if (!value || stride == 0 || index > value->bytes().size() / 4 / stride) return std::nullopt;
  const auto base = value->number(index * stride, node.address_cells);
  const auto size = value->number(index * stride + node.address_cells, node.size_cells);
  if (!base || !size) return std::nullopt;
  return Range::clipped(*base, *size);
}

bool DeviceTree::enabled(const Node& node) const {
  const auto status = property(node, "status");
  return !status || status->text() == "okay" || status->text() == "ok";
}

std::optional<DeviceTree::Node> DeviceTree::compatible(std::string_view with) const {
  std::optional<Node> found;
  for_each_node([&](const Node& node) {
    const auto value = property(node, "compatible");
    if (!value || !value->lists(with)) return false;
    found = node;
    return true;
  });
  return found;
}

std::optional<DeviceTree::Node> DeviceTree::top_level(std::string_view name) const {
  Walk walk{*this};
  while (const auto node = walk.next()) {
    if (walk.depth() == 2 && node->name == name) return node;
  }
  return std::nullopt;
}

}  // namespace hawser::guest
