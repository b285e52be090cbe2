# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Build, boot two guests that share only an ivshmem device, and show their virtio traffic.
#:
#:   ./dev demo [boot] [ARGS]     ARGS go to `hawser boot`; ./dev demo --help lists them
#:
#: Ends with a table and status 0; what did not verify is named and gives another status.

case "${1:-}" in
  boot) shift ;;
  "" | -*) ;;
  *) die "no demo \"$1\"; there is: boot" ;;
esac

setup_if_needed
[ -f cli/meson.build ] || die "the demo needs the hawser command (cli/), which this tree does not have"
build_all cli/hawser
exec build/native/cli/hawser boot "$@"
