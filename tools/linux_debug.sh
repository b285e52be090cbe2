#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# linux_debug.sh FOLDER GUEST: what a Linux guest for x86_64 is made of, in FOLDER/x86_64 as in GUEST, where linux_guest.sh has
# left it, but with a kernel that looks at what its drivers do: KASAN, UBSAN, lockdep, kmemleak and what else is in
# linux_debug.config. Debian ships none, so it is built from Debian's own source of its kernel (linux-source-6.1, 140 MB
# from the mirror): some 10 minutes of one processor, 1.5 GB in FOLDER, no root. linux_image.sh makes the image, as of any.
#
# Does nothing if it is there; linux_debug.sh --check FOLDER GUEST only says by its status whether it is.
set -eu

# shellcheck source=tools/private_apt.sh
. "$(dirname "$0")/private_apt.sh"

tools=$(cd "$(dirname "$0")" && pwd)
source=linux-source-6.1
lacks="bridge vfio_pci vfio_iommu_type1 xen_privcmd xen_evtchn" # modules that other guests' kernels have

wanted() { echo "$(cat "$1/made-from") $lacks $(cksum <"$tools/linux_debug.config")"; }
made() { [ -f "$1/x86_64/kernel" ] && [ "$(cat "$1/x86_64/made-from" 2>/dev/null)" = "$(wanted "$2")" ]; }

if [ $# -eq 3 ] && [ "$1" = --check ]; then
  made "$2" "$3"
  exit
fi
[ $# -eq 2 ] || fail "usage: linux_debug.sh [--check] FOLDER GUEST"
guest=$(cd "$2" && pwd)
mkdir -p "$1"
cd "$1"
here=$(pwd)

exec 9>lock
flock 9
if made "$here" "$guest"; then exit 0; fi

for tool in apt-get dpkg-deb make gcc bc bison flex xz; do
  command -v "$tool" >/dev/null || fail "a kernel takes $tool, which is not here: ./dev setup installs it"
done
work=$here/work
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$work"

# What no part of this kernel is made of, and fills a disk.
if [ ! -f source/complete ]; then
  rm -rf source
  mkdir source
  private_apt "$work/apt"
  (cd "$work" && apt-get -q download "$source:all") || fail "the package $source could not be fetched"
  dpkg-deb --fsys-tarfile "$(echo "$work/$source"_*.deb)" | tar -x --to-stdout "./usr/src/$source.tar.xz" |
    tar -xJ -C source --strip-components=1 --wildcards --exclude='*/Documentation/*/*' --exclude='*/drivers/gpu/*.[ch]' \
      --exclude='*/drivers/net/ethernet/*.[ch]' --exclude='*/drivers/net/wireless/*.[ch]' --exclude='*/drivers/media/*.[ch]' \
      --exclude='*/sound/*.[ch]' --exclude='*.dts' --exclude='*.dtsi' --exclude='*/tools/testing' ||
    fail "the package $source could not be unpacked"
  rm -rf "$work/apt"
  touch source/complete
fi

# The same from the same, wherever it is built; ccache, if it is there, knows it again.
export KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_USER=hawser KBUILD_BUILD_HOST=hawser CCACHE_BASEDIR="$here"
compiler=gcc
if command -v ccache >/dev/null; then compiler="ccache gcc"; fi
# What PVH enters first, and the memcmp() that it calls, run before KASAN is up.
build() {
  nice -n 15 make -s -C "$here/source" O="$here/build" CC="$compiler" KASAN_SANITIZE_enlighten.o=n KASAN_SANITIZE_string.o=n "$@"
}
mkdir -p build
build tinyconfig
"$here/source/scripts/kconfig/merge_config.sh" -m -O build build/.config "$tools/linux_debug.config" >/dev/null
build olddefconfig
grep -v '^#\( \|$\)' "$tools/linux_debug.config" | while read -r line; do
  [ -z "$line" ] || grep -qxF "$line" build/.config || fail "this kernel's configuration does not take $line"
done
build -j"$(nproc)" vmlinux modules

out=$work/out
mkdir -p "$out/headers" "$out/root"
(cd "$guest/root" && tar -c --exclude=./lib/modules --exclude=./usr/include .) | tar -x -C "$out/root"
build INSTALL_MOD_PATH="$out/root" DEPMOD=true modules_install
rm -f "$out"/root/lib/modules/*/build "$out"/root/lib/modules/*/source
cp build/vmlinux "$out/kernel"
cp build/include/config/kernel.release "$out/version"
cp "$guest/fio" "$out/fio"
ln -s ../../build "$out/headers/kernel"
echo "$lacks" >"$out/lacks"
wanted "$guest" >"$out/made-from"
rm -rf x86_64
mv "$out" x86_64
