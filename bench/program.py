# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""What suite programs have in common: their options, what they say, how they end, and children that end with them."""

import argparse
import contextlib
import ctypes
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys

UNAVAILABLE = 75
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


class Failed(RuntimeError):
    """One sentence."""


class Interrupted(Exception):
    pass


def interrupt(*_):
    raise Interrupted


def say(**line):
    """A line of what bench/README.md describes."""
    print(json.dumps(line), flush=True)


def end_with_parent():
    """In a child: nothing outlives the suite, also if that is killed. An interruption is the suite's to pass on."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)


def start(command, **more):
    return subprocess.Popen([str(word) for word in command], preexec_fn=end_with_parent, **more)


def end(process):
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(BrokenPipeError):  # what was written for whoever has ended is written by close()
                stream.close()


def command(suite, chosen, name):
    """What measures that figure alone, in this way."""
    words = ["hawser", "bench", suite, *(["--quick"] if chosen.quick else []),
             *(["--rounds", str(chosen.rounds)] if chosen.rounds else []), "--only", name]
    return " ".join(words)


def first_line(*words):
    """Of what a program says of its version; None where it says nothing."""
    try:
        said = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return next(iter(said.stdout.splitlines()), None) if said.returncode == 0 else None


@functools.cache
def package(name):
    """A Debian package with its version, or None."""
    return first_line("dpkg-query", "-W", "-f", "${Package} ${Version}", name)


def tell_versions(*versions):
    """Of others' programs: their figures are of these, and of no others."""
    if known := [version for version in versions if version]:
        say(note={"name": "", "text": f"Versions: {'; '.join(known)}."})


def rounds(text):
    if not text.isascii() or not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no number of runs: one is the least")
    return int(text)


def main(description, run, files):
    """Reads the options that every suite has, and --NAME for each of `files`; the status of run(options)."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in files:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time: a few figures, once")
    parser.add_argument("--rounds", type=rounds, metavar="N", help="runs of each figure, of which the median is taken")
    parser.add_argument("--only", metavar="PREFIX", help="only figures whose names begin so")
    parser.add_argument("--list", action="store_true", help="names of the figures, and no more")
    try:
        chosen = parser.parse_args()
    except SystemExit as wrong:
        return 64 if wrong.code else 0
    return ended(lambda: run(chosen))


def ended(work):
    """The status of work(), also where it is interrupted or fails, which is told in a sentence."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        return work()
    except Interrupted:
        return 130
    except (RuntimeError, OSError) as problem:
        print(f"{pathlib.Path(sys.argv[0]).name}: {problem}", file=sys.stderr)
        return 1
