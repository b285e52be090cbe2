#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""The suite `argo-vs-ivshmem`: the same two bare-metal domains of one Xen, the same devices, three links between them.

    suite.py --run XEN_RUN --images FOLDER [--quick] [--only PREFIX] [--list]

The links take turns, a boot each: Argo; memory that Xen shares between the two domains, with event channels; the same,
polled. A boot takes a second and a half, and measures everything.

Says on standard output what bench/README.md describes, a JSON object a line. Status 0: measured; 75: can not be
measured here; 1: failed. Nothing is left behind.
"""

import os
import pathlib
import re
import select
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import program  # noqa: E402
from points import BULK, LINKS, WHAT, points  # noqa: E402
from program import UNAVAILABLE, Failed, say  # noqa: E402

ROUNDS, MILLISECONDS = 5, 100
QUICK_ROUNDS, QUICK_MILLISECONDS = 1, 50
# What a point takes beside its time: filling and comparing; and where both sides count, pauses around it.
OVERHEAD, PAUSES, BOOT = 0.05, 0.26, 1.8
MEMORY_MIB, WINDOW = 96, 48 << 20
PATIENCE, LONGEST = 60, 300  # for one thing that is said, for a boot
SAID = re.compile(r"^(\d+) HAWSER-(POINT|COUNTS|BEGIN) ?(.*)$")
DEVICE, DRIVER = 1, 2
COUNTED = ("doorbells", "interrupts", "hypercalls", "copied")


def fields(text):
    """Of "key=value key=value"; what is wrong may have spaces."""
    before, _, wrong = text.partition(" wrong=")
    return dict(word.split("=", 1) for word in before.split()) | ({"wrong": wrong} if wrong else {})


class Sample:
    """One point in one boot."""

    def __init__(self, said, device):
        self.count, self.ns = int(said["count"]), int(said["ns"])
        self.longest = int(said["longest"])
        self.times = {int(upper): int(count) for upper, count in
                      (pair.split(":") for pair in said["times"].split(",") if pair)}
        self.costs = {name: int(said[name]) + device[name] for name in COUNTED} if device else None


class Suite:
    def __init__(self, chosen):
        self.chosen = chosen
        self.rounds, self.milliseconds = (QUICK_ROUNDS, QUICK_MILLISECONDS) if chosen.quick else (ROUNDS, MILLISECONDS)
        self.rounds = chosen.rounds or self.rounds
        self.only = chosen.only or ""
        wanted = [point for point in points(chosen.quick) if any(self.wants(point, link) for link in LINKS)]
        if not wanted and not chosen.list:  # a figure that a quick run leaves out, asked for by its name
            wanted = [point for point in points(False) if any(self.wants(point, link) for link in LINKS)]
        self.points = wanted[:1] if self.only and "hypercall".startswith(self.only) else wanted
        self.links = [link for link in LINKS if any(self.wants(point, link) for point in wanted)]
        self.samples = {}  # (point, link) -> [Sample]
        self.hypercalls = []
        self.done = 0

    def wants(self, point, link):
        """Whether it makes a figure that was asked for, or that one of those is held against."""
        return self.asks(point, link) or link.name == "shm" and any(self.asks(point, other) for other in LINKS)

    def asks(self, point, link):
        """Every boot gives the hypercall."""
        names = [f"{point.name}.{link.name}", f"bytes.{point.operation}.{point.payload}.{link.name}", "hypercall"]
        return any(name.startswith(self.only) for name in names)

    def announce(self):
        boots = self.rounds * len(self.links)
        point = self.milliseconds / 1000 + OVERHEAD
        seconds = boots * (BOOT + len(self.points) * point) + len(self.links) * len(self.points) * PAUSES
        say(begin={"suite": "argo-vs-ivshmem", "steps": boots * len(self.points), "seconds": round(seconds)})

    def command(self, link, counts):
        """One boot."""
        images = pathlib.Path(self.chosen.images)
        guests = images / "guest-aarch64" / "guests" / "baremetal"
        common = f"link={link.link} memory=24M" + (" counts=yes" if counts else "")
        wanted = [point.word for point in self.points if self.wants(point, link)]
        return [self.chosen.run, "--processors=2", f"--memory={MEMORY_MIB}", f"--until={DRIVER}",
                *([f"--window={WINDOW}"] if link.link == "xen-shm" else []),
                images / "xen" / "xen", self.folder, LONGEST, "sched=null",  # a processor for each
                guests / "hawser-device.img", f"{common} peer={DRIVER} disk=ram ram=16M {link.device}",
                guests / "link-bench.img", f"{common} peer={DEVICE} each={self.milliseconds} {link.driver} {' '.join(wanted)}"]

    def boot(self, link, number):
        counts = number == 1
        process = program.start(self.command(link, counts), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        try:
            self.listen(process, link, number)
            if process.wait(PATIENCE) != 0:
                raise Failed(f"over {link.what}: {process.stderr.read().decode(errors='replace').strip()}")
        except subprocess.TimeoutExpired:
            raise Failed(f"over {link.what}: the machine went on for {PATIENCE} s after its last word") from None
        except (KeyError, ValueError) as problem:
            raise Failed(f"over {link.what}: a line of the console is not understood ({problem})") from None
        finally:
            program.end(process)
            process.stderr.close()

    def listen(self, process, link, number):
        wanted = [point for point in self.points if self.wants(point, link)]
        said = []  # points, each with what the device side had done before it and after it
        before = after = None
        self.step(link, wanted[0], number)
        try:
            for line in self.lines(process):
                found = SAID.match(line)
                if not found:
                    continue
                kind, values = found[2], fields(found[3])
                if kind == "COUNTS":
                    after = {name: int(values[name]) for name in COUNTED}
                elif kind == "BEGIN":
                    before = after
                elif kind == "POINT" and values["point"] == "hypercall":
                    self.hypercalls.append(int(values["ns"]) / int(values["count"]))
                elif kind == "POINT":
                    point = wanted[len(said)]
                    if "wrong" in values:
                        raise Failed(f"{point.name} over {link.what}: {values['wrong']}")
                    said.append((point, values, before, after))
                    self.done += 1
                    if len(said) < len(wanted):
                        self.step(link, wanted[len(said)], number)
        finally:  # those before one that was wrong count
            for point, values, before, after in said:
                # The device side says what it has done whenever it has nothing to do: in the pauses around a point.
                device = {name: after[name] - before[name] for name in COUNTED} if before and before is not after else None
                self.samples.setdefault((point, link), []).append(Sample(values, device))

    def step(self, link, point, number):
        say(step={"name": f"{point.name}.{link.name}, run {number}", "done": self.done})

    def lines(self, process):
        """Whole lines, as they come."""
        rest = b""
        while True:
            if not select.select([process.stdout], [], [], PATIENCE)[0]:
                raise Failed("the machine was silent for too long")
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                return
            *whole, rest = (rest + data).split(b"\n")
            yield from (line.decode(errors="replace") for line in whole)

    def run(self):
        with tempfile.TemporaryDirectory(prefix="hawser-bench-") as folder:
            self.folder = folder
            for number in range(1, self.rounds + 1):
                try:
                    for link in self.links:
                        self.boot(link, number)
                finally:  # also what there is when a boot failed
                    self.tell()

    def tell(self):
        deepest = {(point.operation, point.payload): point for point in self.points if point.payload >= BULK}.values()
        for point in self.points:
            for link in self.links:
                if samples := self.samples.get((point, link)):
                    say(figure=self.figure(point, link, samples))
                    if point in deepest:
                        say(figure=self.throughput(point, link, samples))
        if self.hypercalls:
            say(figure={"name": "hypercall", "what": "the cheapest hypercall of a domain: one that Xen refuses at once", "unit": "ns",
                        "better": "lower", "samples": self.hypercalls, "limit": True,
                        "command": self.command_of("hypercall")})

    def command_of(self, name):
        return program.command("argo-vs-ivshmem", self.chosen, name)

    def throughput(self, point, link, samples):
        return {"name": f"bytes.{point.operation}.{point.payload}.{link.name}",
                "what": f"{WHAT[point.operation]}, {point.depth} at once; {link.what}", "unit": "byte/s", "better": "higher",
                "samples": [point.payload * sample.count / sample.ns * 1e9 for sample in samples],
                "params": {"operation": point.operation, "payload": point.payload, "link": link.name},
                "command": self.command_of(f"{point.name}.{link.name}")}

    def figure(self, point, link, samples):
        name = f"{point.name}.{link.name}"
        figure = {"name": name, "what": f"{WHAT[point.operation]}; {link.what}", "unit": "ns", "better": "lower",
                  "samples": [sample.ns / sample.count for sample in samples],
                  "params": {"operation": point.operation, "payload": point.payload, "depth": point.depth, "link": link.name},
                  "command": self.command_of(name)}
        if link.name != "shm" and any(other.name == "shm" for other in self.links):
            figure["against"] = f"{point.name}.shm"
        counted = [sample for sample in samples if sample.costs]
        if counted:
            requests = sum(sample.count for sample in counted)
            per = {name: sum(sample.costs[name] for sample in counted) / requests for name in COUNTED}
            moved = point.payload * (2 if point.operation == "net" else 1)
            figure["per_request"] = {**{name: round(per[name], 4) for name in COUNTED[:3]},
                                     "copies_per_byte": round(per["copied"] / moved, 3)}
        if point.depth == 1:
            figure["latency"] = latency(samples)
        return figure


def latency(samples):
    times = {}
    for sample in samples:
        for upper, count in sample.times.items():
            times[upper] = times.get(upper, 0) + count
    longest = max(sample.longest for sample in samples)
    buckets = [[min(upper, longest), count] for upper, count in sorted(times.items())]
    total = sum(times.values())

    def percentile(share):
        left = share * total
        for upper, count in buckets:
            left -= count
            if left <= 0:
                return upper
        return longest

    return {"unit": "ns", "p50": percentile(0.5), "p99": percentile(0.99), "p99.9": percentile(0.999), "max": longest,
            "histogram": buckets}


def unavailable(chosen):
    """Why nothing can be measured here, or None."""
    if not shutil.which("qemu-system-aarch64"):
        return "qemu-system-aarch64 is missing; apt install qemu-system-arm"
    images = pathlib.Path(chosen.images)
    for file in (images / "xen" / "xen", *(images / "guest-aarch64" / "guests" / "baremetal" / f"{name}.img"
                                           for name in ("hawser-device", "link-bench")), pathlib.Path(chosen.run)):
        if not file.exists():
            return f"{file} is missing; ./dev bench argo-vs-ivshmem makes it"
    if len(os.sched_getaffinity(0)) < 2:
        return "two domains at once need two processors: on one, whoever polls keeps the other from answering"
    return None


def run(chosen):
    suite = Suite(chosen)
    if chosen.list:
        print(*(f"{point.name}.{link.name}" for point in suite.points for link in suite.links if suite.wants(point, link)),
              sep="\n")
        return 0
    if why := unavailable(chosen):
        say(skip={"name": "argo-vs-ivshmem", "why": why})
        return UNAVAILABLE
    suite.announce()
    program.tell_versions(program.first_line("qemu-system-aarch64", "--version"))
    suite.run()
    say(end={})
    return 0


if __name__ == "__main__":
    sys.exit(program.main(__doc__, run, ("run", "images")))
