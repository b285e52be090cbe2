// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A device tree that is changed in place, by libfdt. Every error is an exception with one sentence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::launch {

class DeviceTreeEditor {
 public:
  /// A node, by its path: offsets move with every change.
  using Path = std::string;

  explicit DeviceTreeEditor(const std::vector<std::byte>& tree);

  /// Becomes the parent's first child: nodes whose order matters are added last first.
  Path add_node(const Path& parent, const std::string& name);

  void set_flag(const Path& node, const char* name);
  void set_cells(const Path& node, const char* name, std::initializer_list<std::uint32_t> cells);
  void set_text(const Path& node, const char* name, const std::string& text);
  void set_texts(const Path& node, const char* name, std::initializer_list<std::string_view> texts);

  /// "" if there is none.
  std::string text(const Path& node, const char* name) const;

  /// A number for a node's property "phandle" that no node has.
  std::uint32_t new_phandle();

  /// The tree, no larger than it must be.
  std::vector<std::byte> finish();

 private:
  int offset(const Path& node) const;
  void set(const Path& node, const char* name, const void* value, std::size_t bytes);

  std::vector<std::byte> tree_;
  std::uint32_t last_phandle_ = 0;
};

}  // namespace hawser::launch
