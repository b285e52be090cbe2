#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# linux_image.sh FOLDER ARCH PROGRAM: makes FOLDER/ARCH/initramfs, with PROGRAM (`hawser` for ARCH) and Hawser's kernel
# modules, which it builds, in what linux_guest.sh or linux_debug.sh left in FOLDER/ARCH. Does nothing if no part is newer;
# linux_image.sh --check FOLDER ARCH PROGRAM only says by its status whether that is so.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
check=
if [ $# -eq 4 ] && [ "$1" = --check ]; then
  check=1
  shift
fi
[ $# -eq 3 ] || {
  echo "usage: linux_image.sh [--check] FOLDER ARCH PROGRAM" >&2
  exit 1
}
folder=$1/$2
arch=$2
program=$3
image=$folder/initramfs

newest() {
  [ -f "$image" ] || return 1
  newer=$(find "$program" "$folder/made-from" "$here/tools/linux_image.sh" "$here/guests/linux/image" \
    "$here/guests/linux/kmod" "$here"/*/include -newer "$image" -type f \
    \( ! -path '*/include/hawser/*' -o -name 'wire*.h' \) | head -n 1)
  [ -z "$newer" ]
}
if newest; then exit 0; fi
[ -z "$check" ] || exit 1
rm -f "$image" # an older one would be taken for it, should this fail

tools=
words=
if [ "$arch" != "$(uname -m)" ]; then
  tools=$arch-linux-gnu-
  case "$arch" in
    aarch64) words="ARCH=arm64 CROSS_COMPILE=$tools" ;;
    *) words="ARCH=$arch CROSS_COMPILE=$tools" ;;
  esac
fi
folder=$(cd "$folder" && pwd)
# shellcheck disable=SC2086  # words
make -C "$here/guests/linux/kmod" KDIR="$folder/headers/kernel" STAGE="$folder/kmod" $words modules
rm -rf "$folder/parts"
mkdir -p "$folder/parts/modules"
# By the build's own list, since an older tree may have left more. Two domains of one emulated processor unpack this:
# without debug information there is a sixth less of it.
sed 's|.*/||; s|\.o$|.ko|' "$folder/kmod/modules.order" | while read -r module; do
  "${tools}strip" --strip-debug -o "$folder/parts/modules/$module" "$folder/kmod/$module"
done
"${tools}strip" -o "$folder/parts/hawser" "$program"
lacks=
[ ! -f "$folder/lacks" ] || lacks=$(cat "$folder/lacks")
set --
for module in $lacks; do set -- "$@" --without "$module"; done
python3 "$here/guests/linux/image/build.py" --root "$folder/root" --release "$(cat "$folder/version")" \
  --program "$folder/fio" --program "$folder/parts/hawser" --modules "$folder/parts/modules" "$@" --output "$image"
