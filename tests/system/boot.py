#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Boots both sides of a link in every pairing, as a user would, and looks at what `hawser boot --json` says.

    boot.py --hawser PROGRAM --images FOLDER [--only WORD]
"""

import argparse
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from kit import Folder, end_in_order

DEVICES = {"blk", "net", "console", "rng"}


class Failure(Exception):
    """What was seen and what was expected."""


def its_own(folder):
    """An environment in which sockets are made below this folder, by which processes_left() knows who was not ended."""
    return {**os.environ, "XDG_RUNTIME_DIR": folder}


class Boot:
    """`hawser boot` with these options, run to its end."""

    def __init__(self, program, images, folder, *options, timeout=90):
        self.command = [program, "boot", "--json", "--quiet", "--images", images, "--logs", f"{folder}/logs", *options]
        try:
            done = subprocess.run(self.command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=timeout, cwd=folder, env=its_own(folder))
        except subprocess.TimeoutExpired:
            raise Failure(f"did not end within {timeout} s") from None
        self.over_argo = "argo-broker" in options  # the third domain has rows of its own
        self.status = done.returncode
        self.errors = done.stderr.strip()
        try:
            self.said = json.loads(done.stdout)
        except json.JSONDecodeError:
            raise Failure(f"status {self.status}, no JSON; {self.errors}") from None

    def rows(self, kind):
        return [row for row in self.said["results"] if row["device"].startswith(kind)]

    def expect_verified(self):
        if self.status != 0:
            raise Failure(f"status {self.status}: {self.said['failure'] or self.said['unverified']}; {self.errors}")
        seen = {row["device"].rstrip("0123456789") for row in self.said["results"]}
        expected = DEVICES | ({"link"} if self.over_argo else set())
        if seen != expected:
            raise Failure(f"rows of {sorted(seen)}, not of {sorted(expected)}")
        for row in self.said["results"]:
            if not row["verified"]:
                raise Failure(f"{row['device']} {row['operation']} is not verified")
        return self

    def expect_came_back(self, kind):
        if not any("came back" in row.get("note", "") for row in self.rows(kind)):
            raise Failure(f"no row of {kind} says that the device side was lost and came back")
        return self


def expect_lives(folder, side, number, sign):
    """That a side was started so many times, and that `sign` is in the log of its first life and of its last."""
    lives = pathlib.Path(folder, "logs", f"{side}.log").read_text(errors="replace").split("\n$ ")
    if len(lives) != number or sign not in lives[0] or sign not in lives[-1]:
        raise Failure(f"the {side} side lived {len(lives)} times, not {number}, or its first or last life has no '{sign}'")


def processes_left(folder):
    """Command lines of processes that still have this test's folder in them."""
    left = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if folder in words:
            left.append(words.replace("\0", " "))
    return left


