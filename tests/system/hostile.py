#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""A whole hostile driver against `hawser serve` and against the device guest, and a whole hostile device against
`hawser use`, over real windows. Afterwards an honest driver gets everything from the same, never restarted server; and
`use` has ended in bounded time with a sentence.

    hostile.py --hawser PROGRAM --party PROGRAM --images FOLDER [--seed N] [unittest arguments]
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import sys
import time

import kit
from kit import eventually

CHOSEN = None  # set by main()


class Case(kit.Case):
    def setUp(self):
        super().setUp()
        self.windows = 0

    def window(self):
        self.windows += 1
        path = f"{self.folder}/window-{self.windows}.sock"
        server = self.start(CHOSEN.hawser, "ivshmem-server", "--socket", path, "--size", "16M")
        self.assertTrue(eventually(lambda: os.path.exists(path)), server.said())
        return path

    def party(self, path, how, seconds):
        return self.start(CHOSEN.party, path, how, CHOSEN.seed, seconds)

    def expect_attacked(self, party):
        """That the attacks got somewhere: an attack that nobody notices proves nothing."""
        self.assertEqual(party.wait(60), 0, party.said())
        reached = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", party.out())}
        print(f"    {party.out().strip()}", file=sys.stderr)
        for key, least in (("sessions", 3), ("messages", 1000), ("answers", 200), ("lies", 2), ("rows", 3), ("queues", 4),
                           ("running", 3), ("poisoned", 40), ("completed", 1)):
            self.assertGreaterEqual(reached[key], least, reached)

    def expect_full_service(self, path, devices):
        done = self.ended(CHOSEN.hawser, "use", "--verify", "--json", "--link", f"ivshmem:{path}", "--patience", "10")
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        rows = json.loads(done.stdout)["results"]
        self.assertEqual({row["device"] for row in rows}, devices)
        self.assertTrue(all(row["verified"] for row in rows))
        self.assertFalse([row for row in rows if "note" in row], "the server was not steady")


class HostileDriver(Case):
    def test_a_process_that_serves_outlives_it_and_serves_the_next_one(self):
        disk = self.disk(8 << 20)
        path = self.window()
        words = [word for device in ("blk,memory=8M", "net,echo", "console,echo", "rng", f"blk,file={disk}") for word in ("--device", device)]
        serving = self.start(CHOSEN.hawser, "serve", "--link", f"ivshmem:{path}", *words)
        self.assertTrue(serving.says("serving as peer"), serving.said())
        self.expect_attacked(self.party(path, "driver", 1))
        self.expect_full_service(path, {"blk0", "net1", "console2", "rng3", "blk4"})
        self.assertTrue(serving.running(), serving.said())
        self.assertLess(len(serving.said().splitlines()), 60, "a peer must not fill logs")

    def test_a_driver_that_takes_no_frames_does_not_keep_a_process_busy(self):
        """Somebody calls on a forwarded port, and the device has no queue that would have its network looked at."""
        path = self.window()
        with socket.create_server(("127.0.0.1", 0)) as free:
            number = free.getsockname()[1]
        serving = self.start(CHOSEN.hawser, "serve", "--link", f"ivshmem:{path}", "--device", f"net,user,forward=tcp:{number}:80")
        self.assertTrue(serving.says("serving as peer"), serving.said())
        party = self.party(path, "driver-without-queues", 20)
        self.assertTrue(eventually(lambda: "running" in party.out()), party.said())
        self.assertNotIn("not", party.out())
        with socket.create_connection(("127.0.0.1", number)):
            before, began = serving.processor_seconds(), time.monotonic()
            time.sleep(2)
            share = (serving.processor_seconds() - before) / (time.monotonic() - began)
        self.assertTrue(party.running(), party.said())
        print(f"    processor used: {share:.0%}", file=sys.stderr)
        self.assertLess(share, 0.25, "it is busy with what nobody takes")

    def test_a_guest_that_serves_outlives_it_and_serves_the_next_one(self):
        image = pathlib.Path(CHOSEN.images, "guest-x86_64/guests/baremetal/hawser-device.img")
        if not image.exists():
            self.skipTest(f"SKIPPED: there is no image {image}; ./dev build makes it")
        if shutil.which("qemu-system-x86_64") is None:
            self.skipTest("SKIPPED: qemu-system-x86_64 is not installed")
        path = self.window()
        guest = self.start("qemu-system-x86_64", "-M", "q35", "-bios", "qboot.rom", "-device", "isa-debug-exit,iobase=0xf4",
                           "-cpu", "max", "-accel", "tcg", "-smp", "1,maxcpus=2", "-m", "128", "-nodefaults", "-display", "none",
                           "-serial", "stdio", "-no-reboot", "-net", "none", "-kernel", image, "-chardev", f"socket,id=window,path={path}",
                           "-device", "ivshmem-doorbell,chardev=window,vectors=8")
        self.assertTrue(eventually(lambda: "block of " in guest.out()), guest.said())
        self.expect_attacked(self.party(path, "driver", 1))
        self.expect_full_service(path, {"blk0", "net1", "console2", "rng3"})
        self.assertTrue(guest.running(), guest.out() + guest.said())
        self.assertEqual(guest.out().count("block of "), 1, "it never started again")


class HostileDevice(Case):
    def test_a_process_that_uses_ends_in_time_with_a_sentence(self):
        kinds = ("silent", "lies", "rings", "window")
        parties, running = [], []
        for kind in kinds:
            path = self.window()
            parties.append(self.party(path, f"device-{kind}", 60))
            running.append(self.start(CHOSEN.hawser, "use", "--verify", "--link", f"ivshmem:{path}", "--patience", "1"))
        started = time.monotonic()
        for kind, party, use in zip(kinds, parties, running):
            with self.subTest(kind):
                status = use.wait(40)
                said = use.out() + use.said()
                print(f"    device-{kind}: status {status} after {time.monotonic() - started:.1f} s: "
                      f"{said.strip().splitlines()[-1][:150]}", file=sys.stderr)
                self.assertEqual(status, 1, said)
                self.assertRegex(said, r"(?m)^hawser: \w|NO \(\w")  # a sentence, or a row that says what is not verified
                self.assertTrue(party.running(), f"the attack had ended: {party.said()}")


def main():
    global CHOSEN
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hawser", required=True, type=os.path.abspath)
    parser.add_argument("--party", required=True, type=os.path.abspath)
    parser.add_argument("--images", required=True, type=os.path.abspath)
    parser.add_argument("--seed", type=int, default=1)
    CHOSEN, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    kit.main(side_by_side=True)


if __name__ == "__main__":
    main()
