# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Make the Debian packages in build/packages: kernel modules (DKMS), programs for guests.
#:
#:   ./dev package [ARCH...]      hawser-dkms, and hawser-guest for each of x86_64, aarch64; else for the host's own
#:   ./dev package test           and try them: install, boot, upgrade the kernel, boot, purge, in a Debian of its own
#:
#: The same commit gives the same bytes; SOURCE_DATE_EPOCH is the date in them, DEBFULLNAME and DEBEMAIL the maintainer.
#: The test takes root, a quarter of an hour, and 6 GB in build/package-test, of which 1.3 stay.

try=
if [ "${1:-}" = test ]; then
  try=yes
  shift
  [ $# -eq 0 ] || usage_error "what is \"$1\"? ./dev package test takes nothing more"
fi
for arch; do
  case "$arch" in
    x86_64 | aarch64) ;;
    *) usage_error "no package for \"$arch\"; there are: x86_64 aarch64" ;;
  esac
done
[ $# -gt 0 ] || set -- "$(uname -m)"
if [ -n "$try" ] && [ "$(id -u)" -ne 0 ]; then die "the packages' test makes a Debian to install them in, and takes root"; fi

foreign=
for arch; do [ "$arch" = "$(uname -m)" ] || foreign=linux; done
setup_if_needed run package $foreign
configure_native && compile native cli/hawser || exit 1
programs=
for arch; do
  program=build/native/cli/hawser
  if [ "$arch" != "$(uname -m)" ]; then
    build_foreign "$arch" || exit 1
    program=build/linux-$arch/cli/hawser
  fi
  case "$arch" in
    x86_64) programs="$programs --program amd64=$program" ;;
    aarch64) programs="$programs --program arm64=$program" ;;
  esac
done
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)

make_packages() {
  rm -rf build/packages
  # shellcheck disable=SC2086 # words
  python3 guests/linux/package/build.py --version "$version" --output build/packages $programs
}
step "packages" make_packages || exit 1
if command -v lintian >/dev/null; then
  step "lintian" lintian --allow-root --fail-on error build/packages/*.deb || exit 1
else
  echo "  lintian is not here: nothing has looked at the packages"
fi
(cd build/packages && for deb in *.deb; do printf '  %6s KiB  %s\n' $(($(stat -c %s "$deb") / 1024)) "build/packages/$deb"; done)
[ -n "$try" ] || exit 0
stop_ticker
exec tools/package_test.sh build/package-test build/packages build/native/cli/hawser
