#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Runs one script on both forms of the loopback link and compares what each end did.

usage: compare_traces.py DIRECT THREADED     (HAWSER_SEED is the first of the seeds)
"""

import os
import random
import subprocess
import sys

SEEDS = 5


def run(program, seed, visibility):
    done = subprocess.run([program, str(seed), visibility], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        return [f"{program} failed with status {done.returncode}: {done.stderr.strip()}"]
    return done.stdout.splitlines()


def compare(direct, threaded, seed, visibility):
    """The first difference, or None."""
    left, right = run(direct, seed, visibility), run(threaded, seed, visibility)
    if len(left) < 100:
        return f"too little happened: {left[:3]}"
    for number, (a, b) in enumerate(zip(left, right), 1):
        if a != b:
            return f"line {number}:\n  direct    {a}\n  threaded  {b}"
    if len(left) != len(right):
        return f"direct has {len(left)} events, threaded {len(right)}: {right[-1:]}"
    print(f"seed {seed} {visibility}: {len(left)} events, equal")
    return None


def main():
    direct, threaded = sys.argv[1:]
    text = os.environ.get("HAWSER_SEED") or "1"
    first = random.getrandbits(63) if text == "random" else int(text, 0)
    passed = failed = 0
    for seed in range(first, first + SEEDS):
        for visibility in ("shared", "copied"):
            difference = compare(direct, threaded, seed, visibility)
            if difference is None:
                passed += 1
            else:
                failed += 1
                print(f"HAWSER_SEED={seed} {visibility}: {difference}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
