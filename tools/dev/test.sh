# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Build and run every test, or those whose "suite:name" contains PATTERN.
#:
#:   ./dev test [PATTERN]         e.g. virtio, threads:, system:boot
#:
#: Native programs first, then the same unit tests with the address and undefined-behaviour sanitizers, the
#: threaded ones with the thread sanitizer, and every fuzz target for a few seconds. A test case that runs in
#: two builds counts twice. Ends with "N passed, N failed"; the status is 0 only if something ran and nothing failed.
#: Skipped tests are listed with their reasons. tests/README.md tells what the suites are.

setup_if_needed
build_all
configure_asan
configure_tsan
[ ! -f tests/fuzz/meson.build ] || configure_fuzz
stop_ticker
exec python3 tools/dev/run_tests.py "$@"