def cases(boot, folder):
    """Name and body of each case."""
    disk = f"{folder}/disk.img"

    def fresh_disk():
        with open(disk, "wb") as file:
            file.truncate(32 << 20)
        return disk

    def from_initrd(arch):
        options = ("--arch", arch, "--device-argument", "disk=initrd", "--disk")
        booted = boot(*options, fresh_disk()).expect_verified()
        if " MiB from the initrd" not in pathlib.Path(folder, "logs", "device.log").read_text(errors="replace"):
            raise Failure("the device guest does not say that it serves its initrd")
        with open(disk, "rb") as file:
            if any(file.read()):
                raise Failure("the file was written to")
        refused(boot, 2, "forgets what was written to its initrd", *options, fresh_disk(), "--kill", "device@1")
        refused(boot, 2, "forgets what was written to its initrd", *options[:-1], "--kill", "device@1")
        with open(disk, "wb") as file:
            file.truncate(1000)
        refused(boot, 2, "can't be the initrd: it has 1000 bytes, and a guest takes whole sectors", *options, disk)
        return booted

    def in_turns(*options):
        boot(*options, "--seconds", "12", "--kill", "driver@1", "--kill", "device@8").expect_verified().expect_came_back("")
        for side in ("driver", "device"):
            expect_lives(folder, side, 2, "HAWSER-ROW" if side == "driver" else "")

    def driver_dies(*options):
        boot(*options, "--seconds", "4", "--kill", "driver@0.5", "--kill", "driver@2").expect_verified()
        expect_lives(folder, "driver", 3, "HAWSER-ROW")

    arches = ["x86_64", "aarch64"]
    for driver, device in itertools.product(arches, arches):
        yield (f"an {driver} guest uses what an {device} guest serves",
               lambda driver=driver, device=device:
               boot("--driver-arch", driver, "--device-arch", device).expect_verified())
        yield (f"an {driver} driver guest that starts before its {device} device guest finds it",
               lambda driver=driver, device=device:
               boot("--driver-arch", driver, "--device-arch", device, "--order", "driver-first").expect_verified())
        if driver != device:
            yield (f"an {driver} guest and an {device} guest that serves it are killed in turns, and nothing acknowledged is lost",
                   lambda driver=driver, device=device:
                   in_turns("--driver-arch", driver, "--device-arch", device, "--disk", fresh_disk()))
    for arch in arches:
        yield (f"an {arch} guest serves what is in its initrd, and leaves the file alone", lambda arch=arch: from_initrd(arch))
        yield (f"an {arch} guest uses what a process serves",
               lambda arch=arch: boot("--arch", arch, "--device", "process").expect_verified())
        yield (f"a process uses what an {arch} guest serves",
               lambda arch=arch: boot("--arch", arch, "--driver", "process").expect_verified())
    for arch, (driver, device) in itertools.product(arches, (("guest", "process"), ("process", "guest"))):
        yield (f"a {driver} that starts before the {device} that serves it finds it ({arch})",
               lambda arch=arch, driver=driver, device=device:
               boot("--arch", arch, "--driver", driver, "--device", device, "--order", "driver-first").expect_verified())
    yield ("a process uses what a process serves, whoever starts first",
           lambda: [boot("--driver", "process", "--device", "process", "--order", order).expect_verified()
                    for order in ("driver-first", "device-first")])
    yield ("the plain message queue layout does as well",
           lambda: boot("--queue-layout", "plain").expect_verified())
    yield ("one vector is enough",
           lambda: boot("--vectors", "1").expect_verified())
    for where in ("guest", "process"):
        for arch in arches if where == "guest" else arches[:1]:
            yield (f"a device {where} ({arch}) that is killed twice under traffic loses nothing that was acknowledged",
                   lambda where=where, arch=arch:
                   boot("--arch", arch, "--device", where, "--disk", fresh_disk(), "--seconds", "12",
                        "--kill", "device@3", "--kill", "device@6").expect_verified().expect_came_back(""))
    for arch in arches:
        yield (f"a driver guest ({arch}) that is killed and started again finds the devices usable",
               lambda arch=arch: driver_dies("--arch", arch))
    for arch, driver, device in (*itertools.product(arches, ("process",), ("guest",)), *itertools.product(arches, ("guest",), ("process",)),
                                 (arches[0], "process", "process")):
        both = ("--arch", arch, "--driver", driver, "--device", device)
        yield (f"a driver {driver} that is killed and started again finds the devices of a {device} usable ({arch})",
               lambda both=both: driver_dies(*both))
        yield (f"a device {device} that is killed under the traffic of a {driver} loses nothing that was acknowledged ({arch})",
               lambda both=both:
               boot(*both, "--disk", fresh_disk(), "--seconds", "6", "--kill", "device@3").expect_verified().expect_came_back(""))
    argo = ("--link", "argo-broker")
    for driver, device in itertools.product(("guest", "process"), repeat=2):
        yield (f"over a broker, a {driver} uses what a {device} serves, and a third domain is refused",
               lambda driver=driver, device=device:
               boot(*argo, "--driver", driver, "--device", device).expect_verified())
    yield ("over a broker, guests of different architectures get on, whoever starts first",
           lambda: boot(*argo, "--driver-arch", "aarch64", "--device-arch", "x86_64", "--order",
                        "driver-first").expect_verified())
    for where in ("guest", "process"):
        yield (f"over a broker, a device {where} that is killed twice under traffic loses nothing that was acknowledged",
               lambda where=where:
               boot(*argo, "--device", where, "--disk", fresh_disk(), "--seconds", "12", "--kill", "device@3",
                    "--kill", "device@6").expect_verified().expect_came_back(""))
        yield (f"over a broker, a driver {where} that is killed and started again finds the devices usable",
               lambda where=where: driver_dies(*argo, "--driver", where))
    yield "a signal ends everything in order", lambda: interrupted(boot)
    yield "a guest image that is missing is one sentence", lambda: refused(
        boot, 2, "there is no guest image hawser-driver.img", images=f"{folder}/nothing")
    for arch, side, word, status, sentence in (
        ("x86_64", "driver", "seconds=abc", 1, "argument seconds=abc: expected seconds= and a whole number from 0 to 86400"),
        ("aarch64", "driver", "second=3", 1, "argument second=3: there is no such argument; this image takes seconds="),
        ("x86_64", "device", "disk=foo", 1, "argument disk=foo: expected disk=auto|memory|initrd|ram"),
    ):
        yield (f"a guest's argument that is wrong is named ({side}, {word})",
               lambda arch=arch, side=side, word=word, status=status, sentence=sentence:
               refused(boot, status, sentence, "--arch", arch, f"--{side}-argument", word))


