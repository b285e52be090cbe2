# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Format every C++ file as .clang-format says.

setup_if_needed check
sources | xargs -0 clang-format -i
