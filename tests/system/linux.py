#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Boots Linux guests on either side of a link, as a user would, and looks at what `hawser boot --json` says.

    linux.py --hawser PROGRAM --images FOLDER [--only WORD]

FOLDER/linux/ARCH has kernel and initramfs, FOLDER/xen/xen is the hypervisor: ./dev demo linux and ./dev test make them.
What is not there is left out, and said to be.
"""

import argparse
import itertools
import os
import pathlib
import shutil
import sys

from boot import Boot, Failure, expect_lives, run_all
from kit import Folder, end_in_order

ARCHES = ["x86_64", "aarch64"]

# What a Linux driver guest says of a Linux device guest.
WORK = {
    "link": {"devices"},
    "rng0": {"read"},
    "console0": {"shell"},
    "blk0": {"mount-ext4", "read-tree", "copy-tree", "unmount", "fio-write-1m", "fio-randwrite-4k-1",
             "fio-randwrite-4k-32", "fio-randread-4k-1", "fio-randread-4k-32"},
    "net0": {"ping", "http-get", "iperf3-tcp-to", "iperf3-tcp-from"},
}
# And of anything else: it makes the file system itself, and the others echo.
PLAIN_WORK = {**WORK, "console0": {"echo"}, "blk0": WORK["blk0"] | {"mkfs-ext4"}, "net0": {"frames-back"}}


def verified(run, work=None):
    """`work`: operations of each device; None: a driver of ours that is no Linux guest."""
    if run.status != 0:
        raise Failure(f"status {run.status}: {run.said['failure'] or run.said['unverified']}; {run.errors}")
    seen = {}
    for row in run.said["results"]:
        seen.setdefault(row["device"], set()).add(row["operation"])
        if not row["verified"]:
            raise Failure(f"{row['device']} {row['operation']} is not verified")
        if row["operation"].startswith("fio") and row["bytes"] == 0:
            raise Failure(f"{row['operation']} moved nothing")
    if work is None and {device.rstrip("0123456789") for device in seen} != {"blk", "net", "console", "rng"}:
        raise Failure(f"rows of {sorted(seen)}")
    if work is not None and seen != work:
        raise Failure(f"rows of {seen}, not {work}")


# A third domain of Xen knows the link and has no business on it.
THIRD = {"third-party-look", "third-party-send", "third-party-forge"}


def over_argo(run, work=None):
    """The same between domains of Xen, while a third is refused."""
    third = [row for row in run.rows("link") if row["operation"] in THIRD]
    if {row["operation"] for row in third} != THIRD or not all(row["verified"] for row in third):
        raise Failure(f"the third domain: {third}; status {run.status}: {run.said['failure']}; {run.errors}")
    run.said["results"] = [row for row in run.said["results"] if row not in third]
    verified(run, work)


def cases(boot, arches, xen, folder):
    """Name and body of each case."""
    linux = ("--driver", "linux", "--device", "linux")
    first = arches[0]

    def run(*options):
        return Boot(boot.program, boot.images, folder, *options, timeout=300)

    def device_dies():
        verified(run(*linux, "--arch", first, "--seconds", "15", "--kill", "device@4", "--kill", "device@20"), WORK)
        expect_lives(folder, "device", 3, "link up")

    # Of one architecture are the cases below, and those over Argo.
    for driver, device in itertools.permutations(arches) if len(arches) == 2 else [arches * 2]:
        yield (f"an {driver} kernel's own drivers use what an {device} Linux guest serves",
               lambda driver=driver, device=device:
               verified(run(*linux, "--driver-arch", driver, "--device-arch", device), WORK))
    yield ("a Linux driver guest that starts first finds its device guest",
           lambda: verified(run(*linux, "--arch", first, "--order", "driver-first"), WORK))
    for device in ("process", "guest"):
        yield (f"a Linux guest uses what a {device} serves",
               lambda device=device:
               verified(run("--driver", "linux", "--device", device, "--arch", first), PLAIN_WORK))
    for driver in ("process", "guest"):
        yield (f"a {driver} uses what a Linux guest serves",
               lambda driver=driver: verified(run("--driver", driver, "--device", "linux", "--arch", first)))
    yield ("a device guest that is killed twice loses nothing, and its driver's kernel keeps the devices",
           device_dies)
    if xen:
        argo = ("--link", "argo", "--driver-argument", "net_seconds=1")
        yield ("over Argo, a Linux domain of Xen uses what another serves",
               lambda: over_argo(run(*linux, *argo), WORK))
        yield ("over Argo, a Linux domain uses what a bare-metal domain serves",
               lambda: over_argo(run("--driver", "linux", *argo), PLAIN_WORK))
        yield ("over Argo, a bare-metal domain uses what a Linux domain that started later serves",
               lambda: over_argo(run("--device", "linux", "--link", "argo", "--order", "driver-first")))


class Place:
    def __init__(self, program, images):
        self.program, self.images = program, images


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hawser", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    chosen = parser.parse_args()
    arches = [arch for arch in ARCHES if shutil.which(f"qemu-system-{arch}") and
              pathlib.Path(chosen.images, "linux", arch, "initramfs").exists()]
    missing = [f"no Linux guest for {arch}; ./dev demo linux --arch {arch} makes it" for arch in ARCHES
               if arch not in arches]
    xen = "aarch64" in arches and pathlib.Path(chosen.images, "xen", "xen").exists()
    if not xen:
        missing.append("no Linux domains of Xen; ./dev demo linux --link argo makes them")
    if not arches:
        print("no Linux guest is built, or there is no QEMU for one: ./dev demo linux makes them")
        return 77

    end_in_order()
    with Folder() as folder:
        place = Place(os.path.abspath(chosen.hawser), os.path.abspath(chosen.images))
        passed, failed = run_all(cases(place, arches, xen, folder), folder, chosen.only)
    for what in missing:
        print(f"skipped: {what}")
    print(f"{passed} passed, {failed} failed" + (f", {len(missing)} skipped" if missing else ""))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
