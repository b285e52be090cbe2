#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# ringtest.sh FOLDER: builds tools/virtio/ringtest of Linux, against which `bench peers` holds Hawser's queues, from Debian's
# source package: Debian ships no binary of it. Leaves FOLDER/ring, virtio_ring_0_9 and virtio_ring_inorder. It needs a
# network, no root and no change to the system's package sources. Nothing of Linux enters this repository.
#
# Does nothing if they are there; ringtest.sh --check FOLDER only says by its status whether they are.
set -eu

# shellcheck source=tools/private_apt.sh
. "$(dirname "$0")/private_apt.sh"

programs="ring virtio_ring_0_9 virtio_ring_inorder"
check=
if [ $# -eq 2 ] && [ "$1" = --check ]; then
  check=1
  shift
fi
[ $# -eq 1 ] || fail "usage: ringtest.sh [--check] FOLDER"
missing=
for program in $programs; do [ -x "$1/$program" ] || missing=1; done
[ -n "$missing" ] || exit 0
[ -z "$check" ] || exit 1

mkdir -p "$1"
here=$(cd "$1" && pwd)
work=$here/work
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$work/linux"
private_apt "$work/apt"
cd "$work"
apt-get -q source --download-only linux || fail "Debian's source package of Linux could not be fetched"
tar -xJf linux_*.orig.tar.xz -C linux --strip-components=1 --wildcards '*/tools/virtio/ringtest/*' ||
  fail "the source package could not be unpacked"
cd linux/tools/virtio/ringtest
# shellcheck disable=SC2086  # one word a program
make -s $programs
# shellcheck disable=SC2086
mv $programs "$here"
cd "$work"
basename linux_*.dsc .dsc >"$here/version"
