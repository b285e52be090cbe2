# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""A Linux guest with `role=shell` under QEMU, and what one types into it, for tests and measurements. The machine is that
of `hawser boot` (guests/launch/src/linux_machine.cpp)."""

import base64
import contextlib
import pathlib
import re
import signal
import subprocess
import time

# An interactive shell edits its lines, so they go around it, and are its children's no input.
READER = ("stty -echo; while read -r words; do echo $words | base64 -d >/tmp/words; "
          '{ . /tmp/words; } 2>&1 </dev/null; echo "=$?="done; done')


class Failed(RuntimeError):
    """What a guest did not do: a sentence, and what it said last."""


def qemu(images, devices=(), words=(), *, initramfs=None, machine="q35", memory=384, processors=1):
    """The command for a guest with the kernel and initramfs of `images`, and further words for QEMU and for the kernel."""
    append = ["console=ttyS0", "quiet", "panic=-1", "no_timer_check", f"nr_cpus={processors}", "role=shell", *words]
    command = ["qemu-system-x86_64", "-M", machine, "-bios", "qboot.rom", "-cpu", "max,-erms", "-accel", "tcg", "-m", memory,
               "-smp", f"{processors},maxcpus={max(2, processors)}", "-nodefaults", "-display", "none", "-serial", "stdio",
               "-no-reboot", "-net", "none", "-kernel", images / "kernel", "-initrd", initramfs or images / "initramfs",
               "-append", " ".join(append), *devices]
    return [str(word) for word in command]


class Shell:
    """`command`: of qemu(). What the console says goes to the file `console`. `start`: as subprocess.Popen. `patience`: what
    every time limit is multiplied by."""

    def __init__(self, command, console, *, start=subprocess.Popen, patience=1):
        self.path, self.patience = pathlib.Path(console), patience
        self.at = 0  # how far its console has been read
        with open(self.path, "wb") as out:
            self.process = start(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)

    def console(self):
        return self.path.read_bytes().decode(errors="replace").replace("\r", "")

    def running(self):
        return self.process.poll() is None

    def tail(self, lines=30):
        return "\n".join(self.console().splitlines()[-lines:])

    def await_words(self, words, seconds):
        """What the console says before these words (a pattern), after what was read before."""
        until = time.monotonic() + seconds * self.patience
        running = True
        while not (found := re.search(words, text := self.console()[self.at:])):
            if not running or time.monotonic() > until:
                raise Failed(f"within {seconds * self.patience} s the guest did not say {words}; it said:\n{self.tail()}")
            running = self.running()  # and then looks once more
            time.sleep(0.01)
        self.at += found.end()
        return text[:found.start()]

    def type(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"the guest has ended; it said:\n{self.tail()}") from None

    def ready(self, seconds=120):
        """Once its shell is there."""
        self.await_words(r"# ", seconds)
        self.type(READER)
        return self

    def does(self, commands, seconds=60, status=0):
        """What they say. `status` None: whatever it is."""
        self.type(base64.b64encode(f"{commands}\n".encode()).decode())
        said = self.await_words(r"=(?=\d+=done\n)", seconds)
        got = int(self.await_words(r"=done\n", 5))
        if status is not None and got != status:
            raise Failed(f"status {got} of `{commands}`: {said}")
        return said.strip("\n")

    def says_yes(self, commands, seconds=60):
        return self.does(f"if {commands}; then echo yes; else echo no; fi", seconds).endswith("yes")

    def eventually(self, commands, seconds=30):
        """Whether these succeed at last."""
        until = time.monotonic() + seconds * self.patience
        while not (there := self.says_yes(commands)) and time.monotonic() < until:
            time.sleep(0.02)
        return there

    def end(self, number=signal.SIGKILL):
        if self.running():
            self.process.send_signal(number)
        self.process.wait(20)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
