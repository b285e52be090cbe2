#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Puts real Xen on x86_64 through the examination that the Argo broker is put through, by a PVH domain of ours: the
first and only one, so the rows that take two domains are left out. QEMU emulates what Xen needs of the processor.

    xen_x86.py --images FOLDER

Each row is one test.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import threading

ROW = re.compile(r"ARGO-ROW (\S+) (ok|FAILED|skipped)(.*)$")
LEAST_ROWS = 40  # an examination that ends early must not look like one that passed
TAKE_TWO = {"D3", "O1", "O2"}
DEADLINE = 60  # ten times what it takes


def examine(xen, image):
    words = "role=examiner mac-permissive device-frame=0xfee00"  # the local APIC
    command = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "q35,kernel-irqchip=split", "-cpu", "max", "-m", "512",
               "-device", "amd-iommu", "-net", "none", "-display", "none", "-serial", "stdio", "-no-reboot",
               "-kernel", xen, "-initrd", f"{image} {words}",
               "-append", "console=com1 com1=115200,8n1 dom0=pvh dom0_mem=128M argo=1,mac-permissive=1"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace") as qemu:
        late = threading.Timer(DEADLINE, qemu.kill)
        late.start()
        lines = []
        for line in qemu.stdout:
            lines.append(line.rstrip())
            if "HAWSER-END" in line or "Panic on CPU" in line:
                break  # the machine does not end with its first domain
        late.cancel()
        qemu.kill()
    return lines


def ended(lines):
    return bool(lines) and "HAWSER-END" in lines[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True)
    images = pathlib.Path(parser.parse_args().images)
    xen = images / "xen-x86_64" / "xen"
    image = images / "guest-x86_64" / "guests" / "baremetal" / "argo-exam.img"
    if shutil.which("qemu-system-x86_64") is None:
        print("qemu-system-x86_64 is not installed")
        return 77
    if not xen.exists():
        print("the hypervisor for x86_64 is not built: ./dev xen x86_64")
        return 77

    lines = examine(xen, image)
    if not ended(lines):  # docs/xen-x86.md, "What was seen once"
        last = next((row[1] for line in reversed(lines) if (row := ROW.search(line))), "its start")
        print(f"after {DEADLINE} s the machine had not got past {last}; it is booted once more")
        lines = examine(xen, image)
    rows = {"ok": [], "FAILED": [], "skipped": []}
    for line in lines:
        if row := ROW.search(line):
            rows[row[2]].append((row[1], row[3].lstrip(" :")))
    if len(rows["ok"]) + len(rows["FAILED"]) < LEAST_ROWS or not ended(lines):
        rows["FAILED"].append(("all", "\n".join(lines[-30:])))
    for row, why in rows["skipped"]:
        if row in TAKE_TWO:
            print(f"not examined: {row}: {why}")
        else:
            rows["FAILED"].append((row, f"skipped: {why}"))
    for row, _ in rows["ok"]:
        print(f"ok      {row}")
    for row, why in rows["FAILED"]:
        print(f"not ok  {row}: {why}")
    print(f"{len(rows['ok'])} passed, {len(rows['FAILED'])} failed")
    return 0 if rows["ok"] and not rows["FAILED"] else 1


if __name__ == "__main__":
    sys.exit(main())
