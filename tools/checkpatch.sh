#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# checkpatch.sh FOLDER: leaves Linux's checkpatch.pl in FOLDER, with the lists that it reads, from Debian's package of the
# kernel's source: no smaller one has it. 140 MB come from Debian's mirror, unless the package is installed, and of these
# 0.5 MB stay. Needs no root. Nothing of Linux enters this repository.
set -eu

# shellcheck source=tools/private_apt.sh
. "$(dirname "$0")/private_apt.sh"

[ $# -eq 1 ] || fail "usage: checkpatch.sh FOLDER"
package=linux-source-6.1
mkdir -p "$1"
cd "$1"
here=$(pwd)
work=$here/work
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$work/scripts"

names="checkpatch.pl const_structs.checkpatch spelling.txt"
source_archive() {
  if [ -f /usr/src/$package.tar.xz ]; then
    cat /usr/src/$package.tar.xz
  else
    dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -xO --wildcards "*/$package.tar.xz"
  fi
}
if [ ! -f /usr/src/$package.tar.xz ]; then
  private_apt "$work/apt"
  (cd "$work" && apt-get -q download $package) || fail "Debian's $package could not be fetched"
fi
set --
for name in $names; do set -- "$@" "*/scripts/$name"; done
source_archive | tar -xJ -C "$work/scripts" --strip-components=2 --wildcards "$@" ||
  fail "$package could not be unpacked"
for name in $names; do mv "$work/scripts/$name" "$here/"; done