def interrupted(boot, *options):
    running = subprocess.Popen(boot.command(*options, "--seconds", "30"), stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=boot.folder,
                               env=its_own(boot.folder))
    time.sleep(2)
    running.send_signal(signal.SIGINT)
    try:
        _, errors = running.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        running.kill()
        raise Failure("did not end within 20 s of SIGINT") from None
    if running.returncode != 1 or "stopped by a signal" not in errors:
        raise Failure(f"status {running.returncode}: {errors.strip()}")


def refused(boot, status, sentence, *options, **more):
    try:
        done = subprocess.run(boot.command(*options, **more), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, cwd=boot.folder, env=its_own(boot.folder))
    except subprocess.TimeoutExpired:
        raise Failure("did not end within 60 s") from None
    if done.returncode != status or sentence not in done.stderr:
        raise Failure(f"status {done.returncode}, not {status} and '{sentence}': {done.stderr.strip()}")


class Booter:
    def __init__(self, program, images, folder):
        self.program, self.images, self.folder = program, images, folder

    def __call__(self, *options, **more):
        return Boot(self.program, self.images, self.folder, *options, **more)

    def command(self, *options, images=None):
        return [self.program, "boot", "--quiet", "--images", images or self.images, "--logs", f"{self.folder}/logs",
                *options]


def run_all(cases, folder, only):
    """Runs each case whose name contains `only`; the numbers of those that passed and failed."""
    passed = failed = 0
    for name, body in cases:
        if only not in name:
            continue
        start = time.monotonic()
        try:
            body()
            left = processes_left(folder)
            if left:
                raise Failure(f"left behind: {left}")
            passed += 1
            print(f"ok      {time.monotonic() - start:5.1f} s  {name}", flush=True)
        except Failure as failure:
            failed += 1
            print(f"not ok  {time.monotonic() - start:5.1f} s  {name}: {failure}", flush=True)
            for log in sorted(pathlib.Path(folder, "logs").glob("*.log")):
                for line in log.read_text(errors="replace").splitlines()[-8:]:
                    print(f"        {log.stem}: {line}")
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hawser", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    chosen = parser.parse_args()
    for tool in ("qemu-system-x86_64", "qemu-system-aarch64"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed")
            return 77

    end_in_order()
    with Folder() as folder:
        booter = Booter(os.path.abspath(chosen.hawser), os.path.abspath(chosen.images), folder)
        passed, failed = run_all(cases(booter, folder), folder, chosen.only)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
