# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Who takes part: Hawser, and each peer, as something that does one job when it is its turn."""

import dataclasses
import json
import os
import pathlib
import re
import select
import shutil
import statistics
import subprocess
import time

from program import Failed, end, package, start

PATIENCE = 30  # seconds in which whoever is asked for anything has to answer
NULL_DISK, FILE_DISK = "null", "file"
DISK_BYTES = 64 << 20
BLOCK_BYTES = 4096
SLICE = 0.002  # seconds: native/plan.hpp's kSliceNs


@dataclasses.dataclass
class Sample:
    """Nanoseconds of one: a round trip, a frame, a request."""
    ns: float
    latency: dict | None = None


@dataclasses.dataclass
class Surroundings:
    hawser: str
    programs: pathlib.Path  # ours, that do jobs over peers
    peers: pathlib.Path     # built from other people's sources
    folder: pathlib.Path    # for sockets
    cores: tuple


class Contender:
    """`name` within its row. One of Hawser's is held against the best of its `rivals`."""

    def __init__(self, name, what, params=None, rivals=()):
        self.name, self.what, self.params, self.rivals = name, what, params or {}, rivals
        self.command = ""

    def missing(self, _here):
        """Why it can not take part and what to do about it, or None."""

    def version(self, _here):
        """Of what it is made of, where that is not Hawser; or None."""

    def begin(self, here):
        """Before the first sample of a row."""

    def sample(self, here, seconds):
        raise NotImplementedError

    def finish(self):
        """After the last; also when there was none."""


class Hawser(Contender):
    """One figure of `hawser bench`."""

    def __init__(self, name, suite, figure, what, params=None, rivals=()):
        super().__init__(name, what, params, rivals)
        self.words = ["bench", suite, "--only", figure]
        self.suite, self.figure = suite, figure

    def sample(self, here, seconds):
        # Without --quick, whose slices are shorter than the peers'.
        command = [here.hawser, *self.words, "--json", "--cores", ",".join(map(str, here.cores)),
                   "--rounds", max(3, round(seconds / SLICE))]
        running = start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                        env={**os.environ, "TMPDIR": str(here.folder)})
        try:
            said = running.communicate(timeout=PATIENCE)[0]
        except subprocess.TimeoutExpired:
            raise Failed(f"`hawser {' '.join(self.words)}` did not end") from None
        finally:
            end(running)
        return self.read(said)

    def read(self, said):
        try:
            [suite] = json.loads(said)["suites"]
        except (ValueError, KeyError):
            raise Failed(f"`hawser {' '.join(self.words)}` measured nothing") from None
        for figure in suite["figures"]:
            if figure["name"] == self.figure:
                self.command = figure["command"]
                latency = {n: v for n, v in figure["latency"].items() if n != "histogram"} if "latency" in figure else None
                return Sample(figure["median"] if figure["unit"] == "ns" else 1e9 / figure["median"], latency)
        raise Failed(next((skip["why"] for skip in suite["skips"] if skip["name"] == self.figure), "it was not measured"))


