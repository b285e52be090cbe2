// SPDX-FileCopyrightText: 2026 The Hawser authors
// SPDX-License-Identifier: MIT

// What differs between the two programs made of loopback_script.cpp: how the second end gets to run.
#pragma once

#include <hawser/transport/loopback.hpp>

#include <functional>

namespace hawser::test {

/// Runs body() for the first end while work() is done for the second as often as it needs.
void with_second_end(loopback::Link& second, const std::function<void()>& work,
                     const std::function<void()>& body);

}  // namespace hawser::test
