// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// A value or a named error; what the core uses instead of exceptions (C++20 has no std::expected).
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace hawser {

/// Wraps an error on its way into a Result: `return Err{SendError::kFull};`.
template <class E>
struct Err {
  E error;
};
template <class E>
Err(E) -> Err<E>;

namespace detail {

/// Where a Result keeps its value or error. Two shapes, because clang 14 knows no conditionally trivial
/// members.
template <class T, class E, bool = std::is_trivially_copyable_v<T>&& std::is_trivially_destructible_v<T>>
struct ResultStorage {
  union {
    T value;
    E error;
  };
  bool ok;
  constexpr explicit ResultStorage(T&& v) : value(std::move(v)), ok(true) {}
  constexpr ResultStorage(std::nullptr_t, E e) : error(e), ok(false) {}
};

template <class T, class E>
struct ResultStorage<T, E, false> {
  union {
    T value;
    E error;
  };
  bool ok;
  constexpr explicit ResultStorage(T&& v) : value(std::move(v)), ok(true) {}
  constexpr ResultStorage(std::nullptr_t, E e) : error(e), ok(false) {}
  constexpr ResultStorage(ResultStorage&& other) noexcept : ok(other.ok) {
    if (ok) {
      ::new (static_cast<void*>(&value)) T(std::move(other.value));
    } else {
      error = other.error;
    }
  }
  ResultStorage& operator=(ResultStorage&&) = delete;
  constexpr ~ResultStorage() {
    if (ok) value.~T();
  }
};

}  // namespace detail

/// Either a T or an E. Asking for the wrong one is a bug of ours, not of the peer, and traps.
template <class T, class E>
class [[nodiscard]] Result {
 public:
  constexpr Result(T value) : held_(std::move(value)) {}
  constexpr Result(Err<E> e) : held_(nullptr, e.error) {}

  constexpr bool ok() const { return held_.ok; }
  constexpr explicit operator bool() const { return held_.ok; }

  constexpr T& value() & {
    if (!held_.ok) __builtin_trap();
    return held_.value;
  }
  constexpr const T& value() const& {
    if (!held_.ok) __builtin_trap();
    return held_.value;
  }
  constexpr T&& value() && {
    if (!held_.ok) __builtin_trap();
    return std::move(held_.value);
  }
  constexpr T& operator*() & { return value(); }
  constexpr const T& operator*() const& { return value(); }
  constexpr T&& operator*() && { return std::move(*this).value(); }
  constexpr T* operator->() { return &value(); }
  constexpr const T* operator->() const { return &value(); }

  constexpr E error() const {
    if (held_.ok) __builtin_trap();
    return held_.error;
  }

  constexpr T value_or(T other) && { return held_.ok ? std::move(held_.value) : std::move(other); }

 private:
  detail::ResultStorage<T, E> held_;
};

/// Done, or a named error.
template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  constexpr Result() : error_{}, ok_(true) {}
  constexpr Result(Err<E> e) : error_(e.error), ok_(false) {}

  constexpr bool ok() const { return ok_; }
  constexpr explicit operator bool() const { return ok_; }
  constexpr E error() const {
    if (ok_) __builtin_trap();
    return error_;
  }

 private:
  E error_;
  bool ok_;
};

}  // namespace hawser

/// Unwraps into `name`, or returns the error from the enclosing function (whose error type must be the same).
#define HAWSER_TRY(name, expression)                                        \
  auto name##_or_error = (expression);                                      \
  if (!name##_or_error.ok()) return ::hawser::Err{name##_or_error.error()}; \
  auto name = std::move(name##_or_error).value()

/// The same for Result<void, E>.
#define HAWSER_CHECK(expression)                                                           \
  do {                                                                                     \
    if (auto checked = (expression); !checked.ok()) return ::hawser::Err{checked.error()}; \
  } while (false)
