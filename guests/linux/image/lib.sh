# shellcheck shell=sh disable=SC2034,SC2154 # the roles use what is set here; the command line sets the rest
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# What both roles share. Read by /init.

# As libslirp has them, which other drivers look for.
address_of_driver=10.0.2.15
address_of_device=10.0.2.2

say() { echo "$*"; }

# Nanoseconds since the guest started.
now() { awk '/^now at/ { print $3; exit }' /proc/timer_list; }

# await SECONDS COMMAND...: repeats it until it succeeds.
await() {
  until_=$(($(now) + $1 * 1000000000))
  shift
  while ! "$@" >/dev/null 2>&1; do
    [ "$(now)" -lt $until_ ] || return 1
    usleep 20000
  done
}

# The modules, and whatever they make appear.
start_link() {
  case "${link:-ivshmem}" in
    ivshmem)
      modprobe hawser_ivshmem || {
        say "the link's modules could not be loaded"
        return 1
      }
      ;;
    argo)
      # Who serves is a program of its own; who drives, the module.
      if [ "$role" = driver ]; then set -- "peer=$domain"; else set --; fi
      modprobe hawser_argo "$@" || {
        say "the link's modules could not be loaded"
        return 1
      }
      ;;
    none) modprobe virtio_pci ;;
    *)
      say "there is no link \"$link\""
      return 1
      ;;
  esac
}
