# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Run every fuzz target for SECONDS (600) each and tell what they did.
#:
#:   ./dev soak [SECONDS [PART-OF-A-NAME]]
#:
#:   ./dev soak linux [CYCLES]    instead CYCLES (100) times: what serves a Linux guest is killed, its modules leave and return
#:
#:   ./dev soak linux --debug-kernel [CYCLES]
#:                                10 times unless told otherwise, and its other tests, on a kernel with KASAN, lockdep and
#:                                kmemleak, which is built from Debian's source (140 MB) the first time
#:
#: The corpora grow in build/corpus, findings are kept in build/findings. Status 0 only without findings.

if [ "${1:-}" = linux ]; then
  shift
  debug=
  [ "${1:-}" != --debug-kernel ] || {
    debug=1
    shift
  }
  case "${1:-100}" in
    "" | *[!0-9]* | 0*) usage_error "\"$1\" is no number of cycles; expected for example 100" ;;
  esac
  [ $# -le 1 ] || usage_error "what is \"$2\"? ./dev soak linux takes a number of cycles"
  setup_if_needed run linux ${debug:+xen test}
  build_demo || exit 1
  build_linux x86_64 || exit 1
  if [ -z "$debug" ]; then
    stop_ticker
    exec python3 tests/system/linux_soak.py --hawser build/native/cli/hawser --images build --cycles "${1:-100}"
  fi
  configure_native tests && compile native tests/system/hostile-party && build_linux_debug || exit 1
  stop_ticker
  set -- "${1:-10}" --hawser build/native/cli/hawser --images build/linux-debug
  cycles=$1
  shift
  status=0
  python3 tests/system/linux_debug.py "$@" || status=1
  python3 tests/system/linux_soak.py "$@" --cycles "$cycles" || status=1
  python3 tests/system/linux_hostile.py "$@" --party build/native/tests/system/hostile-party || status=1
  exit $status
fi

seconds=${1:-600}
case "$seconds" in
  "" | *[!0-9]* | 0*) usage_error "\"$seconds\" is no number of seconds; expected for example 600" ;;
esac
[ $# -le 2 ] || usage_error "what is \"$3\"? ./dev soak takes seconds and a part of a name"
setup_if_needed run test
configure_fuzz
compile fuzz fuzz-targets
stop_ticker
exec python3 tools/soak.py build/fuzz "$seconds" "${2:-}"
