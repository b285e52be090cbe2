# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Linux guests that a test talks to: a shell on the serial port, and what the kernel had to complain of."""

import base64
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import kit
from kit import eventually

# What the kernel says when it, or a module, did wrong. None of it may ever come of a peer.
COMPLAINTS = re.compile(r"WARNING:|BUG[: ]|Oops|Call Trace|KASAN|UBSAN|DMA-API|ODEBUG|lockdep|INFO: possible|suspicious RCU|"
                        r"general protection|kernel panic|Unable to handle|soft lockup|stall|refcount_t|memory leak", re.I)
# Says what it watches for when it starts, or that a test slept long on a busy host.
HARMLESS = re.compile(r"clocksource|Running RCU|lockdep is|Lock dependency validator|kasan: KernelAddressSanitizer|"
                      r"MAX_LOCKDEP|RCU lockdep|rcu: \tRCU|kmemleak: Kernel memory leak detector|tsc: ")


def where(images):
    """Folder of the x86_64 guest's kernel and initramfs, or None."""
    folder = pathlib.Path(images, "linux", "x86_64")
    there = shutil.which("qemu-system-x86_64") and all((folder / name).exists() for name in ("kernel", "initramfs"))
    return folder if there else None


def looks_at_itself(images):
    """Whether this kernel is that of tools/linux_debug.sh: slow, and large."""
    return "debug" in pathlib.Path(images, "version").read_text()


class Guest:
    """QEMU with a Linux guest in it. `words` go to the kernel's command line."""

    patience = 1  # what each limit is multiplied by

    def __init__(self, folder, images, window=None, disk=None, words=("role=shell",), memory=384, processors=1, vectors=8):
        self.at = 0  # how far its console has been read
        if looks_at_itself(images):
            memory, self.patience = 3 * memory, 8
        self.path = f"{folder}/guest-{time.monotonic_ns()}.console"
        command = ["qemu-system-x86_64", "-M", "q35", "-bios", "qboot.rom", "-cpu", "max", "-accel", "tcg",
                   "-m", str(memory), "-smp", str(processors), "-nodefaults", "-display", "none", "-serial", "stdio",
                   "-no-reboot", "-net", "none", "-kernel", images / "kernel", "-initrd", images / "initramfs", "-append",
                   " ".join(["console=ttyS0", "quiet", "panic=-1", "no_timer_check", *words])]
        if window:
            command += ["-chardev", f"socket,id=window,path={window}",
                        "-device", f"ivshmem-doorbell,chardev=window,vectors={vectors}"]
        if disk:
            command += ["-drive", f"if=none,id=disk,format=raw,file={disk}", "-device", "virtio-blk-pci,drive=disk"]
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=out,
                                            stderr=subprocess.STDOUT)

    def console(self):
        return pathlib.Path(self.path).read_bytes().decode(errors="replace").replace("\r", "")

    def running(self):
        return self.process.poll() is None

    def tail(self, lines=30):
        return "\n".join(self.console().splitlines()[-lines:])

    def await_words(self, words, seconds):
        """Waits until the console says them, after what was read before. Gives what came until there."""
        text = ""

        def there():
            nonlocal text
            text = self.console()[self.at:]
            return re.search(words, text) or not self.running()

        seconds *= self.patience
        eventually(there, seconds)
        found = re.search(words, text)
        if not found:
            raise AssertionError(f"within {seconds} s the guest did not say {words}; it said:\n{self.tail()}")
        self.at += found.end()
        return text[:found.start()]

    def ready(self, seconds=120):
        """Once its shell is there. Its modules for the drivers are loaded as the driver role loads them."""
        self.await_words(r"# ", seconds)
        # An interactive shell edits its lines, so they go around it, and are its children's no input.
        self.type("stty -echo; while read -r words; do echo $words | base64 -d >/tmp/words; "
                  '{ . /tmp/words; } 2>&1 </dev/null; echo "=$?="done; done')
        self.does("modprobe -a virtio_blk virtio_net virtio_console virtio-rng ext4 crc32c_generic tun; dmesg -c >/dev/null")
        return self

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def does(self, commands, seconds=60, status=0):
        """What they say. `status` None: whatever it is."""
        self.type(base64.b64encode(f"{commands}\n".encode()).decode())
        said = self.await_words(r"=(?=\d+=done\n)", seconds)
        got = self.await_words(r"=done\n", 5)
        if status is not None and int(got) != status:
            raise AssertionError(f"status {got} of: {commands}\n{said}")
        return said.strip("\n")

    def says_yes(self, commands, seconds=60):
        return self.does(f"if {commands}; then echo yes; else echo no; fi", seconds).endswith("yes")

    def eventually(self, commands, seconds=30):
        """Whether these succeed at last."""
        return kit.eventually(lambda: self.says_yes(commands), seconds * self.patience)

    def complaints(self):
        """Lines of the kernel's log that no log should have."""
        log = self.does("dmesg -c", 60)
        lines = log.splitlines()
        return [line for n, line in enumerate(lines) if COMPLAINTS.search(line) and not HARMLESS.search(line)], log

    def end(self, number=signal.SIGKILL):
        if self.running():
            self.process.send_signal(number)
        self.process.wait(20)
        self.process.stdin.close()


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
            leaks = guest.does("for scan in 1 2 3; do sleep 6; echo scan >/sys/kernel/debug/kmemleak; done; "
                               "cat /sys/kernel/debug/kmemleak", 300)
            self.assertEqual(leaks, "")

    @staticmethod
    def taint(guest):
        return int(guest.does("cat /proc/sys/kernel/tainted"))
