# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT
"""The ivshmem server with stock QEMU, which crashes or hangs on most things that a server can do wrong."""

import os
import shutil
import signal
import time
import unittest

import ivshmem_server_kit as kit


class Guests(kit.Case):
    def start(self, server, count, **options):
        guests = [self.qemu(server.path, **options) for _ in range(count)]
        for guest in guests:
            self.assertTrue(guest.greet(), guest.said())
        return guests

    def test_guests_join_leave_and_join_again_and_nobody_crashes(self):
        server = self.server("--vectors", 4)
        stayers = self.start(server, 2)
        for round_ in range(4):
            passers = self.start(server, 2)
            passers[0].kill()
            self.assertEqual(passers[1].end(), 0)
            self.assertTrue(kit.eventually(lambda: len(server.peers()) == 2))
            for guest in stayers:
                self.assertTrue(guest.well(), guest.said())
        self.assertEqual(server.peers(), [0, 1])
        self.assertEqual(server.status()["joined"], 10)
        for guest in stayers:
            self.assertEqual(guest.end(), 0, guest.said())
            self.assertEqual(guest.said(), "")

    def test_a_hundred_clients_come_and_go_around_a_guest(self):
        server = self.server("--vectors", 8, "--max-peers", 120)
        (guest,) = self.start(server, 1, vectors=8)
        clients = []
        for others in range(100):
            client = self.client(server.path)
            clients.append(client)
            client.greeting(others + 1, 8)
            for c in clients:
                c.drain()
        self.assertTrue(guest.well())
        for client in clients[::2]:
            client.close()
        (second,) = self.start(server, 1, vectors=8)
        for client in clients[1::2]:
            client.close()
        self.assertTrue(kit.eventually(lambda: len(server.peers()) == 2))
        for g in (guest, second):
            self.assertTrue(g.well(), g.said())
            self.assertEqual(g.end(), 0, g.said())

    def test_a_guest_that_was_frozen_misses_nothing_and_survives(self):
        server = self.server("--vectors", 8, "--max-peers", 80)
        (guest,) = self.start(server, 1, vectors=8)
        guest.process.send_signal(signal.SIGSTOP)
        clients = [self.client(server.path) for _ in range(60)]  # 480 messages: more than its socket holds
        for others, client in enumerate(clients):
            client.greeting(others + 1, 8)
        self.assertGreater(server.status()["links"][0]["peers"][0]["unsent"], 0)
        for client in clients[:30]:
            client.close()
        for _ in range(50):
            self.client(server.path).close()
        guest.process.send_signal(signal.SIGCONT)
        self.assertTrue(guest.well(), guest.said())
        self.assertTrue(kit.eventually(lambda: server.status()["links"][0]["peers"][0]["unsent"] == 0))
        self.assertTrue(guest.well(), guest.said())
        self.assertEqual(guest.end(), 0, guest.said())

    def test_a_refused_guest_ends_with_a_sentence_and_does_not_hang(self):
        server = self.server("--vectors", 4, "--max-peers", 1)
        self.start(server, 1)
        refused = self.qemu(server.path)
        self.assertEqual(refused.process.wait(10), 1)
        self.assertIn("server sent version -28, expecting 0", refused.said())

    def plug(self, server, pause):
        """A guest without the device, and what it answers when the device is plugged in."""
        (bare,) = self.start(server, 1, device=False, machine="pc")  # q35's root bus takes no hot-plug
        backend = {"type": "socket", "data": {"addr": {"type": "unix", "data": {"path": server.path}}, "server": False}}
        self.assertIn("return", bare.ask("chardev-add", id="iv", backend=backend))
        time.sleep(pause)
        return bare, bare.ask("device_add", driver="ivshmem-doorbell", id="d", chardev="iv", vectors=4)

    def test_a_device_can_be_plugged_in_long_after_its_socket_was_opened(self):
        server = self.server("--vectors", 4)
        bare, answer = self.plug(server, 1)
        self.assertIn("return", answer)
        self.assertTrue(bare.well())
        self.assertTrue(kit.eventually(lambda: server.peers() == [0]))

    def test_plugging_in_too_late_fails_and_the_guest_runs_on(self):
        server = self.server("--vectors", 4, "--knock-limit", 0.2)
        bare, answer = self.plug(server, 0.6)
        self.assertIn("invalid ID", answer["error"]["desc"])
        self.assertTrue(bare.well())

    def test_plugging_in_at_a_full_link_fails_and_the_guest_runs_on(self):
        server = self.server("--vectors", 4, "--max-peers", 1)
        self.start(server, 1)
        bare, answer = self.plug(server, 0.3)
        self.assertIn("server sent version -28, expecting 0", answer["error"]["desc"])
        self.assertTrue(bare.well())

    def test_guests_outlive_the_server_and_a_new_server_takes_new_guests(self):
        first = self.server("--vectors", 4)
        old = self.start(first, 2)
        first.end(signal.SIGKILL)
        time.sleep(0.2)
        for guest in old:
            self.assertTrue(guest.well(), guest.said())
        os.unlink(first.status_path)
        second = self.server("--vectors", 4)
        self.start(second, 1)
        self.assertEqual(second.peers(), [0])
        for guest in old:
            self.assertEqual(guest.end(), 0)

    def test_a_guest_may_have_fewer_or_more_vectors_than_the_server(self):
        server = self.server("--vectors", 4)
        (fewer,) = self.start(server, 1, vectors=2)
        (more,) = self.start(server, 1, vectors=16)
        self.assertTrue(fewer.well())
        self.assertTrue(more.well())
        self.assertIn("Too many eventfd received, device has 2 vectors", fewer.said())

    @unittest.skipUnless(shutil.which("qemu-system-aarch64"), "no qemu-system-aarch64")
    def test_guests_of_two_architectures_share_a_link(self):
        server = self.server("--vectors", 4)
        self.start(server, 1)
        (arm,) = self.start(server, 1, program="qemu-system-aarch64", machine="virt")
        self.assertTrue(arm.well())
        self.assertEqual(server.peers(), [0, 1])

    def test_the_largest_vector_count_works(self):
        server = self.server("--vectors", 2048, "--max-peers", 3)
        guests = self.start(server, 2, vectors=2048)
        for guest in guests:
            self.assertTrue(guest.well(), guest.said())


if __name__ == "__main__":
    kit.main()
