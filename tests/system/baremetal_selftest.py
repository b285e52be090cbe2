#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT
"""Boots the bare-metal self-test under QEMU (TCG) on every machine that the runtime supports.

    baremetal_selftest.py [--build DIR] [--verbose] [ARCH ...]

DIR holds guest-aarch64/ and guest-x86_64/ (default: build/ of this repository). Each boot has a deadline. Prints a
line "ok ..." or "not ok ..." for each thing checked here or in the guest, then "N passed, N failed"; the status is 0
if something passed and nothing failed.
"""

import argparse
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time

from tiny_ivshmem_server import TinyIvshmemServer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEADLINE = 60  # seconds for one boot: about 100 times what an idle machine takes
MIB = 1 << 20
VECTORS = 4
IMAGE_LIMIT = 256 * 1024

# What lets a guest choose QEMU's exit status.
EXIT_DEVICE = {
    "aarch64": ["-semihosting-config", "enable=on,target=native"],
    "x86_64": ["-device", "isa-debug-exit,iobase=0xf4"],
}
QEMU = {
    "aarch64": ["qemu-system-aarch64", "-accel", "tcg", *EXIT_DEVICE["aarch64"]],
    "x86_64": ["qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", *EXIT_DEVICE["x86_64"]],
}
VIRT = ["-machine", "virt,gic-version=3", "-cpu", "cortex-a57"]
COMMON = ["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]

# name: (architecture, options). Every one runs the whole self-test.
MACHINES = {
    "aarch64 at EL1": ("aarch64", [*VIRT, "-m", "64"]),
    "aarch64 at EL2": ("aarch64", ["-machine", "virt,gic-version=3,virtualization=on", "-cpu", "cortex-a72", "-m", "256"]),
    "aarch64 with every feature": ("aarch64", ["-machine", "virt,gic-version=3", "-cpu", "max", "-m", "4096", "-smp", "2"]),
    "x86_64 with SeaBIOS": ("x86_64", ["-m", "64"]),
    "x86_64 with qboot": ("x86_64", ["-m", "64", "-bios", "qboot.rom"]),
    "x86_64 with every feature": ("x86_64", ["-cpu", "max", "-m", "4096", "-smp", "2", "-bios", "qboot.rom"]),
}

# The plainest machine of each architecture, for what does not depend on the machine.
PLAINEST = {"aarch64": [*VIRT, "-m", "64"], "x86_64": ["-m", "64", "-bios", "qboot.rom"]}

TRAP = {"aarch64": "trap instruction", "x86_64": "undefined instruction"}

# fault= : what the line must say, and its address, if that is known here.
FAULTS = {
    "read-null": ("read of unmapped memory", "0x8"),
    "write-null": ("write to unmapped memory", "0x8"),
    "read-nowhere": ("read of unmapped memory", "0x123456789000"),
    "call-null": ("execution of unmapped memory", "0x0"),
    "write-code": ("write to read-only memory", None),
    "write-constant": ("write to read-only memory", None),
    "execute-data": ("execution of memory that is not code", None),
    "stack": ("stack overflow", None),
    "trap": (None, None),
}


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, holds, sentence):
        self.passed += bool(holds)
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {sentence}", flush=True)
        return holds


class Run:
    """One boot: its console lines with the times they came, and QEMU's exit status (None: it had to be killed)."""

    def __init__(self, arch, image, options, arguments, on_line=lambda line, run: None, exit_device=True):
        command = [*QEMU[arch], *options, *COMMON, "-kernel", image, "-append", arguments]
        if not exit_device:
            command = [option for option in command if option not in EXIT_DEVICE[arch]]
        self.lines = []
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        arriving = queue.Queue()
        threading.Thread(target=self._read, args=(arriving,), daemon=True).start()
        self.status = None
        while True:
            try:
                line = arriving.get(timeout=max(0.0, self.began + DEADLINE - time.monotonic()))
            except queue.Empty:
                self.process.kill()
                break
            if line is None:
                break
            self.lines.append((time.monotonic() - self.began, line))
            on_line(line, self)
        left = max(1.0, self.began + DEADLINE - time.monotonic())
        try:
            self.status = self.process.wait(timeout=left)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.status is not None and self.status < 0:
            self.status = None
        self.process.stdin.close()

    def _read(self, arriving):
        for line in self.process.stdout:
            arriving.put(line.decode(errors="replace").strip())
        arriving.put(None)

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def text(self):
        return "\n".join(f"{at:8.3f} s  {line}" for at, line in self.lines)

    def when(self, start):
        """Seconds from QEMU's start to the first line that starts so."""
        return next((at for at, line in self.lines if line.startswith(start)), None)


def sum_of(data):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def fill(size):
    return bytes((at ^ at >> 8 ^ at >> 16) & 0xFF for at in range(size))


