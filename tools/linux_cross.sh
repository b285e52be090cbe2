#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# linux_cross.sh FOLDER ARCH: prints meson's cross file for programs of a Linux guest of ARCH, against the headers and
# libraries that linux_guest.sh left in FOLDER/ARCH/root.
set -eu

[ $# -eq 2 ] || {
  echo "usage: linux_cross.sh FOLDER ARCH" >&2
  exit 1
}
root=$(cd "$1/$2/root" && pwd)
triplet=$2-linux-gnu
ccache=
if command -v ccache >/dev/null; then ccache="'ccache', "; fi

cat <<END
[binaries]
c = [$ccache'$triplet-gcc']
cpp = [$ccache'$triplet-g++']
ar = '$triplet-ar'
strip = '$triplet-strip'
pkgconfig = 'pkg-config'

[host_machine]
system = 'linux'
cpu_family = '$2'
cpu = '$2'
endian = 'little'

[properties]
sys_root = '$root'
pkg_config_libdir = ['$root/usr/lib/$triplet/pkgconfig', '$root/usr/share/pkgconfig']

[built-in options]
c_args = ['-ffile-prefix-map=$root=', '-isystem', '$root/usr/include', '-isystem', '$root/usr/include/$triplet']
cpp_args = ['-ffile-prefix-map=$root=', '-isystem', '$root/usr/include', '-isystem', '$root/usr/include/$triplet']
cpp_link_args = ['-L$root/usr/lib/$triplet', '-Wl,-rpath-link,$root/usr/lib/$triplet:$root/lib/$triplet']
END
