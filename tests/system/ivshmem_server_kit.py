# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT
"""What the ivshmem server's system tests share: the server as a process, a raw client, a stopped QEMU."""

import array
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import kit
from kit import eventually

SERVER = None  # the words that start it; set by main()
HURRIED = None  # another program over the same library, whose limits of time can be set


class Client:
    """Speaks the wire and nothing else. Messages are (value, fd or None)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(5)
        self.fds = []
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def read(self):
        """The next message; None at the end of the connection."""
        data, fd = b"", None
        while len(data) < 8:
            try:
                part, control, _, _ = self.socket.recvmsg(8 - len(data), socket.CMSG_SPACE(4))
            except ConnectionResetError:
                return None
            if not part:
                return None
            data += part
            for _, _, payload in control:
                fd = array.array("i", payload)[0]
                self.fds.append(fd)
        return struct.unpack("<q", data)[0], fd

    def greeting(self, others, vectors):
        """(id, all messages) of a whole greeting; id is negative when refused."""
        messages = []
        for _ in range(3 + (others + 1) * vectors):
            message = self.read()
            if message is None:
                break
            messages.append(message)
            if len(messages) <= 2 and message[0] < 0:
                break
        numbers = [value for value, _ in messages]
        refused = [n for n in numbers[:2] if n < 0]
        return (refused[0] if refused else numbers[1]), messages

    def drain(self):
        """Reads what has come and forgets it. Unread descriptors count against a server that is not root."""
        while select.select([self.socket], [], [], 0)[0] and self.read():
            pass
        self.forget()

    def forget(self):
        for fd in self.fds:
            os.close(fd)
        self.fds = []

    def close(self):
        self.socket.close()
        self.forget()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Server:
    """The server as a process; its log in a file."""

    def __init__(self, folder, *args, socket_name="s", **popen):
        self.path = os.path.join(folder, socket_name)
        self.status_path = os.path.join(folder, "status")
        self.log_path = os.path.join(folder, f"log-{time.monotonic_ns()}")
        hurried = any(str(arg).endswith("-limit") for arg in args)
        command = [*(HURRIED if hurried else SERVER), "--socket", self.path, "--size", "64K", "--status-socket", self.status_path, *map(str, args)]
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(command, stderr=log, **popen)
        if not eventually(lambda: self.process.poll() is not None or os.path.exists(self.status_path)):
            raise RuntimeError("the server did not start: " + self.log())

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def said(self, words):
        return eventually(lambda: words in self.log())

    def alive(self):
        return self.process.poll() is None

    def status(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.status_path)
            data = b""
            while part := s.recv(65536):
                data += part
        return json.loads(data)

    def peers(self, link=0):
        return [peer["id"] for peer in self.status()["links"][link]["peers"]]

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Ends it if it runs. Gives its exit status."""
        if self.alive():
            self.send(number)
        return self.process.wait(10)


class Qemu:
    """A stock QEMU with its processors stopped, which is enough to have the device."""

    def __init__(self, folder, path, vectors=4, device=True, program="qemu-system-x86_64", machine="q35"):
        command = [program, "-accel", "tcg", "-M", machine, "-m", "64", "-nodefaults", "-display", "none", "-S"]
        if device:
            command += ["-chardev", f"socket,path={path},id=iv", "-device", f"ivshmem-doorbell,chardev=iv,vectors={vectors}"]
        command += ["-qmp", "stdio"]
        self.errors = os.path.join(folder, f"qemu-{time.monotonic_ns()}")
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0)

    def greet(self):
        """Waits until QMP answers: the device is complete then. False if QEMU ended instead."""
        if not self.answer():
            return False
        return "return" in self.ask("qmp_capabilities")

    def answer(self, seconds=20):
        """A line; nothing when it ended. A QEMU that hangs, which is what bad servers do to it, is an error."""
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise TimeoutError("QEMU hangs")
        return self.process.stdout.readline()

    def ask(self, command, **arguments):
        line = {"execute": command, "arguments": arguments} if arguments else {"execute": command}
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()
        while answer := self.answer():
            answer = json.loads(answer)
            if "event" not in answer:
                return answer
        return {}

    def well(self):
        return self.process.poll() is None and "return" in self.ask("query-status")

    def said(self):
        with open(self.errors) as file:
            return file.read()

    def end(self):
        """0 after an orderly quit; the negated signal if it crashed."""
        if self.process.poll() is None:
            self.ask("quit")
        return self.close()

    def kill(self):
        self.process.kill()
        return self.close()

    def close(self):
        status = self.process.wait(10)
        self.process.stdin.close()
        self.process.stdout.close()
        return status


class Case(kit.Case):
    def server(self, *args, **popen):
        server = Server(self.folder, *args, **popen)
        self.addCleanup(server.end, signal.SIGKILL)
        return server

    def client(self, path):
        client = Client(path)
        self.addCleanup(client.close)
        return client

    def qemu(self, path, **options):
        qemu = Qemu(self.folder, path, **options)
        self.addCleanup(qemu.kill)
        return qemu


def main():
    """The first arguments are hawser and the hurried server's program; the rest is unittest's."""
    global SERVER, HURRIED
    SERVER = [sys.argv.pop(1), "ivshmem-server"]
    HURRIED = [sys.argv.pop(1)]
    kit.main()
