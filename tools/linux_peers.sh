#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# linux_peers.sh FOLDER ARCH: what `bench guests` measures Hawser's disk against, for the Linux guest that linux_guest.sh
# made in FOLDER/ARCH: FOLDER/ARCH/peers, an initramfs to be put behind the guest's own. It holds nbd-server, nbd-client
# and NFS's server from Debian's packages, and the kernel's modules for both.
#
# Does nothing if it is there; linux_peers.sh --check FOLDER ARCH only says by its status whether it is.
set -eu

# shellcheck source=tools/private_apt.sh
. "$(dirname "$0")/private_apt.sh"
here=$(cd "$(dirname "$0")/.." && pwd)

packages="nbd-server nbd-client nfs-kernel-server nfs-common
  libc6 libglib2.0-0 libpcre2-8-0 libgnutls30 libp11-kit0 libffi8 libidn2-0 libunistring2 libtasn1-6 libnettle8
  libhogweed6 libgmp10 libnl-3-200 libnl-genl-3-200
  libwrap0 libnsl2 libtirpc3 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 libblkid1
  libuuid1 libsqlite3-0 libevent-core-2.1-7 libcap2 zlib1g"

check=
if [ $# -eq 3 ] && [ "$1" = --check ]; then
  check=1
  shift
fi
[ $# -eq 2 ] || fail "usage: linux_peers.sh [--check] FOLDER ARCH"
folder=$1/$2
made_by="$here/tools/linux_peers.sh $here/bench/guests/peers.py $folder/made-from"

# shellcheck disable=SC2086  # one word a file
[ ! -f "$folder/peers" ] || [ -n "$(find $made_by -newer "$folder/peers")" ] || exit 0
[ -z "$check" ] || exit 1
case "$2" in
  x86_64) debian=amd64 ;;
  aarch64) debian=arm64 ;;
  *) fail "no Linux guest for the architecture \"$2\"; there are: x86_64 aarch64" ;;
esac

work=$(cd "$folder" && pwd)/peers-work
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$work/debs" "$work/root"
private_apt "$work/apt"
set --
for name in $packages; do set -- "$@" "$name:$debian"; done
(cd "$work/debs" && apt-get -q download "$@") || fail "Debian's packages could not be fetched"
for deb in "$work/debs"/*.deb; do unpack "$work/root" "$deb" --exclude=./usr/share --exclude=./etc; done
python3 "$here/bench/guests/peers.py" --guest "$folder/root" --root "$work/root" --release "$(cat "$folder/version")" \
  --output "$folder/peers"
