#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# linux_guest.sh FOLDER ARCH: what a Linux guest of ARCH (x86_64 or aarch64) is made of, from Debian 12's packages, in
# FOLDER/ARCH. Needs a network and no root, and changes nothing outside FOLDER: apt works there, for both architectures,
# on the mirrors that it is configured for, whatever architectures the system itself has.
#
#   kernel      what QEMU boots: on x86_64 the ELF file within Debian's bzImage (by PVH, two to three times faster)
#   version     of that kernel, such as 6.1.0-56-amd64; the same number for both architectures
#   headers     for `make -C`, with HEADERS of the host's own tools
#   root        programs, libraries and modules from the packages, for the image; headers for cross builds
#   fio         built from Debian's source: its binary package wants 60 MB of cluster file systems' libraries
#
# Does nothing if it is there; linux_guest.sh --check FOLDER ARCH only says by its status whether it is.
# HAWSER_LINUX_VERSION chooses another kernel (6.1.0-NN), HAWSER_DEBIAN_MIRROR another place to get everything from.
set -eu

# shellcheck source=tools/private_apt.sh
. "$(dirname "$0")/private_apt.sh"

fio=3.33-3

# Programs of the image and what they need; `hawser`'s libraries with their headers, for the architecture that is not
# the host's.
programs="busybox-static e2fsprogs iperf3 libiperf0 libsctp1 libssl3 libext2fs2 libcom-err2 libblkid1 libuuid1 libc6"
libraries="libgcc-s1 libstdc++6 libfmt9 libfdt1 libtomlplusplus3 liburing2 libslirp0 libglib2.0-0 libpcre2-8-0"
headers="libfmt-dev libfdt-dev libtomlplusplus-dev liburing-dev libslirp-dev"
common_headers="libcli11-dev nlohmann-json3-dev"

# Of the kernel's modules, what fills a disk and no guest here has.
left_out="sound drivers/gpu drivers/media drivers/net/ethernet drivers/net/wireless drivers/infiniband drivers/scsi
  drivers/staging drivers/usb drivers/iio drivers/hwmon drivers/input drivers/mfd drivers/mtd drivers/isdn"

wanted="$suite fio-$fio ${HAWSER_LINUX_VERSION:-newest} $programs $libraries $headers $common_headers $left_out"
wanted=$(echo "$wanted" | tr -s ' \n' ' ')

made() { [ -f "$1/kernel" ] && [ "$(cat "$1/made-from" 2>/dev/null)" = "$wanted" ]; }

debian_name() {
  case "$1" in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) fail "no Linux guest for the architecture \"$1\"; there are: x86_64 aarch64" ;;
  esac
}

if [ $# -eq 3 ] && [ "$1" = --check ]; then
  made "$2/$3"
  exit
fi
[ $# -eq 2 ] || fail "usage: linux_guest.sh [--check] FOLDER ARCH"
arch=$2
debian=$(debian_name "$arch")
host=$(dpkg --print-architecture)
tools= # prefix of the compiler's name
[ "$debian" = "$host" ] || tools=$arch-linux-gnu-
mkdir -p "$1"
cd "$1"
here=$(pwd)

exec 9>lock
flock 9
if made "$arch"; then exit 0; fi

for tool in apt-get dpkg-deb dpkg-source make python3 xz "${tools}gcc"; do
  command -v "$tool" >/dev/null || fail "a Linux guest takes $tool, which is not here: ./dev setup installs it"
done

work=$here/work-$arch
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$work/debs" "$work/out/root" "$work/out/headers"

private_apt "$work/apt"

# The newest that both architectures have, lest they come to differ.
versions() {
  apt-cache pkgnames "linux-image-6.1.0-" | sed -n "s/^linux-image-\(6\.1\.0-[0-9]*\)-$1\$/\1/p" | sort -u
}
versions amd64 >"$work/amd64"
versions arm64 >"$work/arm64"
version=${HAWSER_LINUX_VERSION:-$(sort "$work/amd64" "$work/arm64" | uniq -d | sort -V | tail -n 1)}
grep -qFx "$version" "$work/$debian" ||
  fail "there is no kernel $version for $debian, but $(xargs <"$work/$debian"): HAWSER_LINUX_VERSION chooses"
release=$version-$debian

set -- "linux-image-$release:$debian" "linux-headers-$release:$debian" "linux-headers-$version-common:all" \
  "linux-kbuild-6.1:$host"
for name in $programs $libraries $headers; do set -- "$@" "$name:$debian"; done
for name in $common_headers; do set -- "$@" "$name:all"; done
(cd "$work/debs" && apt-get -q download "$@") || fail "Debian's packages could not be fetched"

# unpack_package FOLDER PACKAGE [TAR'S WORDS...]
unpack_package() {
  folder=$1
  deb=$(echo "$work/debs/$2"_*.deb)
  shift 2
  unpack "$folder" "$deb" "$@"
}

set --
for folder in $left_out; do set -- "$@" "--exclude=./lib/modules/*/kernel/$folder"; done
unpack_package "$work/out/root" "linux-image-$release" "$@" --exclude=./usr
for name in $programs $libraries $headers $common_headers; do unpack_package "$work/out/root" "$name"; done
rm -rf "$work/out/root/usr/share/doc" "$work/out/root/usr/share/locale"

unpack_headers "$work/out/headers" "$here/$arch/headers" "$work/debs" "$release" "$version" linux-kbuild-6.1

vmlinuz=$work/out/root/boot/vmlinuz-$release
if [ "$arch" = x86_64 ]; then
  # The bzImage's header says where its payload lies: an ELF file, compressed by xz.
  python3 - "$vmlinuz" "$work/out/kernel" <<'END' || fail "the kernel $release is packed otherwise than expected"
import lzma
import struct
import sys

image = open(sys.argv[1], "rb").read()
sectors = image[0x1F1]
offset, length = struct.unpack_from("<II", image, 0x248)
start = (sectors + 1) * 512 + offset
kernel = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(image[start : start + length])
assert kernel[:4] == b"\x7fELF"
open(sys.argv[2], "wb").write(kernel)
END
else
  cp "$vmlinuz" "$work/out/kernel"
fi
rm -rf "$work/out/root/boot"
echo "$release" >"$work/out/version"

# fio, with what it can do by itself.
(cd "$work" && apt-get -q source --download-only "fio=$fio") || fail "the source of fio $fio could not be fetched"
dpkg-source --no-check --no-copy -x "$work/fio_$fio.dsc" "$work/fio" || fail "fio $fio could not be unpacked"
cd "$work/fio"
./configure --cc="${tools}gcc" --build-static --disable-native --disable-numa --disable-rdma --disable-rados \
  --disable-rbd --disable-http --disable-gfapi --disable-libnfs --disable-pmem --disable-xnvme --disable-libzbc \
  --disable-tcmalloc --disable-dfs --disable-lex
make -j"$(nproc)" fio
"${tools}strip" -o "$work/out/fio" fio
cd "$here"

echo "$wanted" >"$work/out/made-from"
rm -rf "$arch"
mv "$work/out" "$arch"
