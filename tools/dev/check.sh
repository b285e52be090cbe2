# shellcheck shell=sh disable=SC2154 # root, guests, joined, release are lib.sh's
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Everything that a change must pass: format, lint, layering, all builds, tests, sizes.
#:
#:   ./dev check [NAME...]        only these, of:
#:
#:   format    clang-format changes nothing
#:   licenses  every file says whose it is and under what licence (reuse)
#:   scripts   shellcheck on the shell scripts, a syntax check on the Python ones
#:   includes  the module rule, and the headers that freestanding files may include
#:   headers   every public header compiles alone
#:   symbols   the freestanding core needs only memcpy, memmove, memset, memcmp
#:   coverage  each test and file that docs/spec-coverage*.md name exists
#:   kernel    the kernel modules: checkpatch; warnings and sparse for two kernels and both architectures
#:   build     the programs and images as ./dev build makes them
#:   tidy      clang-tidy on the native build
#:   matrix    g++ and clang++, debug and release; both guests likewise
#:   tests     ./dev test
#:   sizes     writes docs/sizes.md; no image over 256 KiB
#:
#: It goes on after a failure, and names what failed at the end.

check_format() { sources | xargs -0 clang-format --dry-run -Werror; }

# reuse asks git which files are ignored; git answers strangers to the folder only when told that it is safe.
check_licenses() { GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' reuse lint; }

# Each file of the project, whatever its name.
files() {
  find . -type d \( -name 'build*' -o -name .git -o -name .cache \) -prune -o -type f -print0
}

# scripts_of PATTERN ENDING: those whose first line or name says so, ended by NUL.
# shellcheck disable=SC2016  # awk's $0
scripts_of() {
  files | xargs -0 awk -v first="$1" -v ending="$2" \
    'FNR == 1 { if ($0 ~ first || FILENAME ~ ending) printf "%s%c", FILENAME, 0; nextfile }'
}

check_scripts() {
  scripts_of '^#!/bin/sh' '[.]sh$' | xargs -0 shellcheck -x || return 1
  scripts_of '^#!.*python3' '[.]py$' | PYTHONDONTWRITEBYTECODE=1 xargs -0 python3 -c '
import ast, sys
for path in sys.argv[1:]:
    ast.parse(open(path, encoding="utf-8").read(), path)'
}

check_includes() { python3 tools/check_includes.py; }
check_headers() { python3 tools/check_headers.py; }
check_symbols() { python3 tools/check_symbols.py; }
check_coverage() { python3 tools/check_coverage.py; }
check_tidy() { python3 tools/tidy.py build/native; }
check_sizes() { python3 tools/sizes.py; }

# Debian 12's own kernel and its newer one. What the mirror does not give is left out, and said to be.
run_kernel() {
  headers=
  for arch in $guests; do
    if fetch_linux "$arch"; then
      headers="$headers build/linux/$arch"
    else
      echo "  SKIPPED: warnings and sparse for $arch"
    fi
    if tools/linux_headers.sh --check build/linux-newer "$arch" ||
      step "newer headers for $arch" tools/linux_headers.sh build/linux-newer "$arch"; then
      headers="$headers build/linux-newer/$arch"
    else
      echo "  SKIPPED: a newer kernel for $arch"
    fi
  done
  [ -f build/checkpatch/checkpatch.pl ] || step checkpatch.pl tools/checkpatch.sh build/checkpatch ||
    echo "  SKIPPED: checkpatch"
  # shellcheck disable=SC2086 # words
  step kernel tools/check_kernel.sh build/checkpatch $headers
}

run_build() { configure_native tests && build_all; }

run_matrix() {
  result=0
  for kind in debug release; do
    flags=-Dbuildtype=debug
    [ "$kind" = debug ] || flags=$release
    for compiler in g++ clang++; do
      name="$compiler-$kind"
      quiet=
      [ "$compiler" != g++ ] || quiet=-Dcpp_args=-Wno-subobject-linkage # of a source that another includes
      # shellcheck disable=SC2086 # words; lib.sh says why. The native build keeps the sources apart.
      { configure "$name" "$(cached "$compiler")" $flags $joined $quiet && compile "$name"; } || result=1
    done
    for guest in $guests; do
      has_guest "$guest" || continue
      # shellcheck disable=SC2086
      { configure_guest "$guest" "-$kind" $flags && compile "guest-$guest-$kind"; } || result=1
    done
  done
  return "$result"
}

# In a process of its own: its last line belongs to it, and its traps.
run_tests() { "$root/dev" test; }

names="format licenses scripts includes headers symbols coverage kernel build tidy matrix tests sizes"
wanted=${*:-$names}
for name in $wanted; do
  case " $names " in
    *" $name "*) ;;
    *) usage_error "no check \"$name\"; there are: $names" ;;
  esac
done

setup_if_needed
export PYTHONDONTWRITEBYTECODE=1
failed=
for check in $wanted; do
  case "$check" in
    build | kernel | matrix | tests) "run_$check" || failed="$failed $check" ;;
    tidy) { configure_native tests && step tidy check_tidy; } || failed="$failed $check" ;;
    *) step "$check" "check_$check" || failed="$failed $check" ;;
  esac
done

if [ -n "$failed" ]; then
  die "failed:$failed"
fi
echo "all is well"
