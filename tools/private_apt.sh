# shellcheck shell=sh disable=SC2034 # what is set here is read by others too
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# Read by scripts that take Debian 12's packages apart without installing them.

suite=bookworm
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
  echo "$*" >&2
  exit 1
}

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

# private_apt FOLDER: from now on apt works in FOLDER, an absolute path, for both architectures, without root, and leaves
# the system's alone. It has fresh lists. Ends the script if there are none.
private_apt() {
  [ -f "$keyring" ] || fail "the packages' signatures can not be checked: install debian-archive-keyring"
  mkdir -p "$1/lists/partial" "$1/archives/partial"
  mirrors | while read -r mirror release; do
    echo "deb [signed-by=$keyring] $mirror $release main"
    if [ "$release" = "$suite" ]; then echo "deb-src [signed-by=$keyring] $mirror $release main"; fi
  done >"$1/sources.list"
  : >"$1/status"
  cat >"$1/apt.conf" <<END
APT::Architecture "$(dpkg --print-architecture)";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Dir::Etc::SourceList "$1/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::PreferencesParts "$1";
Dir::State::Lists "$1/lists";
Dir::State::status "$1/status";
Dir::Cache "$1";
Acquire::Retries "3";
Acquire::Languages "none";
END
  export APT_CONFIG="$1/apt.conf"
  apt-get -q update || fail "the lists of Debian's packages could not be read from: $(mirrors | xargs)"
}

# unpack FOLDER DEB [TAR'S WORDS...]
unpack() {
  into=$1
  deb=$2
  shift 2
  dpkg-deb --fsys-tarfile "$deb" | tar -C "$into" -x --no-same-owner "$@" || fail "$deb could not be unpacked"
}

# unpack_headers FOLDER PLACE DEBS RELEASE VERSION KBUILD: a kernel's headers from the packages in DEBS to FOLDER, which will
# be at PLACE when they are used; FOLDER/kernel is for `make -C`. They find one another by absolute paths below /usr, and the
# tools by a link.
unpack_headers() {
  for name in "linux-headers-$4" "linux-headers-$5-common" "$6"; do unpack "$1" "$(echo "$3/$name"_*.deb)"; done
  sed -i "s|/usr/src/linux-headers-$5-common|$2/usr/src/linux-headers-$5-common|g" "$1/usr/src/linux-headers-$4/Makefile"
  ln -s "usr/src/linux-headers-$4" "$1/kernel"
}
