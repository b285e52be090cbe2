# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Build the Xen hypervisor for arm64 that the Xen demos and tests boot (build/xen/xen), from Debian's source package.
#:
#: With Argo and static shared memory, which Debian's binary package lacks. Fetches 5 MB, takes half a minute, and only
#: when it is not there yet; demo and test do it by themselves. HAWSER_XEN_VERSION and HAWSER_DEBIAN_MIRROR choose
#: another version of the package and another place to get it.
#:
#:   ./dev xen policy      also a FLASK policy, for ./dev demo argo --xsm-policy build/xen/pair.policy
#:   ./dev xen x86_64      the one for x86_64 (build/xen-x86_64/xen), which a test boots: docs/xen-x86.md

case "${1:-}" in
  policy) setup_if_needed run xen policy ;;
  *) setup_if_needed run xen ;;
esac
if [ "${1:-}" = x86_64 ]; then
  build_xen_x86_64 || exit 1
  echo "build/xen-x86_64/xen is built"
  exit 0
fi
build_xen || exit 1
if [ $# -ne 0 ]; then
  build_policy || exit 1
  echo "build/xen/pair.policy is what guests/launch/xen_policy.te says"
fi
echo "build/xen/xen is Xen $(sed 's/ .*//' build/xen/made-from)"
