# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Linux guests that a test talks to: a shell on the serial port, and what the kernel had to complain of."""

import argparse
import os
import pathlib
import re
import shutil
import sys
import time

import kit
from kit import eventually

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[2] / "guests" / "linux" / "image"))
from shell import Shell, qemu  # noqa: E402

# What the kernel says when it, or a module, did wrong. None of it may ever come of a peer.
COMPLAINTS = re.compile(r"WARNING:|BUG[: ]|Oops|Call Trace|KASAN|UBSAN|DMA-API|ODEBUG|lockdep|INFO: possible|suspicious RCU|"
                        r"general protection|kernel panic|Unable to handle|soft lockup|stall|refcount_t|memory leak", re.I)
# Says what it watches for when it starts, or that a test slept long on a busy host.
HARMLESS = re.compile(r"clocksource|Running RCU|lockdep is|Lock dependency validator|kasan: KernelAddressSanitizer|"
                      r"MAX_LOCKDEP|RCU lockdep|rcu: \tRCU|kmemleak: Kernel memory leak detector initialized|tsc: ")


def where(images):
    """Folder of the x86_64 guest's kernel and initramfs, or None."""
    folder = pathlib.Path(images, "linux", "x86_64")
    there = shutil.which("qemu-system-x86_64") and all((folder / name).exists() for name in ("kernel", "initramfs"))
    return folder if there else None


def looks_at_itself(images):
    """Whether this kernel is that of tools/linux_debug.sh: slow, and large."""
    return "debug" in pathlib.Path(images, "version").read_text()


class Guest(Shell):
    """Sees what the kernel complains of. `words` go to its command line, `devices` to QEMU's."""

    def __init__(self, folder, images, window=None, disk=None, words=(), devices=(), memory=384, vectors=8, **machine):
        patience = 1
        if looks_at_itself(images):
            memory, patience = 3 * memory, 8
        devices = [*devices]
        if window:
            devices += ["-chardev", f"socket,id=window,path={window}",
                        "-device", f"ivshmem-doorbell,chardev=window,vectors={vectors}"]
        if disk:
            devices += ["-drive", f"if=none,id=disk,format=raw,file={disk}", "-device", "virtio-blk-pci,drive=disk"]
        super().__init__(qemu(images, devices, words, memory=memory, **machine),
                         f"{folder}/guest-{time.monotonic_ns()}.console", patience=patience)

    def ready(self, seconds=120):
        """Its modules for the drivers are loaded as the driver role loads them."""
        super().ready(seconds)
        self.does("modprobe -a virtio_blk virtio_net virtio_console virtio-rng ext4 crc32c_generic tun; dmesg -c >/dev/null")
        return self

    def complaints(self):
        """Lines of the kernel's log that no log should have."""
        log = self.does("dmesg -c", 60)
        lines = log.splitlines()
        return [line for n, line in enumerate(lines) if COMPLAINTS.search(line) and not HARMLESS.search(line)], log


class Case(kit.Case):
    """With guests and windows that are ended."""

    hawser = None  # set by the script
    images = None

    def setUp(self):
        super().setUp()
        if not self.images:
            self.skipTest("SKIPPED: no Linux guest for x86_64 is built, or QEMU is missing; ./dev demo linux makes it")

    def window(self, size="16M"):
        path = f"{self.folder}/window-{time.monotonic_ns()}.sock"
        server = self.start(self.hawser, "ivshmem-server", "--socket", path, "--size", size)
        self.assertTrue(eventually(lambda: os.path.exists(path)), server.said())
        return path

    def serve(self, path, *devices, options=()):
        words = [word for device in devices for word in ("--device", device)]
        return self.start(self.hawser, "serve", "--link", f"ivshmem:{path}", *options, *words)

    def guest(self, *words, **more):
        guest = Guest(self.folder, self.images, *words, **more)
        self.addCleanup(guest.end)
        return guest

    def expect_content(self, guest):
        """That the guest's kernel has nothing to complain of since it was last asked."""
        complaints, log = guest.complaints()
        self.assertFalse(complaints, log)
        self.assertEqual(self.taint(guest) & ~0x3000, 0, log)  # modules from outside, not signed
        if looks_at_itself(self.images):  # lockdep goes away when it has found something, or has run out of memory
            self.assertTrue(guest.says_yes("grep -q 'debug_locks: *1' /proc/lockdep_stats"), log)
        return log

    def expect_no_leak(self, guest):
        """Of kernels that look for leaks: that there is none. Takes the age after which one is believed, 5 seconds."""
        if guest.says_yes("mountpoint -q /sys/kernel/debug || mount -t debugfs d /sys/kernel/debug; "
                          "[ -e /sys/kernel/debug/kmemleak ]"):
            leaks = guest.does("for scan in 1 2 3; do sleep 6; echo scan >/sys/kernel/debug/kmemleak || return 1; done; "
                               "cat /sys/kernel/debug/kmemleak", 300)
            self.assertEqual(leaks, "")

    @staticmethod
    def taint(guest):
        return int(guest.does("cat /proc/sys/kernel/tainted"))


def chosen(parser):
    """What the command line says, besides where everything is; the rest of it is for the tests' runner."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--hawser", required=True, type=os.path.abspath)
    parser.add_argument("--images", required=True, type=os.path.abspath)
    said, rest = parser.parse_known_args()
    Case.hawser, Case.images = said.hawser, where(said.images)
    sys.argv[1:] = rest
    return said
