# shellcheck shell=sh disable=SC2154 # guests is lib.sh's
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Build, boot two guests that share only one link, and show their virtio traffic.
#:
#:   ./dev demo [boot] [OPTIONS]          over an ivshmem window, each guest under a QEMU of its own
#:   ./dev demo argo [OPTIONS]            over Xen's Argo: two domains of Xen, no dom0; a third domain tries to join in
#:   ./dev demo argo --broker [OPTIONS]   the same without Xen: guests or processes, and a broker that copies
#:   ./dev demo xen-shm [OPTIONS]         over memory that Xen shares between two domains
#:   ./dev demo linux [OPTIONS]           over an ivshmem window, two Linux guests: Debian's kernel with its own virtio
#:                                        drivers uses a disk, a network, a console and entropy that the other serves
#:   ./dev demo linux --link argo         the same over Xen's Argo: two Linux domains on arm64, no dom0
#:
#: Ends with a table and status 0; what did not verify is named and gives status 1. Consoles are kept in logs/. Options:
#:
#:   --link LINK                     of ./dev demo linux: ivshmem or argo
#:   --arch ARCH                     x86_64 or aarch64, for both guests; the host's own by default, aarch64 on Xen
#:   --driver-arch ARCH              of the guest that uses the devices
#:   --device-arch ARCH              of the guest that serves them
#:   --driver HOME                   guest (bare metal), linux or process: where the driver side lives
#:   --device HOME                   the same of the device side
#:   --order ORDER                   device-first or driver-first
#:   --seconds N                     keep traffic going that long after one full pass
#:   --disk FILE                     the block device; it outlives its server
#:   --kill SIDE@SECONDS             kill driver or device then, and start it again; may be repeated
#:   --accel ACCEL                   auto, kvm or tcg
#:   --queue-layout LAYOUT           self-describing or plain message queues
#:   --size SIZE                     of the shared window, such as 16M
#:   --vectors N                     doorbell vectors of each guest
#:   --driver-argument WORD          a further word for the driver side; may be repeated
#:   --device-argument WORD          a further word for the device side; may be repeated
#:   --xen-argument WORD             a further word for Xen's command line; may be repeated
#:   --xsm-policy FILE               a compiled FLASK policy for ./dev demo argo; ./dev xen policy makes one
#:   --images FOLDER, --xen FILE     guest images and hypervisor from elsewhere
#:   --logs FOLDER                   another folder for the consoles
#:   --quiet                         only the table
#:   --json                          results as JSON on standard output instead of the table
#:
#: Once it is built, build/native/cli/hawser boot --help tells more about each.

link=ivshmem
case "${1:-}" in
  boot) shift ;;
  argo | xen-shm | linux)
    link=$1
    shift
    ;;
  "" | -*) ;;
  *) usage_error "no demo \"$1\"; there are: boot argo xen-shm linux" ;;
esac
check_options "$@"
# The broker and the link are this script's own words, wherever they stand.
demo=$link
before=
for word; do
  shift
  case "$demo $before$word" in
    "argo --broker") link=argo-broker ;;
    *" --broker") usage_error "\"--broker\" is for ./dev demo argo" ;;
    "linux --link") before=--link= ;;
    "linux --link="*)
      link=${word#--link=}
      before=
      ;;
    *" --link" | *" --link="*) usage_error "\"--link\" is for ./dev demo linux; other links have demos of their own" ;;
    *) set -- "$@" "$word" ;;
  esac
done

# A side is a Linux guest if it is asked to be, or if this is the demo of those and nothing else is asked for.
if [ "$demo" = linux ]; then
  case "$link$before" in
    linux) link=ivshmem ;;
    ivshmem | argo) ;;
    *--link=) usage_error "\"--link\" wants a link: ivshmem or argo" ;;
    *) usage_error "no link \"$link\" between Linux guests; there are: ivshmem argo" ;;
  esac
  set -- --driver linux --device linux "$@"
fi
# value_of OPTION OTHERWISE ARGS...: what is said last.
value_of() {
  option=$1
  value=$2
  shift 2
  while [ $# -gt 0 ]; do
    case "$1" in
      "$option") value=${2:-} ;;
      "$option="*) value=${1#*=} ;;
    esac
    shift
  done
  echo "$value"
}
both=$(uname -m)
guest_arches=
case "$link" in
  argo | xen-shm)
    both=aarch64
    guest_arches=aarch64 # the third domain, whatever the others are
    for option in --arch --driver-arch --device-arch --driver --device; do
      case "$(value_of "$option" "" "$@")" in
        x86_64 | process)
          usage_error "\"$(value_of "$option" "" "$@")\" is not for $option here: both sides are domains of Xen on one arm64 machine"
          ;;
      esac
    done
    ;;
esac
both=$(value_of --arch "$both" "$@")
# Which architectures the sides of each kind have; a process needs no image.
linux_arches=
for side in driver device; do
  arch=$(value_of "--$side-arch" "$both" "$@")
  case "$(value_of "--$side" guest "$@")" in
    linux) linux_arches="$linux_arches $arch" ;;
    guest) guest_arches="$guest_arches $arch" ;;
  esac
done
case "$link${linux_arches:+ linux}" in
  "argo-broker linux" | "xen-shm linux")
    usage_error "a \"linux\" side needs an ivshmem window, or Argo on Xen: ./dev demo linux [--link argo]"
    ;;
esac

case "$link" in
  argo | xen-shm)
    setup_if_needed run xen ${linux_arches:+linux}
    build_xen || exit 1
    ;;
  *) setup_if_needed run ${linux_arches:+linux} ;;
esac
# Of architectures that are none, hawser says so.
known() {
  for arch in $1; do
    case " $guests " in *" $arch "*) echo "$arch" ;; esac
  done | sort -u
}
# shellcheck disable=SC2046  # words
build_demo $(known "$guest_arches") || exit 1
# shellcheck disable=SC2046  # words
if [ -n "$linux_arches" ]; then build_linux $(known "$linux_arches") || exit 1; fi
exec build/native/cli/hawser boot --link "$link" "$@"
