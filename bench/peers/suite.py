#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""The suite `peers`: jobs that others do too, by them and by Hawser in turns, on the same two processors.

    suite.py --hawser FILE --programs FOLDER --peers FOLDER [--quick] [--only PREFIX] [--list]

The first folder holds the programs of bench/peers as they were built, the second what was built from other people's sources
(tools/ringtest.sh). Says on standard output what bench/README.md describes.
"""

import os
import pathlib
import shutil
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import program  # noqa: E402
import rows  # noqa: E402
from contenders import Hawser, Surroundings  # noqa: E402
from program import UNAVAILABLE, Failed, say  # noqa: E402

RUNS, SECONDS = 5, 0.3
QUICK_RUNS, QUICK_SECONDS = 1, 0.15
# What a sample takes beside its seconds, and beginning a row.
OVERHEAD, HAWSER_OVERHEAD, BEGIN = 0.1, 1.5, 1.5


def chosen_rows(chosen):
    """With those contenders who are wanted, and whom they are held against."""
    only = chosen.only or ""
    wanted = []
    for row in rows.rows():
        if chosen.quick and not only and row.name not in rows.QUICK:
            continue
        names = {c.name for c in row.contenders if row.figure(c).startswith(only)}
        names |= {rival for c in row.contenders if c.name in names for rival in c.rivals}
        row.contenders = [c for c in row.contenders if c.name in names]
        if row.contenders:
            wanted.append(row)
    return wanted


class Turns:
    """The contenders of one row take turns."""

    def __init__(self, here, row, runs, seconds):
        self.here, self.row, self.runs, self.seconds = here, row, runs, seconds
        self.samples = {}
        self.failed = {}

    def measure(self, done):
        """The step after it. What there is is told, also when this is interrupted."""
        try:
            for contender in self.row.contenders:
                self.samples[contender.name] = []
                self.attempt(contender, lambda c=contender: c.begin(self.here))
            for run in range(1, self.runs + 1):
                for contender in self.row.contenders:
                    say(step={"name": f"{self.row.figure(contender)}, run {run}", "done": done})
                    done += 1
                    if contender.name not in self.failed:
                        self.attempt(contender, lambda c=contender: self.samples[c.name].append(c.sample(self.here, self.seconds)),
                                     run)
        finally:
            for contender in self.row.contenders:
                contender.finish()
            self.tell()
        return done

    def attempt(self, contender, work, run=0):
        """Who has failed without a single sample is left out; one sample less is no reason, but told."""
        try:
            work()
        except Failed as problem:
            if not self.samples[contender.name]:
                self.failed[contender.name] = str(problem)
            else:
                say(note={"name": self.row.figure(contender), "text": f"run {run} failed: {problem}"})

    def median(self, name):
        return statistics.median(self.row.of(sample.ns) for sample in self.samples[name])

    def tell(self):
        for contender in self.row.contenders:
            if contender.name in self.failed:
                say(skip={"name": self.row.figure(contender), "why": self.failed[contender.name]})
            elif self.samples.get(contender.name):
                say(figure=self.figure(contender))
                self.admit(contender)

    def best_rival(self, contender):
        best = max if self.row.better == "higher" else min
        return best((r for r in contender.rivals if self.samples.get(r)), key=self.median, default=None)

    def figure(self, contender):
        row, samples = self.row, self.samples[contender.name]
        figure = {"name": row.figure(contender), "what": f"{row.what}; {contender.what}", "unit": row.unit, "better": row.better,
                  "samples": [row.of(sample.ns) for sample in samples], "params": {**row.params, **contender.params},
                  "command": contender.command}
        if samples[0].latency:
            latencies = [sample.latency for sample in samples if sample.latency]
            figure["latency"] = {"unit": "ns", "max": max(one["max"] for one in latencies),
                                 **{name: statistics.median(one[name] for one in latencies) for name in ("p50", "p99", "p99.9")}}
        sense = "at_least" if row.better == "higher" else "at_most"
        if not isinstance(contender, Hawser):
            figure["limit"] = True
        elif rival := self.best_rival(contender):
            figure["against"] = f"{row.name}.{rival}"
            figure["aim"] = {"ratio": 1.0, "sense": sense}
        elif row.value:
            figure["aim"] = {"value": row.value, "sense": sense}
        return figure

    def admit(self, contender):
        """In plain words, where a peer is better."""
        rival = self.best_rival(contender)
        if not rival:
            return
        ours, theirs = self.median(contender.name), self.median(rival)
        behind = theirs / ours if self.row.better == "higher" else ours / theirs
        if behind <= 1:
            return
        what = next(c.what for c in self.row.contenders if c.name == rival)
        words = f"{what} is {behind:.2f} times as fast" if self.row.better == "higher" else \
            f"it takes {behind:.2f} times as long for Hawser as for {what}"
        say(note={"name": self.row.figure(contender), "text": f"A peer is better: {words}."})


def run(chosen):
    wanted = chosen_rows(chosen)
    if chosen.list:
        for row in wanted:
            print(*(row.figure(contender) for contender in row.contenders), sep="\n")
        return 0
    named = os.environ.get("HAWSER_CORES")
    cores = [int(core) for core in named.split(",")] if named else sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        say(skip={"name": "peers", "why": "both sides of a job need a processor each, and there is one"})
        return UNAVAILABLE
    if not shutil.which(chosen.hawser):
        say(skip={"name": "peers", "why": f"there is no program {chosen.hawser}; say where hawser is"})
        return UNAVAILABLE
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hawser-bench-"))
    try:
        here = Surroundings(chosen.hawser, pathlib.Path(chosen.programs), pathlib.Path(chosen.peers), folder, tuple(cores))
        runs, seconds = (QUICK_RUNS, QUICK_SECONDS) if chosen.quick else (RUNS, SECONDS)
        runs = chosen.rounds or runs
        for row in wanted:
            row.contenders = [c for c in row.contenders if not leaves(here, row, c)]
        everybody = [c for row in wanted for c in row.contenders]
        needs = sum(runs * (seconds + (HAWSER_OVERHEAD if isinstance(c, Hawser) else OVERHEAD)) for c in everybody)
        say(begin={"suite": "peers", "steps": runs * len(everybody), "seconds": round(needs + BEGIN * len(wanted))})
        program.tell_versions(*dict.fromkeys(contender.version(here) for contender in everybody))
        done = 0
        for row in wanted:
            done = Turns(here, row, runs, seconds).measure(done)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(end={})
    return 0


def leaves(here, row, contender):
    why = contender.missing(here)
    if why:
        say(skip={"name": row.figure(contender), "why": why})
    return why


if __name__ == "__main__":
    sys.exit(program.main(__doc__, run, ["hawser", "programs", "peers"]))
