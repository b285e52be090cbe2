# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Measure: `hawser bench ARGS`, from an optimized build (build/release).
#:
#:   ./dev bench queue [--json]
#:   ./dev bench argo [--json]            couriers over the broker's engine
#:   ./dev bench argo-on-xen [--json]     the same in a domain of Xen, under emulation

setup_if_needed
if [ "${1:-}" = argo-on-xen ]; then
  shift
  { build_xen && build_all tests/system/xen-run; } >&2 || exit 1
  exec python3 bench/argo_on_xen.py --run build/native/tests/system/xen-run --images build "$@"
fi
configure release "$(cached g++)" -Dbuildtype=release >&2
step "build release" ninja -C build/release cli/hawser >&2
exec build/release/cli/hawser bench "$@"
