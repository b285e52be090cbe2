#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""`hawser bench` as a user runs it: its files fit their schema, its wrong words are named, Ctrl-C keeps what it has.

    bench.py --hawser PROGRAM --schema FILE --run XEN_RUN --images FOLDER
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.dom.minidom

import kit

chosen = None


def bench(*words, folder=None, timeout=100, **more):
    return subprocess.run([chosen.hawser, "bench", *map(str, words)], capture_output=True, text=True, cwd=folder, timeout=timeout, **more)


def misfits(value, schema, root, where="$"):
    """Where a value does not fit a schema, of which it knows what ours uses."""
    if "$ref" in schema:
        return misfits(value, root["definitions"][schema["$ref"].rsplit("/", 1)[1]], root, where)
    found = []
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
             "null": type(None)}
    wanted = schema.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    fits = [kind for kind in wanted if isinstance(value, kinds[kind]) and (kind == "boolean") == isinstance(value, bool)]
    if wanted and not fits:
        return [f"{where} is {value!r}, not {wanted}"]
    if "const" in schema and value != schema["const"] or "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} is {value!r}")
    if isinstance(value, str) and ("pattern" in schema and not re.search(schema["pattern"], value) or
                                   len(value) < schema.get("minLength", 0)):
        found.append(f"{where} is {value!r}")
    if isinstance(value, (int, float)) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{where} is {value!r}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{where} has {len(value)} entries")
        for n, one in enumerate(value):
            found += misfits(one, schema.get("items", {}), root, f"{where}[{n}]")
    if isinstance(value, dict):
        found += [f"{where}.{key} is missing" for key in schema.get("required", []) if key not in value]
        if "oneOf" in schema and sum(all(key in value for key in way["required"]) for way in schema["oneOf"]) != 1:
            found.append(f"{where} is not one of {schema['oneOf']}")
        for key, one in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            found += [f"{where}.{key} is unknown"] if inner is False else misfits(one, inner, root, f"{where}.{key}")
    return found


