// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// Static storage for one object that is made when the program knows how: images have no heap and run no constructors
// before main.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace hawser::app {

template <class T>
class Room {
 public:
  constexpr Room() = default;
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  /// Makes the object. Call it once, or after destroy().
  template <class... Args>
  T& make(Args&&... args) {
    return *(object_ = ::new (static_cast<void*>(bytes_)) T(std::forward<Args>(args)...));
  }
  void destroy() {
    if (object_ != nullptr) object_->~T();
    object_ = nullptr;
  }
  T* get() const { return object_; }

 private:
  alignas(T) std::byte bytes_[sizeof(T)]{};
  T* object_ = nullptr;
};

}  // namespace hawser::app
