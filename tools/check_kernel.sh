#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# check_kernel.sh CHECKPATCH GUEST...: what the kernel's own tools say of the kernel modules. Status 0 only if that is nothing.
#
#   checkpatch   --strict, with the script in the folder CHECKPATCH (tools/checkpatch.sh); left out if it is not there
#   W=1, C=2     every file compiled with the kernel's further warnings, and read by sparse, against the headers in each
#                GUEST: a folder as of tools/linux_guest.sh or linux_headers.sh, named as the architecture
set -eu

[ $# -ge 1 ] || {
  echo "usage: check_kernel.sh CHECKPATCH GUEST..." >&2
  exit 64
}
here=$(cd "$(dirname "$0")/.." && pwd)
kmod=$here/guests/linux/kmod
checkpatch=$1/checkpatch.pl
shift
status=0

# ENOSYS: a hypervisor without Argo answers with this number.
ignored=ENOSYS

if [ -f "$checkpatch" ]; then
  echo "checkpatch --strict"
  # Not stub/: that is user space, under names of the kernel's.
  find "$kmod" -name stub -prune -o -type f \( -name '*.[ch]' -o -name Kbuild -o -name Makefile \) -print0 | sort -z |
    xargs -0 perl "$checkpatch" --no-tree --strict --terse --show-types --no-summary --quiet --ignore "$ignored" -f ||
    status=1
fi

# The kernel wants a file's licence on its first line: in stub/ too, though it is none of the kernel's.
unlicensed=$(find "$kmod" -type f \( -name '*.[ch]' -o -name Kbuild -o -name Makefile \) -exec \
  awk 'FNR == 1 && !/^(\/\/|#|\/\*) SPDX-License-Identifie[r]: / { print FILENAME }' {} +)
if [ -n "$unlicensed" ]; then
  echo "the first line is no SPDX-License-Identifier:"
  echo "$unlicensed"
  status=1
fi

for guest; do
  guest=$(cd "$guest" && pwd)
  echo "W=1 C=2: $(cat "$guest/version")"
  command -v sparse >/dev/null || {
    echo "sparse is not here"
    exit 1
  }
  words=
  case "${guest##*/}" in
    "$(uname -m)") ;;
    aarch64) words="ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-" ;;
    *) words="ARCH=${guest##*/} CROSS_COMPILE=${guest##*/}-linux-gnu-" ;;
  esac
  # From nothing: what was compiled before would be passed over in silence.
  stage=$guest/kmod-checked
  rm -rf "$stage"
  # shellcheck disable=SC2086 # words
  if ! make -C "$kmod" KDIR="$guest/headers/kernel" STAGE="$stage" W=1 C=2 $words modules >"$guest/kmod-checked.log" 2>&1
  then
    tail -n 30 "$guest/kmod-checked.log"
    status=1
  elif grep -E '(warning|error|WARNING): ' "$guest/kmod-checked.log"; then
    status=1
  fi
  rm -rf "$stage"
done
exit "$status"
