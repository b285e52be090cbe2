#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# linux_headers.sh FOLDER ARCH: headers of the newer series of kernels that Debian 12 has beside its own, for ARCH (x86_64 or
# aarch64), in FOLDER/ARCH as linux_guest.sh has those of its own: `headers/kernel` is for `make -C`, `version` is which.
# 20 MB from Debian's mirror; no root. Does nothing if they are there; --check only says by its status whether they are.
set -eu

series=6.12

# shellcheck source=tools/private_apt.sh
. "$(dirname "$0")/private_apt.sh"

if [ $# -eq 3 ] && [ "$1" = --check ]; then
  test -e "$2/$3/headers/kernel/Makefile" && test -s "$2/$3/version"
  exit
fi
[ $# -eq 2 ] || fail "usage: linux_headers.sh [--check] FOLDER ARCH"
arch=$2
case "$arch" in
  x86_64) debian=amd64 ;;
  aarch64) debian=arm64 ;;
  *) fail "no headers for the architecture \"$arch\"; there are: x86_64 aarch64" ;;
esac
mkdir -p "$1"
cd "$1"
here=$(pwd)
if [ -s "$arch/version" ]; then exit 0; fi

work=$here/work-$arch
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$work/debs" "$work/out/headers"
private_apt "$work/apt"

release=$(apt-cache pkgnames "linux-headers-$series." | sed -n "s/^linux-headers-\(.*[0-9]-$debian\)$/\1/p;
  s/^linux-headers-\(.*+deb12-$debian\)$/\1/p" | sort -uV | tail -n 1)
[ -n "$release" ] || fail "Debian's mirror has no headers of Linux $series for $debian"
version=${release%-"$debian"}
(cd "$work/debs" && apt-get -q download "linux-headers-$release:$debian" "linux-headers-$version-common:all" \
  "linux-kbuild-$version:$(dpkg --print-architecture)") || fail "Debian's packages could not be fetched"
unpack_headers "$work/out/headers" "$here/$arch/headers" "$work/debs" "$release" "$version" "linux-kbuild-$version"
# For type information within modules, which would take a further tool.
rm -f "$work/out/headers/kernel/vmlinux"
echo "$release" >"$work/out/version"
rm -rf "$arch"
mv "$work/out" "$arch"
