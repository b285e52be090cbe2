// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

#include "loopback_script.hpp"

void hawser::test::with_second_end(loopback::Link& second, const std::function<void()>& work,
                                   const std::function<void()>& body) {
  second.on_idle([](void* context) { (*static_cast<const std::function<void()>*>(context))(); },
                 const_cast<std::function<void()>*>(&work));
  body();
  second.on_idle(nullptr, nullptr);
}
