# shellcheck shell=sh disable=SC2154,SC2119,SC2120 # verb is ./dev's; verbs pass words to the functions here
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# What the verbs share: quiet steps with progress, build directories, and "set up if needed".
# Sourced by ./dev with the repository's root as the working directory.

root=$(pwd)
logs=$root/build/logs
ticker=
changeable=

die() {
  echo "dev: $*" >&2
  exit 1
}

# A wrong word, before anything was done: the status that hawser gives it as well.
usage_error() {
  echo "dev: $*" >&2
  exit 64
}

# check_options WORDS...: that every option among them is in the verb's help. Their values are hawser's to judge.
check_options() {
  options=" $(sed -n 's/^#://p' "tools/dev/$verb.sh" | grep -o -- '--[a-z][a-z-]*' | xargs) "
  for word; do
    case "$word" in
      -*)
        case "$options" in
          *" ${word%%=*} "*) ;;
          *) usage_error "no option \"${word%%=*}\"; ./dev $verb --help has them all" ;;
        esac
        ;;
    esac
  done
}

# Hundredths of a second since boot; no process is started to read it.
now() {
  read -r now_ _ </proc/uptime
  now_=${now_%.*}${now_#*.}
}

# Prints how long STEP has been running, and the last line of its log, until killed. Nothing in the first two
# seconds; on a terminal one line rewritten, elsewhere a line every 20 seconds.
tick() {
  seconds=0
  next=2
  while sleep 1 >/dev/null 2>&1; do
    kill -0 $$ 2>/dev/null || exit 0  # whoever was to stop us was killed
    seconds=$((seconds + 1))
    [ "$seconds" -ge "$next" ] || continue
    last=$(tail -c 400 "$2" | tr '\r' '\n' | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | grep -v '^[[:space:]]*$' |
      tail -n 1 | cut -c 1-70) || last=
    if [ -t 1 ]; then
      printf '\r\033[K  %s  %s s  %s' "$1" "$seconds" "$last"
      next=$((seconds + 1))
    else
      printf '  %s  %s s  %s\n' "$1" "$seconds" "$last"
      next=$((seconds + 20))
    fi
  done
}

stop_ticker() {
  [ -n "$ticker" ] || return 0
  kill -KILL "$ticker" 2>/dev/null || true  # a TERM is lost on a shell that was forked only now: it has our traps yet
  wait "$ticker" 2>/dev/null || true
  ticker=
  if [ -t 1 ]; then printf '\r\033[K'; fi
}

trap stop_ticker EXIT
trap 'stop_ticker; exit 130' INT
trap 'stop_ticker; exit 143' TERM

# Everything that is made lies in build/. Ends with a sentence if it can not.
expect_build_folder() {
  mkdir -p "$logs" 2>/dev/null || die "nothing can be built: the folder $root/build can not be made or written"
  for folder in build build/*/; do
    [ -w "$folder" ] || die "nothing can be built: $(id -un) can not write to $root/${folder%/}"
  done
}

# step LABEL COMMAND...: runs it with its output in a log; one line when it ends. When it fails, the end of the log.
# Returns the command's status.
step() {
  label=$1
  shift
  mkdir -p "$logs"
  log=$logs/$(echo "$label" | tr ' /:' '---').log
  : >"$log"
  now
  began=$now_
  tick "$label" "$log" &
  ticker=$!
  status=0
  "$@" </dev/null >"$log" 2>&1 || status=$?
  stop_ticker
  now
  took=$((now_ - began))
  if [ "$status" -eq 0 ]; then
    printf '  %-34s ok      %d.%d s\n' "$label" $((took / 100)) $((took % 100 / 10))
  else
    printf '  %-34s FAILED  %d.%d s\n' "$label" $((took / 100)) $((took % 100 / 10))
    echo "--- the end of ${log#"$root"/}:"
    tail -n 40 "$log" | cut -c 1-400
    echo "---"
  fi
  return "$status"
}

# A compiler by name, through ccache where there is one.
cached() {
  if command -v ccache >/dev/null; then echo "ccache $1"; else echo "$1"; fi
}

# ccache wants a home.
if [ ! -w "${HOME:-/nonexistent}" ]; then export CCACHE_DIR="$root/build/ccache"; fi

# configure NAME COMPILER ARGS...: makes build/NAME, unless it is there and was made from the same words in the
# same place. An empty COMPILER leaves the choice to the cross file among ARGS. What is in $changeable goes to meson too,
# and is no reason to start anew.
configure() {
  name=$1
  compiler=$2
  shift 2
  wanted="$root|$compiler|$*"
  if [ -f "build/$name/build.ninja" ] && [ "$(cat "build/$name/.configured" 2>/dev/null)" = "$wanted" ]; then
    return 0
  fi
  rm -rf "build/$name"
  mkdir -p build
  # shellcheck disable=SC2086  # words of `changeable`
  if [ -n "$compiler" ]; then
    # The kernel modules' tests are C: by the same compiler, or sanitizers do not fit together.
    c=$(echo "$compiler" | sed 's/clang++/clang/; s/g++/gcc/')
    step "configure $name" env CXX="$compiler" CC="$c" meson setup "build/$name" $changeable "$@" || return 1
  else
    step "configure $name" meson setup "build/$name" $changeable "$@" || return 1
  fi
  echo "$wanted" >"build/$name/.configured"
  [ -z "$changeable" ] || echo "$changeable" >"build/$name/.changeable"
}

# configure_native [tests]: the test programs need more packages than the rest. Once they are in, they stay.
configure_native() {
  changeable=-Dtests=false
  configure native "${CXX:-$(cached g++)}" || return 1
  changeable=
  if [ "${1:-}" = tests ] && [ -f build/native/.changeable ]; then
    step "configure native's tests" meson setup --reconfigure build/native -Dtests=true || return 1
    rm build/native/.changeable
  fi
}

# For builds of which only the programs matter: eight sources in one compilation take half the time of eight. The native
# build keeps them apart, for whoever changes one file, for clangd and for clang-tidy.
joined="-Dunity=on -Dunity_size=8"

# Optimized as packages are. At -O3 g++ 12 sees errors in fmt that are none, and images outgrow their limit.
# shellcheck disable=SC2034  # for the verbs
release="-Dbuildtype=release -Doptimization=2"

# A finding ends the program.
ending="-Dcpp_args=-fno-sanitize-recover=all -Dc_args=-fno-sanitize-recover=all"

# Clang's undefined-behaviour checks go further than GCC's. At -O1 the build takes more than
# twice the time, and the tests hardly less.
# shellcheck disable=SC2086  # words
configure_asan() {
  configure asan "$(cached clang++)" -Ddebug=true -Doptimization=0 -Db_sanitize=address,undefined -Db_lundef=false \
    $joined $ending
}
# shellcheck disable=SC2086
configure_tsan() {
  configure tsan "$(cached clang++)" -Ddebug=true -Doptimization=1 -Db_sanitize=thread -Db_lundef=false $joined
}
# shellcheck disable=SC2086
configure_fuzz() {
  configure fuzz "$(cached clang++)" -Dfuzz=true -Ddebug=true -Doptimization=1 -Db_sanitize=address,undefined \
    -Db_lundef=false $joined $ending
}

guests="aarch64 x86_64"

has_guest() { [ -f "guests/baremetal/$1/cross.ini" ] && [ -f guests/baremetal/meson.build ]; }

# configure_guest ARCH [SUFFIX ARGS...]
configure_guest() {
  arch=$1
  suffix=${2:-}
  shift
  [ $# -eq 0 ] || shift
  configure "guest-$arch$suffix" "" --cross-file "guests/baremetal/$arch/cross.ini" "-Dguest=$arch" "$@"
}

# compile NAME [TARGETS...]
compile() {
  name=$1
  shift
  step "build $name" ninja -C "build/$name" "$@"
}

# build_programs [TARGETS...]: all, or only these.
build_programs() {
  configure_native && compile native "$@" || return 1
  ln -sfn build/native/compile_commands.json compile_commands.json 2>/dev/null || true  # for editors
}

# build_all [TARGETS...]: the programs, or only these of them, and all guest images.
build_all() {
  build_programs "$@" || return 1
  for guest in $guests; do
    has_guest "$guest" || continue
    configure_guest "$guest" && compile "guest-$guest" || return 1
  done
}

# build_demo [ARCH...]: what hawser boot runs, and of the images of these architectures only those that it boots.
build_demo() {
  build_programs cli/hawser || return 1
  for guest; do
    configure_guest "$guest" && compile "guest-$guest" demo || return 1
  done
}

# Xen as the Xen demos and tests want it: build/xen/xen. Says nothing if it is there.
build_xen() { tools/build_xen.sh --check build/xen || step "build xen" tools/build_xen.sh build/xen; }

# The same for x86_64, which one test boots.
build_xen_x86_64() {
  tools/build_xen.sh --check build/xen-x86_64 x86_64 ||
    step "build xen x86_64" tools/build_xen.sh build/xen-x86_64 x86_64
}

# The FLASK policy for hawser boot --xsm-policy: build/xen/pair.policy.
build_policy() {
  step "compile the FLASK policy" tools/xen_policy.sh build/xen guests/launch/xen_policy.te build/xen/pair.policy
}

# What Debian has for Linux guests of this architecture: build/linux/ARCH.
fetch_linux() {
  tools/linux_guest.sh --check build/linux "$1" ||
    step "Debian's kernel for $1" tools/linux_guest.sh build/linux "$1"
}

# build_foreign ARCH: the program for guests of another architecture than the host's. Nobody measures there.
build_foreign() {
  fetch_linux "$1" && tools/linux_cross.sh build/linux "$1" >"build/linux/$1/cross.ini" &&
    configure "linux-$1" "" --cross-file "build/linux/$1/cross.ini" -Dtests=false -Ddebug=false &&
    compile "linux-$1" cli/hawser
}

# build_linux ARCH...: the Linux guests of these architectures, in build/linux. Needs build_all's programs.
build_linux() {
  for linux; do
    fetch_linux "$linux" || return 1
    program=build/native/cli/hawser
    if [ "$linux" != "$(uname -m)" ]; then
      build_foreign "$linux" || return 1
      program=build/linux-$linux/cli/hawser
    fi
    tools/linux_image.sh --check build/linux "$linux" "$program" ||
      step "Linux guest for $linux" tools/linux_image.sh build/linux "$linux" "$program" || return 1
  done
}

# The same with a kernel that looks at itself, in build/linux-debug/linux/x86_64. Needs build_linux's.
build_linux_debug() {
  tools/linux_debug.sh --check build/linux-debug/linux build/linux/x86_64 ||
    step "kernel that looks at itself" tools/linux_debug.sh build/linux-debug/linux build/linux/x86_64 || return 1
  tools/linux_image.sh --check build/linux-debug/linux x86_64 build/native/cli/hawser ||
    step "Linux guest with it" tools/linux_image.sh build/linux-debug/linux x86_64 build/native/cli/hawser
}

# missing_packages [PART...]: names from these parts of tools/packages.txt, or from all, that are not installed.
missing_packages() {
  machine=$(dpkg --print-architecture)
  wanted=$(sed 's/#.*//' tools/packages.txt | awk -v machine="$machine" -v parts="$*" '
    sub(/:$/, "", $1) { on = parts == "" || index(" " parts " ", " " $1 " "); next }
    !on { next }
    NF == 1 { print $1 }
    NF > 1 { for (i = 2; i <= NF; i++) { gsub(/[][]/, "", $i); if ($i == machine) print $1 } }')
  # shellcheck disable=SC2016,SC2086  # the format is dpkg-query's; one word a package
  {
    printf '%s wanted\n' $wanted
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null || true
  } | awk '
    $2 == "wanted" { wanted[$1] }
    $2 == "installed" { delete wanted[$1] }
    END { for (name in wanted) print name }' | sort
}

debian() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# setup_if_needed [PART...]: installs what is missing, where this is a Debian; elsewhere the build finds out.
# HAWSER_NO_SETUP=1 leaves it out.
setup_if_needed() {
  expect_build_folder
  if [ -n "${HAWSER_NO_SETUP:-}" ] || ! debian; then return 0; fi
  missing=$(missing_packages "$@")
  if [ -n "$missing" ]; then install_packages "$missing" || exit 1; fi
}

install_packages() {
  # shellcheck disable=SC2086  # one word a package
  set -- $1
  echo "installing $# packages: $*" | fold -s -w 110
  become=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "installing packages needs root, and there is no sudo: run ./dev setup as root"
    # Who needs no password for commands may need one for -v all the same, and have none.
    sudo -n true 2>/dev/null || sudo -v || die "installing packages needs root, and sudo refused"
    become=sudo
  fi
  options="-q -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0"
  # shellcheck disable=SC2086  # options and `become` are words
  step "apt-get update" $become env DEBIAN_FRONTEND=noninteractive apt-get $options update || return 1
  # shellcheck disable=SC2086
  step "apt-get install" $become env DEBIAN_FRONTEND=noninteractive apt-get $options install "$@"
}

# QEMU's own ivshmem-client in build/ivshmem-client, for one system test, which is skipped where this fails.
fetch_ivshmem_client() {
  if [ -n "${HAWSER_NO_SETUP:-}${HAWSER_IVSHMEM_CLIENT:-}" ] || ! debian; then return 0; fi
  [ -x build/ivshmem-client/ivshmem-client ] ||
    step "QEMU's ivshmem-client" sh tools/ivshmem_client.sh build/ivshmem-client ||
    echo "  its test will be skipped; the rest does not need it"
}

# Every C and C++ file in the style of .clang-format, ended by NUL. The kernel module is in the kernel's.
sources() {
  find . -type d \( -name 'build*' -o -name .git -o -name .cache -o -path ./guests/linux/kmod \) -prune -o \
    \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' -o -name '*.c' \) -type f -print0
}
