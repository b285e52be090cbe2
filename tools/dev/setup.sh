# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Install the packages of tools/packages.txt that are missing.
#:
#: Also builds QEMU's own ivshmem-client from Debian's source package (24 MB), for one of the system tests.
#:
#: Uses apt-get (through sudo when not root), and only when something is missing. On other systems it prints
#: the list. The other verbs install what they need by themselves; HAWSER_NO_SETUP=1 keeps them from it.

expect_build_folder
if ! debian; then
  sed 's/#.*//; /^ *$/d; s/^/  /' tools/packages.txt
  die "this is not a Debian system: install what these Debian packages contain (g++ 12 and clang 14 or later)"
fi

missing=$(missing_packages)
if [ -z "$missing" ]; then
  echo "nothing is missing"
else
  install_packages "$missing"
fi
fetch_ivshmem_client
