#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""What a courier costs on top of Argo on real Xen: the run of `hawser bench argo`, in a domain that speaks to itself.

    argo_on_xen.py --run XEN_RUN --images FOLDER [--milliseconds N] [--instructions] [--json]

Times are the guest's own counter; under emulation only their ratios mean something. With --instructions that counter is of
instructions, the guest's and Xen's, so the figures are the same whatever else the machine does.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import program  # noqa: E402
from program import UNAVAILABLE, Failed  # noqa: E402

FIGURE = re.compile(r"^1 HAWSER-FIGURE (.*)$")
LONGEST = 120  # seconds, of a boot
FIGURES = 24  # ArgoLoop::figures(): a run that ends early must not look like a whole one


def measure(chosen):
    images = pathlib.Path(chosen.images)
    image = images / "guest-aarch64" / "guests" / "baremetal" / "argo-bench.img"
    counted = ["--counted=1"] if chosen.instructions else []
    with tempfile.TemporaryDirectory(prefix="hawser-bench-") as folder:
        running = program.start([chosen.run, *counted, images / "xen" / "xen", folder, LONGEST, "", image,
                                 f"each={chosen.milliseconds}"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            said, complaints = running.communicate(timeout=LONGEST + 30)
        except subprocess.TimeoutExpired:
            raise Failed(f"the machine did not end within {LONGEST + 30} s") from None
        finally:
            program.end(running)
            running.stderr.close()
    figures = []
    for line in said.splitlines():
        if found := FIGURE.match(line):
            words = dict(word.split("=", 1) for word in found[1].split())
            figures.append({key: value if key == "name" else int(value) for key, value in words.items()})
    if len(figures) < FIGURES:
        last = (complaints.strip() or said.strip()).splitlines()
        raise Failed(f"the image gave {len(figures)} of {FIGURES} figures; the last it said: {last[-1] if last else 'nothing'}")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--milliseconds", type=int, default=200, choices=range(1, 2001), metavar="N",
                        help="how long to measure each figure")
    parser.add_argument("--instructions", action="store_true", help="count instructions instead of nanoseconds")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    return program.ended(lambda: run(chosen))


def run(chosen):
    if not shutil.which("qemu-system-aarch64"):
        print("argo_on_xen.py: qemu-system-aarch64 is missing; apt install qemu-system-arm", file=sys.stderr)
        return UNAVAILABLE
    bare, results = {}, []
    for figure in measure(chosen):
        ns = figure["ns"] / figure["count"]
        if figure["name"] == "sendv":
            bare[figure["bytes"]] = ns
        calls = 1 if figure["name"] == "hypercall" else figure["hypercalls"] / figure["count"]
        results.append({"name": figure["name"], "bytes": figure["bytes"], "depth": figure["depth"], "ns": ns,
                        "ratio_to_sendv": ns / bare[figure["bytes"]] if figure["bytes"] in bare else 0,
                        "hypercalls": calls,
                        "copied_per_byte": figure["copied"] / figure["count"] / max(figure["bytes"], 1)})
    if chosen.json:
        print(json.dumps({"results": results}, indent=2))
        return 0
    unit = "1000 insns" if chosen.instructions else "us each"
    print(f"{'what':<10} {'bytes':>8} {'depth':>6} {unit:>10} {'x sendv':>8} {'hypercalls':>11} {'copied/byte':>12}")
    for r in results:
        print(f"{r['name']:<10} {r['bytes']:>8} {r['depth']:>6} {r['ns'] / 1000:>10.2f} {r['ratio_to_sendv']:>8.2f} "
              f"{r['hypercalls']:>11.3f} {r['copied_per_byte']:>12.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
