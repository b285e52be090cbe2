#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""The suite `peers` of `hawser bench`: who takes part, who is said to be better, what is left behind.

    bench_peers.py --hawser PROGRAM --suites FOLDER --programs FOLDER
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import kit

chosen = None

# A contender that takes so many nanoseconds.
PROGRAM = """#!/bin/sh
echo 'a library talks'
echo '{{}}'
while read -r job; do echo '{{"ns": {ns}, "latency": {{"unit": "ns", "p50": 1, "p99": 2, "p99.9": 3, "max": 4}}}}'; done
"""
HAWSER = """#!/bin/sh
echo '{{"suites": [{{"figures": [{{"name": "'"$4"'", "unit": "ns", "median": {ns}, "command": "hawser"}}], "skips": []}}]}}'
"""


class Peers(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="hawser-bench-peers-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        (self.folder / "programs").mkdir()
        (self.folder / "tmp").mkdir()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def environment(self, hawser, programs):
        return {**os.environ, "HAWSER": str(hawser), "HAWSER_PEER_PROGRAMS": str(programs), "TMPDIR": str(self.folder / "tmp"),
                "HAWSER_PEERS": str(self.folder / "none")}

    def suite(self, *words, hawser, programs=None):
        done = subprocess.run([pathlib.Path(chosen.suites, "hawser-bench-peers"), *words], capture_output=True, text=True, timeout=100,
                              env=self.environment(hawser, programs or self.folder / "programs"))
        events = [json.loads(line) for line in done.stdout.splitlines()] if "--list" not in words else done.stdout.split()
        self.assertEqual(list((self.folder / "tmp").iterdir()), [], done.stderr)
        return done.returncode, events

    @staticmethod
    def of(kind, events):
        return {event[kind].get("name", ""): event[kind] for event in events if kind in event}

    def test_every_job_is_done_by_hawser_and_listed(self):
        status, names = self.suite("--list", hawser="none")
        self.assertEqual(status, 0)
        self.assertEqual(len(names), len(set(names)))
        for row in ("ring.rtt", "ring.batch", "net.64.there", "net.64.echo", "net.64.trip", "net.1500.there", "blk.4096.depth1",
                    "blk.4096.depth32", "ipc.64", "ipc.4096", "polled.64"):
            self.assertTrue([name for name in names if name.startswith(f"{row}.hawser")], row)
        for name in ("ring.rtt.ringtest.ring", "net.64.trip.dpdk.packed", "blk.4096.depth32.qsd.null", "ipc.4096.zeromq"):
            self.assertIn(name, names)

    def test_the_best_rival_is_what_hawser_is_held_against_and_a_better_one_is_admitted_in_words(self):
        for name, ns in (("zeromq", 70000), ("nng", 90000), ("boost", 40000)):
            self.write(f"programs/ipc-{name}", PROGRAM.format(ns=ns))
        for ns, told in ((50000, "takes 1.25 times as long for Hawser as for boost.interprocess"), (39000, None)):
            with self.subTest(ns=ns):
                status, events = self.suite("--quick", "--only", "ipc.64", hawser=self.write("hawser", HAWSER.format(ns=ns)))
                self.assertEqual(status, 0)
                figures, notes = self.of("figure", events), self.of("note", events)
                self.assertEqual(len(figures), 4)
                self.assertEqual(figures["ipc.64.hawser"]["against"], "ipc.64.boost")
                self.assertEqual(figures["ipc.64.hawser"]["aim"], {"ratio": 1.0, "sense": "at_most"})
                self.assertEqual(figures["ipc.64.zeromq"]["latency"]["p99.9"], 3)
                self.assertTrue(figures["ipc.64.zeromq"]["limit"])
                if told:
                    self.assertIn(told, notes["ipc.64.hawser"]["text"])
                else:
                    self.assertNotIn("ipc.64.hawser", notes)
                self.assertEqual(events[-1], {"end": {}})

    def test_more_a_second_is_better_where_a_row_counts_so(self):
        self.write("programs/dpdk-frames", PROGRAM.format(ns=40))
        _, events = self.suite("--quick", "--only", "net.64.there", hawser=self.write("hawser", HAWSER.format(ns=100)))
        figure = self.of("figure", events)["net.64.there.hawser.packed"]
        self.assertEqual((figure["unit"], figure["better"], figure["samples"]), ("packet/s", "higher", [1e7]))
        self.assertEqual(figure["aim"]["sense"], "at_least")
        self.assertIn("DPDK's vhost and virtio-user, packed is 2.50 times as fast",
                      self.of("note", events)["net.64.there.hawser.packed"]["text"])

    def test_who_is_not_installed_is_left_out_with_a_word_on_what_to_install(self):
        self.write("programs/ipc-nng", "#!/bin/sh\necho 'no such socket' >&2\nexit 1\n")
        self.write("programs/ipc-boost", PROGRAM.format(ns=40000))
        status, events = self.suite("--quick", "--only", "ipc.64", hawser=self.write("hawser", HAWSER.format(ns=50000)))
        self.assertEqual(status, 0)
        skips = self.of("skip", events)
        self.assertIn("apt install libzmq3-dev", skips["ipc.64.zeromq"]["why"])
        self.assertEqual(skips["ipc.64.nng"]["why"], "ipc-nng: no such socket")
        self.assertEqual(set(self.of("figure", events)), {"ipc.64.boost", "ipc.64.hawser"})
        _, events = self.suite("--quick", "--only", "ring.rtt", hawser=self.folder / "hawser")
        self.assertIn("./dev bench peers makes it", self.of("skip", events)["ring.rtt.ringtest.ring"]["why"])

    def test_a_program_that_ends_costs_a_sample_and_is_started_again(self):
        self.write("programs/dpdk-frames", PROGRAM.format(ns=40).replace("while read -r job; do", "read -r job;").replace("; done", ""))
        status, events = self.suite("--only", "net.64.there", hawser=self.write("hawser", HAWSER.format(ns=100)))
        self.assertEqual((status, events[-1]), (0, {"end": {}}))
        figures = self.of("figure", events)
        self.assertEqual(len(figures["net.64.there.dpdk.packed"]["samples"]), 3)  # of five
        self.assertEqual(len(figures["net.64.there.hawser.packed"]["samples"]), 5)
        self.assertIn("run 4 failed: dpdk-frames: it did not answer", self.of("note", events)["net.64.there.dpdk.packed"]["text"])

    def test_both_sides_are_asked_for_equally_long(self):
        self.write("programs/ipc-zeromq", PROGRAM.format(ns=70000).replace("do echo", f"do echo $job >{self.folder}/job; echo"))
        hawser = self.write("hawser", HAWSER.format(ns=50000).replace("echo", f"echo $* >{self.folder}/words; echo", 1))
        for quick, milliseconds in (((), 300), (("--quick",), 150)):
            with self.subTest(quick=quick):
                self.suite("--only", "ipc.64", "--rounds", "1", *quick, hawser=hawser)
                self.assertEqual((self.folder / "job").read_text().split()[-1], str(milliseconds))
                words = (self.folder / "words").read_text().split()
                self.assertEqual(int(words[words.index("--rounds") + 1]) * 2, milliseconds)  # slices of 2 ms
                self.assertNotIn("--quick", words)

    def test_no_rounds_are_refused(self):
        for rounds in ("0", "-1"):
            with self.subTest(rounds=rounds):
                self.assertEqual(self.suite("--rounds", rounds, hawser="none"), (64, []))

    def test_without_hawser_there_is_nothing_to_measure(self):
        status, events = self.suite(hawser="none")
        self.assertEqual((status, list(self.of("skip", events))), (75, ["peers"]))

    def test_interrupted_it_tells_what_it_has_and_killed_it_takes_its_children_along(self):
        self.write("programs/ipc-zeromq", PROGRAM.format(ns=70000))
        self.write("programs/ipc-nng", f"#!/bin/sh\necho $$ >{self.folder}/pid\nexec sleep 1000\n")
        hawser = self.write("hawser", HAWSER.format(ns=50000))
        for number, figures in ((signal.SIGTERM, {"ipc.64.zeromq"}), (signal.SIGKILL, set())):
            with self.subTest(signal=number):
                running = subprocess.Popen([pathlib.Path(chosen.suites, "hawser-bench-peers"), "--only", "ipc.64"], text=True,
                                           stdout=subprocess.PIPE, env=self.environment(hawser, self.folder / "programs"))
                pid = self.folder / "pid"
                self.assertTrue(kit.eventually(lambda: pid.exists() and pid.read_text().endswith("\n"), 20))
                child = pathlib.Path("/proc", pid.read_text().strip())
                pid.unlink()
                running.send_signal(number)
                said, _ = running.communicate(timeout=20)
                events = [json.loads(line) for line in said.splitlines()]
                self.assertEqual(set(self.of("figure", events)), figures)
                self.assertNotIn({"end": {}}, events)
                self.assertTrue(kit.eventually(lambda: not child.exists(), 5))
                if number == signal.SIGTERM:
                    self.assertEqual(list((self.folder / "tmp").iterdir()), [])

    def test_real_peers_that_are_here_do_their_jobs(self):
        """Each program of ours once; whoever is not installed is a skip."""
        env = {**self.environment(chosen.hawser, chosen.programs), "HAWSER_BENCH_SUITES": chosen.suites}
        peers, lacks = 0, []
        for prefix in ("ipc.64", "net.64.trip.dpdk", "blk.4096.depth32.qsd"):
            with self.subTest(prefix=prefix):
                report = self.folder / f"{prefix}.json"
                done = subprocess.run([chosen.hawser, "bench", "peers", "--quick", "--only", prefix, "--report", report],
                                      capture_output=True, text=True, timeout=100, env=env)
                [suite] = json.loads(report.read_text())["suites"]
                self.assertEqual(done.returncode, 0 if suite["figures"] else 2, done.stderr)
                for figure in suite["figures"]:
                    self.assertGreater(figure["median"], 0)
                for skip in suite["skips"]:
                    self.assertRegex(skip["why"], "apt install|too busy")
                peers += sum(".hawser" not in figure["name"] for figure in suite["figures"])
                lacks += [skip["why"] for skip in suite["skips"]]
                self.assertEqual([note for note in suite["notes"] if "no sense" in note["text"]], [])
        self.assertEqual(list((self.folder / "tmp").iterdir()), [])
        if not peers:
            self.skipTest(f"no peer is here: {'; '.join(lacks)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hawser", required=True, type=os.path.abspath)
    parser.add_argument("--suites", required=True)
    parser.add_argument("--programs", required=True)
    chosen, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    kit.main()