class Bench(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="hawser-bench-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.schema = json.loads(pathlib.Path(chosen.schema).read_text())

    def expect_whole(self, path):
        results = json.loads(path.read_text())
        self.assertEqual(misfits(results, self.schema, self.schema), [])
        return results

    def test_a_quick_run_writes_results_that_fit_their_schema_and_a_report_that_stands_alone(self):
        done = bench("limits", "--quick", "--only", "memcpy.warm", "--report", "r.json", "--report", "r.html", folder=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["r.html", "r.json"])
        results = self.expect_whole(self.folder / "r.json")
        [suite] = results["suites"]
        self.assertEqual(suite["name"], "limits")
        self.assertGreater(len(suite["figures"]) + len(suite["skips"]), 7)  # what was disturbed is a skip
        self.assertTrue(results["quick"])
        for figure in suite["figures"]:
            self.assertIn(figure["name"], done.stdout)
        page = (self.folder / "r.html").read_text()
        xml.dom.minidom.parseString(page[page.index("<html"):].encode())
        self.assertNotRegex(page, r"(src|href|url)\s*[=(]|https?://|@import")
        self.assertIn(results["machine"]["kernel"], page)
        # A run does not differ from itself, whichever of the two files it is read from.
        same = bench("compare", "r.json", "r.html", folder=self.folder)
        self.assertEqual((same.returncode, same.stderr), (0, ""))

    def test_json_goes_to_standard_output_and_no_file_is_written(self):
        done = bench("limits", "--quick", "--only", "syscall", "--json", folder=self.folder)
        self.assertEqual(misfits(json.loads(done.stdout), self.schema, self.schema), [])
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_devices_and_their_drivers_do_what_they_are_timed_at(self):
        """A frame that came back changed, or a block that was not asked for, would be a skip that says so."""
        done = bench("device", "--quick", "--rounds", 3, "--json", folder=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        [suite] = json.loads(done.stdout)["suites"]
        self.assertEqual([skip for skip in suite["skips"] if "too busy" not in skip["why"]], [])
        names = {one["name"] for one in suite["figures"] + suite["skips"]}
        self.assertLessEqual({"net.packed.64.trip", "net.split.1500.there", "blk.packed.4096.depth32"}, names)

    def test_whoever_is_in_the_way_is_gone_afterwards_and_counts_meanwhile(self):
        running = subprocess.Popen([chosen.hawser, "bench", "stress", "--quick", "--rounds", "3", "--only", "flood.", "--json"],
                                   env={**os.environ, "TMPDIR": str(self.folder)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
        told, said = running.communicate(timeout=100)
        self.assertEqual(running.returncode, 0, said)
        [suite] = json.loads(told)["suites"]
        self.assertEqual(suite["skips"], [])
        figures = {figure["name"]: figure for figure in suite["figures"]}
        self.assertEqual(set(figures), {f"{condition}.{way}.rtt" for condition in ("idle", "flood") for way in ("poll", "spin", "sleep")})
        for figure in figures.values():
            self.assertGreater(figure["latency"]["p99.9"], 0)
        self.assertEqual(list(self.folder.iterdir()), [])
        with self.assertRaises(ProcessLookupError):
            os.killpg(running.pid, 0)

    def test_wrong_words_are_one_sentence_that_says_what_would_do(self):
        for words, status, told in ((("nonsense",), 64, "limits, queue, link, device, stress, argo"), (("limits", "--report", "r.txt"), 64, ".html or .json"),
                                    (("limits", "--report", "none/r.json"), 64, "no folder none"), (("queue", "--size", "100"), 64, "512"),
                                    (("limits", "--cores", "0,0"), 64, "two different processors"), (("compare", "a", "b"), 2, "a: cannot be read"),
                                    (("limits", "--quick", "--only", "nonsense"), 2, "no figure's name begins with 'nonsense'")):
            with self.subTest(words=words):
                done = bench(*words, folder=self.folder)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(told, done.stderr)

    def test_a_hawser_without_its_benchmarks_says_where_it_looked(self):
        with tempfile.TemporaryDirectory() as folder:
            alone = shutil.copy(chosen.hawser, folder)
            done = subprocess.run([alone, "bench", "limits"], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, rf"^hawser: .* {folder}/hawser-bench can not be run \(No such file.*\./dev bench\n$")

    def test_queue_holds_both_formats_against_the_limits_of_the_same_run(self):
        done = bench("queue", "--quick", "--json", timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual(misfits(said, self.schema, self.schema), [])
        suite = said["suites"][0]
        too_busy = {skip["name"] for skip in suite["skips"] if "too busy" in skip["why"]}
        results = {result["name"]: result for result in said["results"]}
        wanted = {"pingpong.one_line", "pingpong.two_line",
                  *(f"{format}.{what}" for format in ("split", "packed") for what in ("rtt", "batch1", "batch64"))}
        self.assertEqual(wanted - too_busy - set(results), set())
        self.assertEqual({"memcpy.warm.4096"} - too_busy - {figure["name"] for figure in suite["figures"]}, set())
        if "pingpong.one_line" in too_busy:
            self.skipTest("the machine is too busy for the figure that the others are held against")
        one_line = results["pingpong.one_line"]["ns"]
        for name in wanted & set(results) - {"pingpong.one_line"}:
            self.assertEqual(results[name]["against"], "pingpong.one_line")
            self.assertAlmostEqual(results[name]["ratio"], results[name]["ns"] / one_line, places=6)

    def test_one_processor_is_refused(self):
        done = bench("queue", preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done.stderr)
        self.assertIn("one processor only", done.stderr)

    def test_results_of_another_machine_are_refused(self):
        bench("limits", "--quick", "--only", "memcpy.warm.64", "--report", "r.json", folder=self.folder)
        results = json.loads((self.folder / "r.json").read_text())
        results["machine"]["id"] = "0" * 16
        (self.folder / "other.json").write_text(json.dumps(results))
        done = bench("compare", "r.json", "other.json", folder=self.folder)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1))
        self.assertIn("different machines", done.stderr)

    def test_an_interrupted_run_keeps_what_it_has_and_leaves_nothing(self):
        running = subprocess.Popen([chosen.hawser, "bench", "link", "--report", "r.json"], cwd=self.folder, text=True,
                                   env={**os.environ, "TMPDIR": str(self.folder)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True)
        time.sleep(12)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to all of its processes
        _, said = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 128 + signal.SIGINT, said)
        self.assertIn("interrupted", said)
        results = self.expect_whole(self.folder / "r.json")
        self.assertTrue(results["interrupted"])
        self.assertEqual(results["suites"][0]["status"], "interrupted")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["r.json"])
        with self.assertRaises(ProcessLookupError):
            os.killpg(running.pid, 0)

    def test_a_suite_program_is_found_run_and_kept(self):
        program = self.folder / "hawser-bench-mine"
        program.write_text("""#!/bin/sh
[ "$*" = "--quick --rounds 3 --only a" ] && echo '{"figure":{"name":"a","unit":"ns","better":"lower","samples":[1,2,3]}}'
echo nonsense
echo '{"end":{}}'
""")
        program.chmod(0o755)
        done = bench("mine", "--quick", "--rounds", 3, "--only", "a", "--report", "r.json", folder=self.folder,
                     env={**os.environ, "HAWSER_BENCH_SUITES": str(self.folder)})
        self.assertEqual(done.returncode, 0, done.stderr)
        [suite] = self.expect_whole(self.folder / "r.json")["suites"]
        self.assertEqual([figure["median"] for figure in suite["figures"]], [2])
        self.assertIn("made no sense", suite["notes"][0]["text"])

    def expect_xen(self):
        """What the environment has to say for the suite argo-vs-ivshmem."""
        for file in ("xen/xen", "guest-aarch64/guests/baremetal/link-bench.img"):
            if not (pathlib.Path(chosen.images) / file).exists():
                self.skipTest(f"{file} is not built: ./dev bench argo-vs-ivshmem makes it")
        suites = pathlib.Path(chosen.schema).resolve().parent / "argo_vs_ivshmem"
        return {**os.environ, "HAWSER_BENCH_SUITES": str(suites), "HAWSER_IMAGES": chosen.images, "HAWSER_XEN_RUN": chosen.run,
                "TMPDIR": str(self.folder)}

    def expect_no_process_of_this_folder(self):
        here = str(self.folder).encode()

        def left():
            for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    if here in line.read_bytes():
                        return line
            return None

        self.assertTrue(kit.eventually(lambda: left() is None, 2), left())  # whose parent was killed dies a moment later

    def test_three_links_of_one_xen_are_measured_counted_and_mapped(self):
        for _ in range(3):  # a device side that was kept from running said too late what it had done, which is left out then
            done = bench("argo-vs-ivshmem", "--quick", "--only", "read.", "--report", "r.json", "--report", "r.html",
                         folder=self.folder, env=self.expect_xen())
            self.assertEqual(done.returncode, 0, done.stderr)
            [suite] = self.expect_whole(self.folder / "r.json")["suites"]
            self.assertEqual(suite["status"], "measured")
            figures = {figure["name"]: figure for figure in suite["figures"]}
            self.assertEqual(len(figures), (2 * 2 + 1) * 3 + 1, list(figures))  # and bytes a second of the larger payload
            argo, shm, polled = (figures[f"read.512.d1.{link}"] for link in ("argo", "shm", "polled"))
            if all("doorbells" in figure.get("per_request", {}) for figure in (argo, shm, polled)):
                break
        self.assertGreaterEqual(argo["per_request"]["hypercalls"], 1.9)  # one there, one back
        self.assertGreaterEqual(argo["per_request"]["copies_per_byte"], 2)  # the hypervisor's, and into the driver's buffer
        self.assertEqual(shm["per_request"]["copies_per_byte"], 0)
        self.assertGreaterEqual(shm["per_request"]["doorbells"], 1)
        self.assertLess(polled["per_request"]["doorbells"], shm["per_request"]["doorbells"])
        for figure in (argo, shm, polled):
            self.assertLessEqual(figure["latency"]["p50"], figure["latency"]["max"])
        self.assertTrue(figures["hypercall"]["limit"])
        self.assertIn("read: A argo, B shm, C polled", done.stdout)
        page = (self.folder / "r.html").read_text()
        xml.dom.minidom.parseString(page[page.index("<html"):].encode())
        self.assertIn("read: which is best", page)
        self.expect_no_process_of_this_folder()

    def test_a_boot_of_xen_that_is_interrupted_leaves_nothing(self):
        running = subprocess.Popen([chosen.hawser, "bench", "argo-vs-ivshmem", "--report", "r.json"], cwd=self.folder, text=True,
                                   env=self.expect_xen(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        time.sleep(6)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 128 + signal.SIGINT, said)
        self.expect_no_process_of_this_folder()
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name != "r.json"], [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hawser", required=True, type=os.path.abspath)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--run", required=True, type=os.path.abspath)
    parser.add_argument("--images", required=True, type=os.path.abspath)
    chosen, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    kit.main()
