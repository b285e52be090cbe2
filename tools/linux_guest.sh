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

suite=bookworm
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
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

fail() {
  echo "$*" >&2
  exit 1
}

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
[ -f "$keyring" ] || fail "the packages' signatures can not be checked: install debian-archive-keyring"

work=$here/work-$arch
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/debs" "$work/out/root" "$work/out/headers"

# The mirrors that this system uses for the suite; a system that has not looked yet, or is no Debian 12, uses Debian's.
mirrors() {
  if [ -n "${HAWSER_DEBIAN_MIRROR:-}" ]; then
    echo "$HAWSER_DEBIAN_MIRROR $suite"
    return
  fi
  # shellcheck disable=SC2016 # the variables are apt's
  found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' \
    'Origin: Debian' | sort -u | grep " $suite") || found=
  if [ -n "$found" ]; then
    echo "$found"
  else
    echo "http://deb.debian.org/debian $suite"
    echo "http://deb.debian.org/debian-security $suite-security"
  fi
}
mirrors | while read -r mirror release; do
  echo "deb [signed-by=$keyring] $mirror $release main"
  if [ "$release" = "$suite" ]; then echo "deb-src [signed-by=$keyring] $mirror $release main"; fi
done >"$work/apt/sources.list"

: >"$work/apt/status"
cat >"$work/apt/apt.conf" <<END
APT::Architecture "$host";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::PreferencesParts "$work/apt";
Dir::State::Lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Acquire::Retries "3";
Acquire::Languages "none";
END
export APT_CONFIG="$work/apt/apt.conf"
apt-get -q update || fail "the lists of Debian's packages could not be read from: $(mirrors | xargs)"

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

# unpack FOLDER PACKAGE [TAR'S WORDS...]
unpack() {
  folder=$1
  deb=$(echo "$work/debs/$2"_*.deb)
  shift 2
  dpkg-deb --fsys-tarfile "$deb" | tar -C "$folder" -x --no-same-owner "$@" || fail "$deb could not be unpacked"
}

set --
for folder in $left_out; do set -- "$@" "--exclude=./lib/modules/*/kernel/$folder"; done
unpack "$work/out/root" "linux-image-$release" "$@" --exclude=./usr
for name in $programs $libraries $headers $common_headers; do unpack "$work/out/root" "$name"; done
rm -rf "$work/out/root/usr/share/doc" "$work/out/root/usr/share/locale"

# The headers find one another by absolute paths below /usr, and the tools by a link.
for name in "linux-headers-$release" "linux-headers-$version-common" linux-kbuild-6.1; do
  unpack "$work/out/headers" "$name"
done
sed -i "s|/usr/src/linux-headers-$version-common|$here/$arch/headers/usr/src/linux-headers-$version-common|g" \
  "$work/out/headers/usr/src/linux-headers-$release/Makefile"
ln -s "usr/src/linux-headers-$release" "$work/out/headers/kernel"

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
