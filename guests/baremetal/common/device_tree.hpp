// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A flattened device tree, read in place (Devicetree Specification 0.4, chapter 5). The blob comes from outside: every
// offset and length in it is checked before it is used, and a malformed tree only finds less.
#pragma once

#include "range.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hawser::guest {

/// A property's value. Cells are big-endian 32-bit numbers.
class DeviceTreeValue {
 public:
  constexpr explicit DeviceTreeValue(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes() const { return bytes_; }

  /// The text up to the first NUL; all of it if there is none.
  std::string_view text() const;

  /// Whether the value, a list of NUL-terminated texts, holds this one.
  bool lists(std::string_view wanted) const;

  /// The number made of `cells` (1 or 2) cells, starting at cell `at`. Nothing beyond the end, or for other widths.
  std::optional<std::uint64_t> number(std::size_t at, std::size_t cells) const;

  /// The whole value as one number of 4 or 8 bytes.
  std::optional<std::uint64_t> number() const { return number(0, bytes_.size() / 4); }

 private:
  std::span<const std::byte> bytes_;
};

class DeviceTree {
 public:
  /// A node, valid as long as its tree. The cell counts are its parent's: those in which its `reg` is written.
  struct Node {
    std::string_view name;
    std::uint32_t properties = 0;  ///< Offset of its first property in the structure block.
    std::uint8_t address_cells = 2;
    std::uint8_t size_cells = 1;
  };

  /// Checks the header. Nothing when this is no device tree, or not wholly within `memory`.
  static std::optional<DeviceTree> in(std::span<const std::byte> memory);

  /// The size that the header at `memory` states; nothing if that is no device tree header.
  static std::optional<std::uint32_t> stated_size(std::span<const std::byte> memory);

  /// The value of a property of this node.
  std::optional<DeviceTreeValue> property(const Node& node, std::string_view name) const;

  /// Entry `index` of the node's `reg`, in its parent's terms. Address translation (`ranges`) is not applied.
  std::optional<Range> reg(const Node& node, std::size_t index) const;

  /// Calls visit(node) for every node whose status does not disable it, parents first, until it returns true. Nodes
  /// nested deeper than kMaxDepth are passed over. Says whether a call returned true.
  template <class Visit>
  bool for_each_node(Visit visit) const {
    Walk walk{*this};
    while (const auto node = walk.next()) {
      if (enabled(*node) && visit(*node)) return true;
    }
    return false;
  }

  /// The first enabled node that is compatible with this.
  std::optional<Node> compatible(std::string_view with) const;

  /// The node of this name right below the root, e.g. "chosen".
  std::optional<Node> top_level(std::string_view name) const;

 private:
  static constexpr std::size_t kMaxDepth = 12;

  /// What a walk knows of one level: the cell counts that it gives its children.
  struct Level {
    std::uint8_t address_cells = 2;
    std::uint8_t size_cells = 1;
  };

  class Walk {
   public:
    explicit Walk(const DeviceTree& tree) : tree_(tree) {}
    std::optional<Node> next();
    std::size_t depth() const { return depth_; }  ///< 1: the root was returned last.

   private:
    const DeviceTree& tree_;
    std::uint32_t at_ = 0;
    std::size_t depth_ = 0;
    std::array<Level, kMaxDepth + 1> levels_{};
  };

  struct Token {
    std::uint32_t kind;
    std::string_view name;               // of a node or property
    std::span<const std::byte> value{};  // of a property
    std::uint32_t end;                   // where the next token starts
  };

  DeviceTree(std::span<const std::byte> structure, std::span<const std::byte> strings)
      : structure_(structure), strings_(strings) {}

  std::optional<Token> token(std::uint32_t at) const;
  bool enabled(const Node& node) const;

  std::span<const std::byte> structure_;
  std::span<const std::byte> strings_;
};

}  // namespace hawser::guest
