# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT
"""The ivshmem server with QEMU's own `ivshmem-client`, which tools/ivshmem_client.sh builds from Debian's sources.

Arguments: the server's program, and the client's. The environment's HAWSER_IVSHMEM_CLIENT, a path, overrides the
latter. Without a client all of this is skipped.
"""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import time

import ivshmem_server_kit as kit

CLIENT = None  # set at the end


class QemuClient:
    """The program on a terminal (it does not flush otherwise), and all that it has said."""

    def __init__(self, path):
        self.terminal, its_end = pty.openpty()
        self.process = subprocess.Popen([CLIENT, "-v", "-S", path], stdin=subprocess.PIPE, stdout=its_end, stderr=its_end)
        os.close(its_end)
        self.text = ""

    def listen(self, seconds):
        if select.select([self.terminal], [], [], seconds)[0]:
            try:
                self.text += os.read(self.terminal, 65536).decode().replace("\r", "")
            except OSError:  # it has ended
                time.sleep(seconds)

    def says(self, pattern, seconds=10):
        """What it says first that matches, from where the last match ended; that is forgotten. None if it does not."""
        end = time.monotonic() + seconds
        while not (match := re.search(pattern, self.text)) and time.monotonic() < end:
            self.listen(0.05)
        if match:
            self.text = self.text[match.end():]
        return match

    def joins(self):
        """Its id."""
        joined = self.says(r"our_id=(\d+)(?s:.*?)listen on server socket")
        return int(joined[1]) if joined else None

    def asks(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def sees(self):
        """The vectors of each peer by its id, its own included, as `dump` lists them."""
        self.text = ""
        self.asks("dump")
        listing = self.says(r"our_id = (?s:.*?)cmd> ")[0]
        counts, peer = {}, None
        for line in listing.splitlines():
            if named := re.match(r"(?:our_id|peer_id) = (\d+)", line):
                peer = int(named[1])
                counts[peer] = 0
            elif re.match(r"  vector \d+ is enabled", line):
                counts[peer] += 1
        return counts

    def rung(self, count, seconds=10):
        """The vectors that it was rung on, once there are `count` of them; a moment later, to see none in excess."""
        found = []
        end = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < end:
            self.listen(0.05)
            found = re.findall(r"receive notification from peer_id=\d+ vector=(\d+)", self.text)
        self.listen(0.1)
        found = re.findall(r"receive notification from peer_id=\d+ vector=(\d+)", self.text)
        self.text = ""
        return sorted(int(vector) for vector in found)

    def alive(self):
        return self.process.poll() is None

    def end(self, number=signal.SIGTERM):
        if self.alive():
            self.process.send_signal(number)
        status = self.process.wait(10)
        if not self.process.stdin.closed:
            self.process.stdin.close()
            os.close(self.terminal)
        return status


class Clients(kit.Case):
    def start(self, server, count):
        """So many clients that have joined, and their ids."""
        clients = []
        for _ in range(count):
            client = QemuClient(server.path)
            self.addCleanup(client.end, signal.SIGKILL)
            clients.append((client, client.joins()))
        return clients

    def assert_sees(self, client, peers):
        self.assertTrue(kit.eventually(lambda: client.sees() == peers), f"{client.sees()}, not {peers}")

    def test_each_sees_all_peers_with_all_vectors_and_who_leaves(self):
        server = self.server("--vectors", 4)
        (a, a_id), (b, b_id), (c, c_id) = self.start(server, 3)
        self.assertEqual([a_id, b_id, c_id], [0, 1, 2])
        for client in (a, b, c):
            self.assert_sees(client, {0: 4, 1: 4, 2: 4})
        b.end(signal.SIGKILL)
        for client in (a, c):
            self.assertTrue(client.says(r"delete peer id = 1\b"))
            self.assert_sees(client, {0: 4, 2: 4})
        ((d, d_id),) = self.start(server, 1)
        self.assertEqual(d_id, 3)
        for client in (a, c, d):
            self.assert_sees(client, {0: 4, 2: 4, 3: 4})

    def test_rings_arrive_at_whom_they_are_meant_for_on_their_vectors(self):
        server = self.server("--vectors", 4)
        (a, _), (b, b_id), (c, c_id) = self.start(server, 3)
        for client in (a, b, c):
            self.assert_sees(client, {0: 4, 1: 4, 2: 4})
            client.text = ""
        a.asks(f"int {b_id} 2")
        self.assertEqual(b.rung(1), [2])
        a.asks(f"int {c_id} all")
        self.assertEqual(c.rung(4), [0, 1, 2, 3])
        a.asks("int 0 3")
        self.assertEqual(a.rung(1), [3])
        b.asks("int all")
        self.assertEqual(a.rung(4), [0, 1, 2, 3])
        self.assertEqual(c.rung(4), [0, 1, 2, 3])
        self.assertEqual(b.rung(0), [])

    def test_its_rings_arrive_at_other_programs_and_theirs_at_it(self):
        server = self.server("--vectors", 4)
        ((qemu_client, its_id),) = self.start(server, 1)
        raw = self.client(server.path)
        raw_id, messages = raw.greeting(1, 4)
        self.assert_sees(qemu_client, {its_id: 4, raw_id: 4})
        qemu_client.text = ""
        bells = {peer: [fd for value, fd in messages if value == peer and fd is not None] for peer in (its_id, raw_id)}
        qemu_client.asks(f"int {raw_id} 1")
        ready, _, _ = select.select(bells[raw_id], [], [], 10)
        self.assertEqual([bells[raw_id].index(fd) for fd in ready], [1])
        self.assertEqual(struct.unpack("=Q", os.read(ready[0], 8)), (1,))
        os.write(bells[its_id][2], struct.pack("=Q", 1))
        self.assertEqual(qemu_client.rung(1), [2])

    def test_beside_a_guest_both_live(self):
        server = self.server("--vectors", 4)
        ((client, _),) = self.start(server, 1)
        guest = self.qemu(server.path)
        self.assertTrue(guest.greet(), guest.said())
        self.assert_sees(client, {0: 4, 1: 4})
        client.asks("int all")
        self.assertTrue(guest.well(), guest.said())
        ((second, _),) = self.start(server, 1)
        second.end()
        self.assertTrue(client.says(r"delete peer id = 2\b"))
        self.assertTrue(guest.well(), guest.said())
        self.assertEqual(guest.end(), 0, guest.said())
        self.assertTrue(client.says(r"delete peer id = 1\b"))
        self.assert_sees(client, {0: 4})

    def test_as_many_vectors_as_it_can_hold(self):
        server = self.server("--vectors", 64)
        (a, _), (b, _) = self.start(server, 2)
        for client in (a, b):
            self.assert_sees(client, {0: 64, 1: 64})
            client.text = ""
        a.asks("int 1 all")
        self.assertEqual(b.rung(64), list(range(64)))

    def test_refused_at_a_full_link_it_tries_on_and_is_admitted_when_there_is_room(self):
        server = self.server("--vectors", 4, "--max-peers", 1)
        ((first, _),) = self.start(server, 1)
        refused = QemuClient(server.path)
        self.addCleanup(refused.end, signal.SIGKILL)
        self.assertTrue(refused.says("cannot connect to server, retry"))
        self.assertEqual(server.peers(), [0])
        first.end()
        self.assertIsNotNone(refused.joins())
        self.assertEqual(len(refused.sees()), 1)

    def test_it_notices_the_end_of_the_server_and_joins_the_next(self):
        first = self.server("--vectors", 4)
        ((client, _),) = self.start(first, 1)
        first.end()
        self.assertTrue(client.says("disconnected from server"))
        second = self.server("--vectors", 2)
        self.assertEqual(client.joins(), 0)
        self.assert_sees(client, {0: 2})
        self.assertEqual(second.peers(), [0])


if __name__ == "__main__":
    CLIENT = sys.argv.pop(3)
    CLIENT = os.environ.get("HAWSER_IVSHMEM_CLIENT") or CLIENT
    if not os.access(CLIENT, os.X_OK):
        print(f"skipped: there is no {os.path.normpath(CLIENT)}, which is QEMU's ivshmem-client: build it with ./dev setup "
              "(from Debian's qemu source package), or name one in HAWSER_IVSHMEM_CLIENT")
        sys.exit(77)
    kit.main()
