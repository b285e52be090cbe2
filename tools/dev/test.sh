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

case "${1:-}" in
  -*) usage_error "no option \"$1\"; ./dev test takes a part of a test's name" ;;
esac
[ $# -le 1 ] || usage_error "what is \"$2\"? ./dev test takes a part of one name"
setup_if_needed run xen policy linux test

# Native and guests whole, since system tests use both; the rest is built as far as the tests need it.
fetch_ivshmem_client
prepare() { configure_native tests && build_all && configure_asan && configure_tsan && configure_fuzz; }
not_built() {
  echo
  echo "nothing was run, since the build failed; it counts as one failure:"
  echo "0 passed, 1 failed"
  exit 1
}
prepare || not_built
# Xen comes from the network the first time.
build_xen || echo "the tests that boot Xen are skipped"
build_xen_x86_64 || echo "the test that boots Xen on x86_64 is skipped"
# And so do Debian's kernels; what is ours in their guests has to build.
for arch in x86_64 aarch64; do
  if fetch_linux "$arch"; then build_linux "$arch" || not_built; else echo "the tests that boot Linux guests for $arch are skipped"; fi
done
stop_ticker
exec python3 tools/dev/run_tests.py "$@"
