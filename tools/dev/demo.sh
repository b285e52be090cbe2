# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Build, boot two guests that share only one link, and show their virtio traffic.
#:
#:   ./dev demo [boot] [ARGS]     over an ivshmem window, each guest under a QEMU of its own
#:   ./dev demo argo [ARGS]       over Xen's Argo: two domains of Xen, no dom0; a third domain tries to join in
#:   ./dev demo argo --broker [ARGS]   the same without Xen: guests or processes, and a broker that copies
#:   ./dev demo xen-shm [ARGS]    over memory that Xen shares between two domains
#:
#: ARGS go to `hawser boot`; ./dev demo --help lists them. Ends with a table and status 0; what did not verify is named
#: and gives another status.

link=ivshmem
case "${1:-}" in
  boot) shift ;;
  argo | xen-shm)
    link=$1
    shift
    if [ "$link" = argo ] && [ "${1:-}" = --broker ]; then
      link=argo-broker
      shift
    fi
    ;;
  "" | -*) ;;
  *) die "no demo \"$1\"; there are: boot argo xen-shm" ;;
esac

setup_if_needed
[ -f cli/meson.build ] || die "the demo needs the hawser command (cli/), which this tree does not have"
case "$link" in
  argo | xen-shm) build_xen || exit 1 ;;
esac
build_all cli/hawser
exec build/native/cli/hawser boot --link "$link" "$@"
