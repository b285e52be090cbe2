# shellcheck shell=sh disable=SC2154 # root, release are lib.sh's
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Measure this machine's limits, and how close Hawser comes to them, with an optimized build (build/release).
#:
#:   ./dev bench [SUITE...] [OPTIONS]     all suites that need nothing else, or these:
#:   ./dev bench limits                   cache lines between two cores, copies, system calls, wake-ups
#:   ./dev bench queue                    split and packed rings beside the limits
#:   ./dev bench link                     requests over loopback, ivshmem and the Argo broker
#:   ./dev bench device                   a network and a block device with their drivers, over ivshmem
#:   ./dev bench stress                   round trips beside busy neighbors, a flood, and memory pressure
#:   ./dev bench argo                     couriers over the broker's engine
#:   ./dev bench argo-vs-ivshmem          the same devices over three links of one Xen
#:   ./dev bench guests                   Linux guests, over Hawser and what they have today
#:   ./dev bench peers                    other people's rings, devices and queues, in turns with Hawser's
#:   ./dev bench all                      every one of these, in 17 minutes
#:     --quick                            a tenth of the time, and wider spreads
#:     --json                             results as JSON on standard output instead of tables
#:     --report FILE                      .html or .json; again for another (report.html without --json)
#:     --only NAME                        figures whose names begin so
#:     --list                             say which suites there are, and measure nothing
#:     --rounds N                         every figure is the median of that many short runs
#:     --size N                           descriptors of each queue: 64, 128, 256, 512 or 1024
#:     --features WORDS                   event, order, or event,order: ring features to turn on in the suite queue
#:     --cores A,B                        the two processors to measure on
#:   ./dev bench compare OLD NEW          two results of one machine; status 1 when something became worse
#:     --tolerance N                      percent that are the same
#:   ./dev bench argo-on-xen [OPTIONS]    couriers in a domain of Xen, under emulation
#:     --json                             as above

known=$(sed -n 's/^#: *\.\/dev bench \([a-z-]*\).*/\1/p' tools/dev/bench.sh | xargs)
case "${1:-}" in
  "" | -*) ;;
  *)
    case " $known " in
      *" $1 "*) ;;
      *) usage_error "no benchmark \"$1\"; there are: $known" ;;
    esac
    ;;
esac
check_options "$@"

if [ "${1:-}" = argo-on-xen ]; then
  shift
  setup_if_needed run xen
  { build_xen && build_all guests/launch/xen-run; } >&2 || exit 1
  exec python3 bench/argo_on_xen.py --run build/native/guests/launch/xen-run --images build "$@"
fi
# Programs of the suite `peers` that are not there yet may have their libraries now.
peer_programs() {
  for program in dpdk-frames ipc-zeromq ipc-nng ipc-boost; do
    if [ ! -x "build/release/bench/peers/$program" ]; then
      step "look for peers' libraries" meson setup --reconfigure build/release || return 1
      break
    fi
  done
  compile release bench-peers
}

# What a suite that is a program of its own measures with.
prepare() {
  case "$1" in
    all) for suite in peers guests argo-vs-ivshmem; do prepare "$suite" || return 1; done ;;
    peers)
      setup_if_needed peers
      peer_programs || return 1
      tools/ringtest.sh --check build/peers/ringtest || step "ringtest of Linux" tools/ringtest.sh build/peers/ringtest ||
        echo "  it will be left out of the tables"
      ;;
    guests)
      setup_if_needed linux bench
      build_demo && build_linux x86_64 || return 1
      tools/linux_peers.sh --check build/linux x86_64 ||
        step "NBD and NFS for Linux guests" tools/linux_peers.sh build/linux x86_64 ||
        echo "  they will be left out of the tables"
      ;;
    argo-vs-ivshmem)
      setup_if_needed run xen
      build_xen && build_all guests/launch/xen-run
      ;;
  esac
}

setup_if_needed run
# shellcheck disable=SC2086 # words
{ configure release "$(cached g++)" $release -Dtests=false && compile release cli/hawser cli/hawser-bench; } >&2 || exit 1
case " $* " in
  *" --list "*) ;;
  *) for word; do prepare "$word" >&2 || exit 1; done ;;
esac
export HAWSER_BENCH_SUITES="$root/bench/guests:$root/bench/argo_vs_ivshmem:$root/bench/peers${HAWSER_BENCH_SUITES:+:$HAWSER_BENCH_SUITES}"
exec build/release/cli/hawser bench "$@"
