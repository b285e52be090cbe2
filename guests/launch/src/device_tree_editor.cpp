// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "device_tree_editor.hpp"

#include <fmt/format.h>

extern "C" {
#include <libfdt.h>
}

#include <stdexcept>

namespace hawser::launch {
namespace {

constexpr std::size_t kRoom = 64 << 10;  // for what is added

int checked(int result, std::string_view what) {
  if (result < 0) throw std::runtime_error(fmt::format("device tree: {}: {}", what, ::fdt_strerror(result)));
  return result;
}

}  // namespace

DeviceTreeEditor::DeviceTreeEditor(const std::vector<std::byte>& tree) : tree_(tree.size() + kRoom) {
  checked(::fdt_check_full(tree.data(), tree.size()), "it can not be used");
  checked(::fdt_open_into(tree.data(), tree_.data(), static_cast<int>(tree_.size())),
          "it can not be changed");
  checked(::fdt_find_max_phandle(tree_.data(), &last_phandle_), "its phandles");
}

int DeviceTreeEditor::offset(const Path& node) const {
  return checked(::fdt_path_offset(tree_.data(), node.c_str()), node);
}

DeviceTreeEditor::Path DeviceTreeEditor::add_node(const Path& parent, const std::string& name) {
  checked(::fdt_add_subnode(tree_.data(), offset(parent), name.c_str()), name);
  return parent + "/" + name;
}

void DeviceTreeEditor::set(const Path& node, const char* name, const void* value, std::size_t bytes) {
  checked(::fdt_setprop(tree_.data(), offset(node), name, value, static_cast<int>(bytes)), name);
}

void DeviceTreeEditor::set_flag(const Path& node, const char* name) {
  set(node, name, nullptr, 0);
}

void DeviceTreeEditor::set_cells(const Path& node, const char* name,
                                 std::initializer_list<std::uint32_t> cells) {
  std::vector<fdt32_t> value;
  for (const std::uint32_t cell : cells) value.push_back(cpu_to_fdt32(cell));
  set(node, name, value.data(), value.size() * sizeof value[0]);
}

void DeviceTreeEditor::set_text(const Path& node, const char* name, const std::string& text) {
  set(node, name, text.c_str(), text.size() + 1);
}

void DeviceTreeEditor::set_texts(const Path& node, const char* name,
                                 std::initializer_list<std::string_view> texts) {
  std::string value;
  for (const std::string_view text : texts) (value += text) += '\0';
  set(node, name, value.data(), value.size());
}

std::string DeviceTreeEditor::text(const Path& node, const char* name) const {
  const char* value = ::fdt_stringlist_get(tree_.data(), offset(node), name, 0, nullptr);
  return value == nullptr ? "" : value;
}

std::uint32_t DeviceTreeEditor::new_phandle() {
  return ++last_phandle_;
}

std::vector<std::byte> DeviceTreeEditor::finish() {
  checked(::fdt_pack(tree_.data()), "it can not be packed");
  tree_.resize(fdt_totalsize(tree_.data()));
  return tree_;
}

}  // namespace hawser::launch
