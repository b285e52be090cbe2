# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Run every fuzz target for SECONDS (600) each and tell what they did.
#:
#:   ./dev soak [SECONDS [PART-OF-A-NAME]]
#:
#: The corpora grow in build/corpus, findings are kept in build/findings. Status 0 only without findings.

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
