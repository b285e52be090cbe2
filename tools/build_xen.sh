#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# build_xen.sh FOLDER [ARCH]: makes FOLDER/xen, the Xen hypervisor for arm64 or x86_64, from Debian's own source package,
# and touches nothing outside FOLDER. Debian's binary package has neither Argo nor static shared memory. Does nothing if
# FOLDER/xen is already what would be made; build_xen.sh --check FOLDER [ARCH] only says by its status whether it is.
#
# HAWSER_XEN_VERSION chooses another version of the package, HAWSER_DEBIAN_MIRROR another place to get it from.
set -eu

version=${HAWSER_XEN_VERSION:-4.17.5+72-g01140da4e8-1}
mirror=${HAWSER_DEBIAN_MIRROR:-http://deb.debian.org/debian}
suite=bookworm
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
check=
if [ "${1:-}" = --check ]; then
  check=1
  shift
fi
arch=${2:-arm64}
case $arch in
  arm64)
    options="EXPERT UNSUPPORTED ARGO STATIC_MEMORY STATIC_SHM"
    without=XSM_FLASK_POLICY # would be built in where checkpolicy is installed, and nowhere else
    ;;
  x86_64) # PVH domains only: the rest is most of the build
    options="EXPERT UNSUPPORTED ARGO"
    without="PV SHADOW_PAGING LIVEPATCH KEXEC TBOOT XENOPROF HYPFS PVH_GUEST HYPERV_GUEST VGA DEBUG_INFO"
    ;;
  *)
    echo "build_xen.sh knows arm64 and x86_64, not $arch" >&2
    exit 1
    ;;
esac

# Where Xen is told not to use its default policy (SILO, under which domains can not speak Argo), it prints a warning and
# counts down three seconds, whatever the way it was told, at every boot. The warning stays; the counting goes.
countdown='s/^    for ( i = 0; i < 3; i++ )$/    for ( i = 3; i < 3; i++ )/'

wanted="$version | $options | $countdown"
[ "$arch" = arm64 ] || wanted="$arch | $without | $wanted"

fail() {
  echo "$*" >&2
  exit 1
}

made() { [ -f "$1/xen" ] && [ "$(cat "$1/made-from" 2>/dev/null)" = "$wanted" ]; }

[ $# -eq 1 ] || [ $# -eq 2 ] || fail "usage: build_xen.sh [--check] FOLDER [ARCH]"
if [ -n "$check" ]; then
  made "$1"
  exit
fi
mkdir -p "$1"
cd "$1"
here=$(pwd)

exec 9>lock
flock 9
if made .; then exit 0; fi

compiler=gcc
[ "$arch" != arm64 ] || compiler=aarch64-linux-gnu-gcc
for tool in apt-get dpkg-source flex bison bc make python3 "$compiler"; do
  command -v "$tool" >/dev/null ||
    fail "building Xen takes $tool, which is not here: ./dev setup installs what Debian has, and hawser boot --xen takes a Xen that was built elsewhere"
done
[ -f "$keyring" ] || fail "the package's signature can not be checked: install debian-archive-keyring"

download() {
  rm -rf apt
  mkdir -p apt/lists/partial apt/archives/partial source
  echo "deb-src [signed-by=$keyring] $mirror $suite main" >apt/sources.list
  cat >apt/apt.conf <<EOF
Dir::Etc::SourceList "$here/apt/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$here/apt/lists";
Dir::Cache "$here/apt";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Retries "3";
Acquire::Languages "none";
EOF
  export APT_CONFIG="$here/apt/apt.conf"
  apt-get -q update || fail "the list of Debian's source packages could not be read from $mirror"
  apt-cache showsrc --only-source xen | grep -qFx "Version: $version" ||
    fail "$mirror has no xen $version any more, but $(apt-cache showsrc --only-source xen | sed -n 's/^Version: //p' | xargs): HAWSER_XEN_VERSION chooses"
  (cd source && apt-get -q source --download-only "xen=$version") ||
    fail "the source package xen $version could not be fetched from $mirror"
  rm -rf apt
}

# The other architecture's folder may have fetched it.
dsc=../xen/source/xen_$version.dsc
[ -f "$dsc" ] || dsc=source/xen_$version.dsc
[ -f "$dsc" ] || download

rm -rf work
dpkg-source --no-check --no-copy -x "$dsc" work || {
  rm -rf source
  fail "the source package xen $version could not be unpacked; the next run fetches it again"
}

sed -i "$countdown" work/xen/common/warning.c
grep -q 'i = 3; i < 3' work/xen/common/warning.c || fail "xen $version counts down otherwise than expected"

export XEN_TARGET_ARCH="$arch"
[ "$arch" != arm64 ] || export CROSS_COMPILE=aarch64-linux-gnu-
cd work/xen
make defconfig
for option in $options; do echo "CONFIG_$option=y"; done >>.config
for option in $without; do echo "# CONFIG_$option is not set"; done >>.config
make olddefconfig
for option in $options; do
  grep -q "^CONFIG_$option=y$" .config || fail "xen $version does not know the option $option"
done
make -j"$(nproc)" || fail "xen $version did not build"
cd "$here"

rm -f made-from
mv work/xen/xen xen.new
mv xen.new xen
cp work/COPYING COPYING
echo "$wanted" >made-from
rm -rf work
