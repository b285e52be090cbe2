#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""A Linux guest with an IOMMU serves, and uses, through vfio-pci, without a module of ours.

    linux_vfio.py --hawser PROGRAM --images FOLDER

FOLDER/linux/x86_64 has kernel and initramfs: ./dev demo linux and ./dev test make them.
"""

import argparse
import sys
import time

import kit
import linux_kit
from shell import Shell, qemu  # beside the image, where linux_kit looks for it

ADDRESS = "0000:00:04.0"
LINK = f"--link vfio:{ADDRESS}"
SERVE = f"hawser serve {LINK} --device blk,memory=8M --device rng"
IOMMU = ("-device", "intel-iommu,intremap=on")
# As on a machine that gives its kernel no random numbers to begin with: it has none of its own for a long time.
NO_SEED = ("random.trust_cpu=off", "random.trust_bootloader=off")


class Guest(Shell):
    def does(self, line, status=0):
        """What it says, in one line."""
        return " ".join(super().does(line, 30, status).split())


class Vfio(linux_kit.Case):
    def guest(self, window, iommu=True):
        devices = [*(IOMMU if iommu else ()), "-chardev", f"socket,id=window,path={window}",
                   "-device", f"ivshmem-doorbell,chardev=window,vectors=4,addr={int(ADDRESS[8:10], 16)}"]
        words = [*NO_SEED, *(["intel_iommu=on"] if iommu else ())]
        command = qemu(self.images, devices, words, machine="q35,kernel-irqchip=split", memory=256)
        guest = Guest(command, f"{self.folder}/guest-{time.monotonic_ns()}.console")
        self.addCleanup(guest.end)
        return guest.ready()

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


if __name__ == "__main__":
    linux_kit.chosen(argparse.ArgumentParser(description=__doc__))
    sys.exit(kit.main(side_by_side=True))