def inverted(data):
    return bytes(byte ^ 0xFF for byte in data)


def exit_status(arch, status):
    """What QEMU exits with when the image ends with `status`."""
    return status << 1 | 1 if arch == "x86_64" and status != 0 else status


def whole_selftest(tally, name, arch, image, options, scratch, verbose):
    pattern = fill(MIB)
    initrd = os.path.join(scratch, "initrd")
    with open(initrd, "wb") as file:
        file.write(pattern[: 300 * 1024 + 7])
    disk = os.path.join(scratch, "disk")
    with open(disk, "wb") as file:
        file.write(pattern)
    path = os.path.join(scratch, "socket")
    with TinyIvshmemServer(path, size=MIB, vectors=VECTORS) as server:
        server.write(0, pattern)

        def answer(line, run):
            if line == "# type k":
                time.sleep(0.05)  # so that it sleeps
                run.type("k")
            elif line.startswith("# ring "):
                time.sleep(0.05)
                server.ring(0, int(line.split()[-1]))

        run = Run(arch, image, [
            *options, "-initrd", initrd,
            "-chardev", f"socket,id=link,path={path}", "-device", f"ivshmem-doorbell,chardev=link,vectors={VECTORS}",
            "-object", f"memory-backend-file,id=disk,mem-path={disk},size=1M,share=on",
            "-device", "ivshmem-plain,memdev=disk",
        ], "flag word=hello number=0x10K twice=1 twice=2 empty= interactive ports=2 id=0 "
            f"vectors={VECTORS} window-size=1M plain-size=1M initrd-size={300 * 1024 + 7} "
            f"initrd-sum={sum_of(pattern[:300 * 1024 + 7]):#x}", answer)
        window_after = server.read(0, MIB)
    with open(disk, "rb") as file:
        disk_after = file.read()
    os.unlink(path)

    for _, line in run.lines:
        if line.startswith(("ok ", "not ok ")):
            tally.check(line.startswith("ok "), f"{name}: {line.split('ok ', 1)[1]}")
        elif verbose and line.startswith("#"):
            print(f"    {line}")
    ended = tally.check(run.status == 0 and run.lines and run.lines[-1][1] == "HAWSER-END status=0",
                        f"{name}: the machine ends by itself, with status 0")
    tally.check(window_after == inverted(pattern), f"{name}: others see what the guest wrote to the window")
    tally.check(disk_after == inverted(pattern), f"{name}: the file holds what the guest wrote to the plain window")
    if not ended:
        print(f"    exit status {run.status}; the console said:\n{run.text()}")
    main = run.when("# main after")
    if main is not None:
        print(f"    {name}: {main * 1000:.0f} ms from QEMU's start to main")


def clock_rate(tally, name, arch, image, options):
    """The guest's clock against ours. A busy machine delays either, a wrong rate does so every time."""
    for _ in range(8):
        run = Run(arch, image, options, "mark-time")
        start, end = run.when("# mark start"), run.when("# mark end")
        if start is None or end is None:
            break
        guest = int(run.text().split("# mark end ", 1)[1].split()[0]) / 1e9
        if abs(end - start - guest) < 0.02 * guest:
            break
    tally.check(start is not None and end is not None and abs(end - start - guest) < 0.02 * guest,
                f"{name}: the guest's clock agrees with ours within 2 %")


def large_windows(tally, arch, image, scratch):
    """BAR2 of 2 GiB, which must be placed above 4 GiB, next to more RAM than fits below."""
    size = 2 << 30
    pattern = fill(MIB)
    disk = os.path.join(scratch, "large")
    with open(disk, "wb") as file:
        file.truncate(size)
        file.write(pattern)
        file.seek(size - MIB)
        # The last MiB continues the pattern.
        file.write(bytes((at ^ at >> 8 ^ at >> 16) & 0xFF for at in range(size - MIB, size)))
    options = [o if o != "64" else "4096" for o in PLAINEST[arch]]
    run = Run(arch, image, [
        *options, "-object", f"memory-backend-file,id=disk,mem-path={disk},size=2G,share=on",
        "-device", "ivshmem-plain,memdev=disk"],
        "flag word=hello number=0x10K twice=1 twice=2 empty= ports=1 plain-size=2G")
    os.unlink(disk)
    if not tally.check(run.status == 0 and " 0 failed" in run.text(),
                       f"{arch}: a window of 2 GiB and 4 GiB of RAM are reached to their ends"):
        print(run.text())


def one_fault(tally, name, arch, image, options, fault):
    says, address = FAULTS[fault]
    run = Run(arch, image, options, f"fault={fault}")
    wanted = f"HAWSER-FAULT {says or TRAP[arch]} at instruction 0x"
    line = next((line for _, line in run.lines if line.startswith("HAWSER-FAULT")), "no line")
    good = line.startswith(wanted) and (address is None or line.endswith(f", address {address}"))
    good = good and run.lines[-1][1] == "HAWSER-END status=70" and run.status == exit_status(arch, 70)
    if not tally.check(good, f"{name}: fault {fault}: {line}"):
        print(f"    exit status {run.status}; the console said:\n{run.text()}")


