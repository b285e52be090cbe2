# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Measure this machine's limits, and how close Hawser comes to them, with an optimized build (build/release).
#:
#:   ./dev bench queue [OPTIONS]          cache lines between two cores, memcpy, and the rings beside them
#:     --rounds N                         every figure is the median of that many short runs
#:     --size N                           descriptors of each queue: 64, 128, 256, 512 or 1024
#:     --features WORDS                   event, order, or event,order: ring features to turn on
#:     --json                             results as JSON on standard output instead of the table
#:   ./dev bench argo [OPTIONS]           couriers over the broker's engine
#:   ./dev bench argo-on-xen [OPTIONS]    the same in a domain of Xen, under emulation
#:     --milliseconds N                   how long to measure each figure
#:     --json                             as above

known=$(sed -n 's/^#: *\.\/dev bench \([a-z-]*\).*/\1/p' tools/dev/bench.sh | xargs)
case " $known " in
  *" ${1:-?} "*) ;;
  *) usage_error "no benchmark \"${1:-}\"; there are: $known" ;;
esac
check_options "$@"

if [ "$1" = argo-on-xen ]; then
  shift
  setup_if_needed run xen
  { build_xen && build_all guests/launch/xen-run; } >&2 || exit 1
  exec python3 bench/argo_on_xen.py --run build/native/guests/launch/xen-run --images build "$@"
fi
setup_if_needed run
{ configure release "$(cached g++)" -Dbuildtype=release -Dtests=false && compile release cli/hawser; } >&2 || exit 1
exec build/release/cli/hawser bench "$@"
