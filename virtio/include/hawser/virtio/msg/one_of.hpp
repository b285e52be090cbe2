// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// One of several plain structs: what <variant> is elsewhere, without its exceptions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>

namespace hawser::virtio::msg {

template <class... Ts>
class OneOf {
  static_assert((std::is_trivially_copyable_v<Ts> && ...) && sizeof...(Ts) < 256);

 public:
  template <class T>
  static constexpr bool kHolds = (std::is_same_v<T, Ts> || ...);

  template <class T>
  requires kHolds<T> OneOf(const T& value) : index_(index_of<T>()) {
    // Makes the T as well. After a placement new, GCC 12 for aarch64 copies the storage before the T is in it.
    std::memcpy(storage_, &value, sizeof(T));
  }

  /// The T, or nullptr when it is something else.
  template <class T>
  requires kHolds<T>
  const T* as() const {
    return index_ == index_of<T>() ? std::launder(reinterpret_cast<const T*>(storage_)) : nullptr;
  }

  /// Calls `f` with whatever it is.
  template <class F>
  void visit(F&& f) const {
    (void)((as<Ts>() != nullptr && (f(*as<Ts>()), true)) || ...);
  }

 private:
  template <class T>
  static constexpr std::uint8_t index_of() {
    std::uint8_t index = 0;
    (void)((std::is_same_v<T, Ts> || (++index, false)) || ...);
    return index;
  }

  alignas(Ts...) std::byte storage_[std::max({sizeof(Ts)...})];
  std::uint8_t index_;
};

}  // namespace hawser::virtio::msg