class Ringtest(Contender):
    """A program of Linux's tools/virtio/ringtest. It says nothing: a run is timed from outside, less one of one cycle."""

    RUN = 0.02  # seconds

    def __init__(self, program, what, words):
        super().__init__(f"ringtest.{program}", f"Linux tools/virtio/ringtest, {what}")
        self.program, self.words = program, words
        self.cycles = 0

    def file(self, here):
        return here.peers / "ringtest" / self.program

    def missing(self, here):
        if not self.file(here).exists():
            return f"{self.file(here)} is missing; ./dev bench peers makes it, from Debian's source package of Linux"
        return None

    def version(self, here):
        file = self.file(here).parent / "version"
        return f"ringtest of {file.read_text().strip()}" if file.exists() else None

    def begin(self, here):
        empty = [self.run(here, 1) for _ in range(5)]
        self.start_up, self.switches = min(took for took, _ in empty), max(switches for _, switches in empty)
        self.cycles = 20000
        while (took := self.run(here, self.cycles)[0] - self.start_up) < self.RUN / 2:
            self.cycles = round(self.cycles * min(16, self.RUN / max(took, 1e-4)))

    def run(self, here, cycles):
        """Seconds, and how often it had to make room for others."""
        words = ["--guest-affinity", here.cores[0], "--host-affinity", here.cores[1], *self.words, "--run-cycles", cycles]
        self.command = " ".join(map(str, [self.program, *words]))
        running = start([self.file(here), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        try:
            _, status, usage = os.wait4(running.pid, 0)
            took = time.monotonic() - began
            running.returncode = os.waitstatus_to_exitcode(status)
        finally:
            end(running)
        if running.returncode:
            raise Failed(f"{self.program} ended with status {running.returncode}")
        return took, usage.ru_nivcsw

    def sample(self, here, seconds):
        clean = []
        began = time.monotonic()
        while (spent := time.monotonic() - began) < seconds or not clean and spent < 2.5 * seconds:
            took, switches = self.run(here, self.cycles)
            if switches <= self.switches and took > self.start_up:
                clean.append((took - self.start_up) * 1e9 / self.cycles)
        if not clean:
            raise Failed("disturbed in every run: this machine is too busy")
        return Sample(statistics.median(clean))


class Program(Contender):
    """A program of ours over a peer's library: it takes jobs, a line each (src/job.hpp)."""

    def __init__(self, name, what, program, install, job, words=(), stays=False, params=None):
        super().__init__(name, what, params)
        self.program, self.install, self.job, self.words, self.stays = program, install, job, words, stays
        self.running = None

    def missing(self, here):
        if not (here.programs / self.program).exists():
            return f"{self.program} was not built; apt install {self.install}, then ./dev bench peers"
        return None

    def version(self, _here):
        return package(self.install)

    def arguments(self, here):
        return [here.folder, *here.cores, *self.words]

    def open(self, here):
        self.running = start([here.programs / self.program, *self.arguments(here)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.answer()

    def answer(self):
        """A line that is an object; what libraries print besides is none."""
        until = time.monotonic() + PATIENCE
        text = b""
        while select.select([self.running.stdout], [], [], max(0, until - time.monotonic()))[0]:
            if not (data := os.read(self.running.stdout.fileno(), 4096)):
                break
            text += data
            if found := re.search(rb"^\{.*\}\n", text, re.MULTILINE):
                return json.loads(found[0])
        self.running.kill()
        why = self.running.stderr.read().decode(errors="replace").strip().splitlines()
        self.close()  # the next sample begins anew
        raise Failed(f"{self.program}: {why[-1] if why else 'it did not answer'}")

    def sample(self, here, seconds):
        if not self.running:
            self.open(here)
        job = f"{self.job} {round(seconds * 1000)}"
        self.command = f"echo {job} | {' '.join(map(str, [self.program, *self.arguments(here)]))}"
        try:
            self.running.stdin.write(f"{job}\n".encode())
            self.running.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why
        said = self.answer()
        if not self.stays:
            self.close()
        if "why" in said:
            raise Failed(said["why"])
        return Sample(said["ns"], said.get("latency"))

    def close(self):
        if self.running:
            self.running.stderr.close()
            end(self.running)
            self.running = None

    def finish(self):
        self.close()


class StorageDaemon(Program):
    """qemu-storage-daemon's vhost-user-blk with Hawser's driver before it."""

    WHAT = {NULL_DISK: "a disk that is no memory, only zeroes", FILE_DISK: "a file in memory, io_uring"}

    def __init__(self, disk, depth):
        super().__init__(f"qsd.{disk}", f"qemu-storage-daemon over vhost-user, polled; {self.WHAT[disk]}", "vhost-user-blk",
                         "qemu-system-common", f"{depth} read", params={"format": "split"})
        self.disk = disk
        self.daemon = self.file = None

    def missing(self, here):
        if not shutil.which("qemu-storage-daemon"):
            return "qemu-storage-daemon is missing; apt install qemu-system-common"
        return super().missing(here)

    def begin(self, here):
        self.socket = here.folder / f"qsd-{self.disk}"
        self.socket.unlink(missing_ok=True)
        disk = f"driver=null-co,read-zeroes=on,size={DISK_BYTES}"
        if self.disk == FILE_DISK:
            # Without a name: the daemon reads it by its number, and it goes when both are gone.
            self.file = os.memfd_create("disk", 0)
            with open(self.file, "r+b", closefd=False) as file:
                file.truncate(DISK_BYTES)
                for block in range(DISK_BYTES // BLOCK_BYTES):
                    file.seek(block * BLOCK_BYTES)
                    file.write(block.to_bytes(8, "little").ljust(BLOCK_BYTES, b"\0"))
            disk = f"driver=file,filename=/proc/self/fd/{self.file},aio=io_uring,locking=off"
        command = ["qemu-storage-daemon", "--blockdev", f"{disk},node-name=disk", "--object", "iothread,id=io", "--export",
                   f"type=vhost-user-blk,id=export,node-name=disk,addr.type=unix,addr.path={self.socket},iothread=io,writable=on"]
        self.daemon = start(["taskset", "-c", here.cores[1], *command], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                            pass_fds=[self.file] if self.file else [])
        until = time.monotonic() + PATIENCE
        while not self.socket.exists():
            if self.daemon.poll() is not None:
                raise Failed(f"qemu-storage-daemon: {self.daemon.stderr.read().decode(errors='replace').strip()[-300:]}")
            if time.monotonic() > until:
                raise Failed("qemu-storage-daemon did not start")
            time.sleep(0.02)

    def arguments(self, here):
        return [self.socket, here.cores[0], self.daemon.pid, "plain" if self.disk == NULL_DISK else "numbered"]

    def finish(self):
        super().finish()
        if self.daemon:
            self.daemon.stderr.close()
            end(self.daemon)
            self.daemon = None
        if self.file is not None:
            os.close(self.file)
            self.file = None