def endings(tally, arch, image):
    """A failure's status, with the means to tell it and without."""
    run = Run(arch, image, PLAINEST[arch], "fault=unknown")
    tally.check(run.status == exit_status(arch, 1) and run.lines[-1][1] == "HAWSER-END status=1",
                f"{arch}: a status of 1 leaves QEMU as {exit_status(arch, 1)}")
    run = Run(arch, image, PLAINEST[arch], "fault=trap", exit_device=False)
    tally.check(run.status == 0 and run.lines[-1][1] == "HAWSER-END status=70",
                f"{arch}: where QEMU cannot be told the status, the machine still ends and the last line tells it")


def restarts(tally, name, arch, image, options):
    """Five restarts in place where the architecture has them, and one line where it has not."""
    run = Run(arch, image, options, "restart")
    oks = sum(line.startswith("ok ") for _, line in run.lines)
    if arch == "aarch64":
        good = run.status == 0 and oks == 3 * 6 and "not ok" not in run.text()
    else:
        good = run.status == exit_status(arch, 71) and "HAWSER-FAULT an image is restarted in place only on aarch64" in run.text()
    if not tally.check(good, f"{name}: an image that restarts in place is as it was loaded, but for what survives"
                       if arch == "aarch64" else f"{name}: a restart in place ends with a line"):
        print(f"    exit status {run.status}; the console said:\n{run.text()}")


def example(tally, arch, image, scratch):
    """The README's example, with this process as the peer that rings."""
    path = os.path.join(scratch, "socket")
    answers = []
    with TinyIvshmemServer(path, vectors=1) as server, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.connect(path)
        peer.recv(16)  # greeted, so it has id 0

        def ring(line, _):
            if line == "peer 1 answers peer 0":
                for _ in range(3):
                    server.ring(1, 0)
                    answers.append(server.rung(0, 0, DEADLINE))

        run = Run(arch, image, [*PLAINEST[arch], "-chardev", f"socket,id=link,path={path}", "-device",
                                "ivshmem-doorbell,chardev=link,vectors=1"], "peer=0 seconds=2", ring)
    os.unlink(path)
    tally.check(run.status == 0 and answers == [True] * 3 and "answered 3 rings; 1024 KiB are shared" in run.text(),
                f"{arch}: the example answers every ring")


def poor_machines(tally, image):
    run = Run("aarch64", image, ["-machine", "virt,gic-version=2", "-cpu", "cortex-a57", "-m", "64"], "")
    tally.check(run.status == 71 and "HAWSER-FAULT the machine has no GICv3" in run.text(),
                "aarch64: a machine without GICv3 is refused in one line")
    run = Run("aarch64", image, ["-machine", "virt,gic-version=3,its=off", "-cpu", "cortex-a57", "-m", "64"],
              "flag word=hello number=0x10K twice=1 twice=2 empty=")
    tally.check(run.status == 0 and "the machine has no ITS: no message interrupts" in run.text(),
                "aarch64: a machine without ITS runs, and says what it lacks")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--verbose", action="store_true", help="also print the guests' own remarks")
    parser.add_argument("arch", nargs="*", default=["aarch64", "x86_64"])
    arguments = parser.parse_args()
    tally = Tally()
    for arch in arguments.arch:
        image = os.path.join(arguments.build, f"guest-{arch}", "guests", "baremetal", "selftest.img")
        if not tally.check(os.path.exists(image), f"{arch}: the self-test image is built"):
            print(f"    {image} is missing: build it with ./dev build")
            continue
        size = os.path.getsize(image)
        tally.check(size <= IMAGE_LIMIT, f"{arch}: the image of {size} bytes is below 256 KiB")
        with tempfile.TemporaryDirectory(prefix="hawser-") as scratch:
            for name, (runs_on, options) in MACHINES.items():
                if runs_on == arch:
                    whole_selftest(tally, name, arch, image, options, scratch, arguments.verbose)
                    clock_rate(tally, name, arch, image, options)
                    # The MMU is on, and exceptions arrive where they should.
                    one_fault(tally, name, arch, image, options, "write-code")
                    restarts(tally, name, arch, image, options)
            large_windows(tally, arch, image, scratch)
            example(tally, arch, os.path.join(os.path.dirname(image), "example.img"), scratch)
        for fault in FAULTS:
            one_fault(tally, arch, arch, image, PLAINEST[arch], fault)
        endings(tally, arch, image)
        if arch == "aarch64":
            poor_machines(tally, image)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.passed and not tally.failed else 1


if __name__ == "__main__":
    sys.exit(main())
