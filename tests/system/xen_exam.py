#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Puts real Xen through the examination that the Argo broker is put through: one domain examines, another assists.

    xen_exam.py --run XEN_RUN --images FOLDER

Each row is one test. Wildcard rings exist only with mac-permissive=1, so there are two runs.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

from kit import Folder, end_in_order

ROW = re.compile(r"^1 ARGO-ROW (\S+) (ok|FAILED|skipped)(.*)$")
LEAST_ROWS = 40  # an examination that ends early must not look like one that passed


def examine(chosen, folder, permissive):
    """Rows by what became of them."""
    images = pathlib.Path(chosen.images)
    exam = images / "guest-aarch64" / "guests" / "baremetal" / "argo-exam.img"
    words = "mac-permissive" if permissive else ""
    command = [chosen.run, images / "xen" / "xen", f"{folder}/logs", "60", f"argo=1,mac-permissive={int(permissive)}",
               exam, f"role=examiner peer=2 {words}", exam, "role=assistant peer=1"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
    rows = {"ok": [], "FAILED": [], "skipped": []}
    for line in done.stdout.splitlines():
        if row := ROW.match(line):
            rows[row[2]].append((row[1], row[3].lstrip(" :")))
    if len(rows["ok"]) + len(rows["FAILED"]) < LEAST_ROWS or (done.returncode != 0 and not rows["FAILED"]):
        rows["FAILED"].append(("all", f"status {done.returncode}: {done.stderr.strip()} {done.stdout[-400:]}"))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--images", required=True)
    chosen = parser.parse_args()
    if shutil.which("qemu-system-aarch64") is None:
        print("qemu-system-aarch64 is not installed")
        return 77
    if not pathlib.Path(chosen.images, "xen", "xen").exists():
        print("the hypervisor is not built: ./dev xen")
        return 77

    passed = failed = 0
    end_in_order()
    with Folder() as folder:
        strict, permissive = (examine(chosen, folder, on) for on in (False, True))
    for name, rows in (("mac-permissive=0", strict), ("mac-permissive=1", permissive)):
        other = {row for row, _ in (permissive if rows is strict else strict)["ok"]}
        for row, _ in rows["ok"]:
            print(f"ok      {name} {row}")
        for row, why in rows["FAILED"]:
            print(f"not ok  {name} {row}: {why}")
        for row, why in rows["skipped"]:
            if row in other:
                print(f"left to the other run: {name} {row}: {why}")
            else:
                print(f"not ok  {name} {row}: examined in neither run: {why}")
                failed += 1
        passed += len(rows["ok"])
        failed += len(rows["FAILED"])
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
