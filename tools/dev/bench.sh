# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Measure: `hawser bench ARGS`, from an optimized build (build/release).
#:
#:   ./dev bench queue [--json]

setup_if_needed
configure release "$(cached g++)" -Dbuildtype=release >&2
step "build release" ninja -C build/release cli/hawser >&2
exec build/release/cli/hawser bench "$@"
