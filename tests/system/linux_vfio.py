#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""A Linux guest with an IOMMU serves, and uses, through vfio-pci, without a module of ours.

    linux_vfio.py --hawser PROGRAM --images FOLDER

FOLDER/linux/x86_64 has kernel and initramfs: ./dev demo linux and ./dev test make them.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

import kit
from kit import eventually

ADDRESS = "0000:00:04.0"
LINK = f"--link vfio:{ADDRESS}"
SERVE = f"hawser serve {LINK} --device blk,memory=8M --device rng"
IOMMU = ("-device", "intel-iommu,intremap=on")


class Guest:
    """A shell on the serial port of a guest with the device."""

    def __init__(self, test, images, window, iommu):
        self.path = f"{test.folder}/guest-{time.monotonic_ns()}"
        self.read = 0
        words = ["console=ttyS0", "quiet", "panic=-1", "no_timer_check", "role=shell"]
        command = ["qemu-system-x86_64", "-M", "q35,kernel-irqchip=split", "-bios", "qboot.rom", "-cpu", "max", "-accel", "tcg",
                   "-smp", "1,maxcpus=2", "-m", "256", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
                   "-net", "none", "-kernel", images / "kernel", "-initrd", images / "initramfs"]
        if iommu:
            command += IOMMU
            words.append("intel_iommu=on")
        command += ["-append", " ".join(words), "-chardev", f"socket,id=window,path={window}",
                    "-device", "ivshmem-doorbell,chardev=window,vectors=4,addr=4"]
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)
        test.addCleanup(self.end)
        self.awaits("# ", 100)
        # An interactive shell edits and echoes its lines: it reads them for another.
        self.types("stty -echo; while read -r words; do eval \"$words\"; echo \"=$?=\"; done")

    def end(self):
        self.process.kill()
        self.process.wait(20)
        self.process.stdin.close()

    def types(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def said(self):
        return pathlib.Path(self.path).read_bytes().decode(errors="replace").replace("\r", "")

    def awaits(self, words, seconds):
        """What comes before these words, after what was read before."""
        eventually(lambda: words in self.said()[self.read:] or self.process.poll() is not None, seconds)
        before, found, _ = self.said()[self.read:].partition(words)
        if not found:
            raise AssertionError(f"the guest did not say '{words}' within {seconds} s:\n{self.said()[-3000:]}")
        self.read += len(before) + len(words)
        return before

    def does(self, line, status=0):
        self.types(line + " 2>&1")
        said = self.awaits(f"={status}=\n", 30)
        return " ".join(said.split())


class Vfio(kit.Case):
    hawser = images = None  # set below

    def window(self):
        path = f"{self.folder}/window.sock"
        server = self.start(self.hawser, "ivshmem-server", "--socket", path, "--size", "4M")
        self.assertTrue(eventually(lambda: os.path.exists(path)), server.said())
        return path

    def guest(self, window, iommu=True):
        return Guest(self, self.images, window, iommu)

    def used(self, window):
        use = self.ended(self.hawser, "use", "--link", f"ivshmem:{window}", "--verify", "--bytes", "1M")
        self.assertEqual(use.returncode, 0, use.stdout + use.stderr)
        self.assertIn("blk0", use.stdout)

    def test_a_guest_serves_once_what_the_refusal_says_is_typed_and_again_after_a_kill_and_uses(self):
        window = self.window()
        guest = self.guest(window)
        refusal = guest.does(SERVE, 2)
        self.assertIn("is bound to no driver, not to vfio-pci; as root: modprobe", refusal)
        guest.does(refusal.partition("as root: ")[2])

        guest.does(f"{SERVE} >/tmp/log 2>&1 & true")
        self.used(window)
        log = guest.does("cat /tmp/log")
        self.assertEqual(log.count("uncached"), 1, log)
        self.assertIn("serving as peer 0 of " + ADDRESS, log)
        self.assertIn("in use by another process", guest.does(SERVE, 2))
        interrupts = guest.does("awk '/vfio-msix/ { print $2 }' /proc/interrupts").split()
        self.assertEqual(len(interrupts), 4, interrupts)
        self.assertTrue(int(interrupts[0]) and int(interrupts[1]), interrupts)  # messages, marks

        guest.does("kill -9 $!; wait $!", 137)
        self.assertEqual(guest.does("grep -c vfio-msix /proc/interrupts", 1), "0")
        guest.does(f"{SERVE} >/tmp/log 2>&1 & true")
        self.used(window)
        guest.does("kill $!; wait $!")
        self.assertIn("stopped", guest.does("cat /tmp/log"))

        self.start(self.hawser, "serve", "--link", f"ivshmem:{window}", "--device", "blk,memory=8M")
        self.assertIn("blk0", guest.does(f"hawser use {LINK} --verify --bytes 1M"))
        self.assertNotIn("hawser", guest.does("lsmod"))
        self.assertEqual(guest.does("cat /proc/sys/kernel/tainted"), "0")

    def test_a_guest_without_an_iommu_is_told_what_it_takes(self):
        guest = self.guest(self.window(), iommu=False)
        self.assertIn(f"{ADDRESS} is in no IOMMU group", guest.does(SERVE, 2))
        self.assertIn(f"there is no PCI function 0000:00:09.0; ivshmem devices are at {ADDRESS}",
                      guest.does(SERVE.replace(ADDRESS, "00:09.0"), 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hawser", required=True)
    parser.add_argument("--images", required=True)
    chosen, rest = parser.parse_known_args()
    images = pathlib.Path(chosen.images, "linux", "x86_64")
    if not shutil.which("qemu-system-x86_64") or not (images / "initramfs").exists():
        print("skipped: no Linux guest for x86_64 is built, or there is no QEMU for it; ./dev demo linux makes it")
        return 77
    Vfio.hawser, Vfio.images = os.path.abspath(chosen.hawser), images
    sys.argv[1:] = rest
    return kit.main(side_by_side=True)


if __name__ == "__main__":
    sys.exit(main())
