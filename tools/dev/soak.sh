# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Run every fuzz target for SECONDS (600) each and tell what they did.
#:
#:   ./dev soak [SECONDS [PART-OF-A-NAME]]
#:
#:   ./dev soak linux [CYCLES]    instead CYCLES (100) times: what serves a Linux guest is killed, its modules leave and return
#:
#: The corpora grow in build/corpus, findings are kept in build/findings. Status 0 only without findings.

if [ "${1:-}" = linux ]; then
  case "${2:-100}" in
    "" | *[!0-9]* | 0*) usage_error "\"$2\" is no number of cycles; expected for example 100" ;;
  esac
  [ $# -le 2 ] || usage_error "what is \"$3\"? ./dev soak linux takes a number of cycles"
  setup_if_needed run linux
  build_all cli/hawser || exit 1
  build_linux x86_64 || exit 1
  stop_ticker
  exec python3 tests/system/linux_soak.py --hawser build/native/cli/hawser --images build --cycles "${2:-100}"
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
