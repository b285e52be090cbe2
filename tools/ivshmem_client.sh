#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# Builds QEMU's own ivshmem-client, against which the ivshmem server is tested, from Debian's source package: Debian
# ships no binary of it. `ivshmem_client.sh FOLDER` leaves FOLDER/ivshmem-client. It needs a network, no root and no
# change to the system's package sources: apt works in FOLDER, on the source halves of the mirrors that it is
# configured for. Nothing of QEMU enters this repository.
set -eu

mkdir -p "$1"
cd "$1"
here=$(pwd)
work=$here/work
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/host"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [ -f "$keyring" ]; then signed="[signed-by=$keyring] "; else signed=; fi
# shellcheck disable=SC2016 # the variables are apt's
apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' |
  sort -u | sed "s|^|deb-src $signed|; s|\$| main|" >"$work/sources.list"

apt() {
  timeout 120 apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User= \
    -o Acquire::http::Timeout=20 -o Acquire::Retries=2 "$@"
}

cd "$work"
apt update || true # a mirror without sources, beside one that has them
apt source --download-only qemu
# Debian's patches leave the client alone, and of the rest it needs the headers only.
tar -xJf qemu_*.orig.tar.xz --strip-components=1 --wildcards '*/contrib/ivshmem-client/*' '*/include/*'

# What QEMU's configure would have found out, as far as the client's headers ask.
printf '#define CONFIG_%s 1\n' POSIX LINUX IOVEC >host/config-host.h
: >host/config-poison.h
glib=$(pkg-config --cflags --libs glib-2.0)
# shellcheck disable=SC2086  # words
cc -O1 -g -D_GNU_SOURCE -Ihost -Iinclude contrib/ivshmem-client/main.c contrib/ivshmem-client/ivshmem-client.c \
  $glib -o ivshmem-client
mv ivshmem-client "$here/ivshmem-client"
