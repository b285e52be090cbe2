# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""A Linux guest under QEMU, the machine that `hawser boot` makes too, with a shell to talk to on its serial port."""

import base64
import os
import re
import select
import subprocess
import time

from program import Failed, start


class Guest:
    """`devices`: further words for QEMU."""

    def __init__(self, name, kernel, initramfs, devices, memory=640):
        self.name = name
        self.text = ""  # of its console, not yet read
        command = ["qemu-system-x86_64", "-M", "q35", "-bios", "qboot.rom", "-cpu", "max,-erms", "-accel", "tcg", "-name", name,
                   "-m", memory, "-smp", "1,maxcpus=2", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
                   "-kernel", kernel, "-initrd", initramfs, "-append", "console=ttyS0 quiet panic=-1 no_timer_check nr_cpus=1 role=shell",
                   *devices]
        self.process = start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)

    def read(self, seconds):
        """What its console says, as soon as it says something. False: it has ended."""
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return True
        data = os.read(self.process.stdout.fileno(), 65536)
        self.text += data.decode(errors="replace").replace("\r", "")
        return bool(data)

    def await_words(self, words, seconds):
        """What the console says before these words (a pattern)."""
        until = time.monotonic() + seconds
        while not (found := re.search(words, self.text)):
            if time.monotonic() > until or not self.read(max(0, min(1, until - time.monotonic()))):
                raise Failed(f"the {self.name} guest did not say {words!r} within {seconds} s; it said: {self.text[-2000:]}")
        before, self.text = self.text[:found.start()], self.text[found.end():]
        return before

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def ready(self, seconds=120):
        self.await_words(r"# ", seconds)
        # An interactive shell edits its lines, so they go around it, and are its children's no input.
        self.type("stty -echo; while read -r words; do echo $words | base64 -d >/tmp/words; "
                  '{ . /tmp/words; } 2>&1 </dev/null; echo "=$?="done; done')
        self.does("dmesg -n 1; modprobe -a virtio_blk virtio_pci virtio_net tun ext4 crc32c_generic", seconds)

    def does(self, commands, seconds=60, fails=False):
        """What they say. `fails`: they may."""
        self.type(base64.b64encode(f"{commands}\n".encode()).decode())
        said = self.await_words(r"=(?=\d+=done\n)", seconds).strip("\n")
        status = int(self.await_words(r"=done\n", 5))
        if status and not fails:
            raise Failed(f"in the {self.name} guest, status {status} of `{commands}`: {said[-1000:]}")
        return said

    def await_success(self, commands, seconds=30):
        self.does(f"for n in $(seq {seconds * 10}); do if {commands}; then break; fi; usleep 100000; done; {commands}",
                  seconds * 3)
