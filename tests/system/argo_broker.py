#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""`hawser argo-broker` as a user has it: its words, signals, stock QEMU as a domain, and clients that speak the wire by
hand and mean harm.

    argo_broker.py HAWSER
"""

import fcntl
import json
import mmap
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest

import ivshmem_server_kit as wire
import kit
from kit import eventually

HAWSER = None  # set by main()
MAGIC = b"HAWSARGO"
ATTACH = 0x80000000
REGISTER, UNREGISTER, SENDV, NOTIFY = 1, 2, 3, 4
EPERM, ESRCH, EAGAIN, EFAULT, ENOSYS, ECONNREFUSED = 1, 3, 11, 14, 38, 111


class Broker:
    def __init__(self, folder, *words, allow=("1:2", "2:1"), domains=(1, 2), size="64K"):
        self.folder = folder
        self.status_path = os.path.join(folder, "status")
        self.log_path = os.path.join(folder, f"log-{time.monotonic_ns()}")
        command = [HAWSER, "argo-broker", "--status-socket", self.status_path]
        for number in domains:
            command += ["--domain", f"{number}:{self.path(number)},size={size}"]
        for rule in allow:
            command += ["--allow", rule]
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([*command, *words], stderr=log)
        if not eventually(lambda: self.process.poll() is not None or os.path.exists(self.status_path)):
            raise RuntimeError("the broker did not start: " + self.log())

    def path(self, number):
        return os.path.join(self.folder, f"d{number}")

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def status(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.status_path)
            data = b""
            while part := s.recv(65536):
                data += part
        return json.loads(data)

    def pid_of(self, number):
        return next(d["pid"] for d in self.status()["domains"] if d["id"] == number)

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(10)


class Domain:
    """Speaks the socket's protocol and the page's by hand: nothing of ours takes part."""

    def __init__(self, path):
        self.client = wire.Client(path)
        own, messages = self.client.greeting(1, 2)
        if own < 0:
            self.client.close()
            raise ConnectionRefusedError(own)
        self.fds = [fd for _, fd in messages]
        self.memory = mmap.mmap(self.fds[2], os.fstat(self.fds[2]).st_size)
        self.own, (self.broker, _) = own, messages[3]
        self.bell = next(fd for value, fd in messages[3:] if value == self.broker)
        self.rung = [fd for value, fd in messages[3:] if value == own]
        self.sequence = 0

    def word(self, at):
        return struct.unpack_from("<I", self.memory, at)[0]

    def ring(self):
        os.write(self.bell, struct.pack("<Q", 1))

    def post(self, command, arg1=0, arg2=0, arg3=0, arg4=0, idle=0):
        self.sequence = (self.sequence + 1) & 0xffffffff
        struct.pack_into("<IQQQQQI", self.memory, 0x44, command, arg1, arg2, arg3, arg4, 0, idle)
        struct.pack_into("<I", self.memory, 0x40, self.sequence)
        self.ring()

    def call(self, *words, **options):
        self.post(*words, **options)
        if not eventually(lambda: self.word(0x80) == self.sequence):
            raise TimeoutError("the broker does not answer")
        return struct.unpack_from("<i", self.memory, 0x88)[0]

    def attach(self):
        return self.call(ATTACH, 1)

    # The base is 0, so that addresses are offsets: page 1 is for arguments, page 2 a ring.
    def open(self, port, partner):
        struct.pack_into("<IHHI", self.memory, 4096, port, partner, 0, 4032)
        struct.pack_into("<Q", self.memory, 4096 + 64, 2)
        return self.call(REGISTER, 4096, 4096 + 64, 1)

    def send(self, to, port, payload=b""):
        struct.pack_into("<IHHIHH", self.memory, 4096, 1, 0x7ff4, 0, port, to, 0)
        struct.pack_into("<QII", self.memory, 4096 + 64, 4096 + 128, len(payload), 0)
        self.memory[4096 + 128:4096 + 128 + len(payload)] = payload
        return self.call(SENDV, 4096, 4096 + 64, 1 if payload else 0, 7)

    def close(self):
        self.memory.close()
        self.client.close()


class Case(kit.Case):
    def broker(self, *words, **options):
        broker = Broker(self.folder, *words, **options)
        self.addCleanup(broker.end, signal.SIGKILL)
        return broker

    def domain(self, broker, number):
        domain = Domain(broker.path(number))
        self.addCleanup(domain.close)
        self.assertEqual(domain.attach(), 0)
        return domain


class Words(Case):
    def run_words(self, *words):
        done = self.ended(HAWSER, "argo-broker", *words)
        return done.returncode, done.stderr

    def test_wrong_words_are_one_sentence_and_status_64(self):
        good = ["--domain", f"1:{self.folder}/d1"]
        for words, part in (([], "--domain"),
                            (["--domain", "1"], "there is no socket"),
                            (["--domain", "x:/run/x"], "a domain's number is 0 to 32751"),
                            (["--domain", "1:/run/x,size=5M"], "not a power of two"),
                            ([*good, "--allow", "1"], "is not a rule"),
                            ([*good, "--allow", "1:2:9-5"], "the wrong way round"),
                            ([*good, "--quirks", "some"], "quirks"),
                            ([*good, "--max-message", "1"], "max-message"),
                            ([*good, *good], "domain 1 is named twice"),
                            ([*good, "--policy", "/nowhere"], "/nowhere")):
            status, said = self.run_words(*words)
            self.assertEqual(status, 64, said)
            self.assertIn(part, said)
            self.assertEqual(len(said.splitlines()), 2, said)  # and where the help is
        self.assertEqual(os.listdir(self.folder), [])

    def test_what_cannot_be_made_is_one_sentence_and_status_2(self):
        status, said = self.run_words("--domain", "1:/nowhere/at/all")
        self.assertEqual((status, len(said.splitlines())), (2, 1), said)
        self.assertIn("/nowhere/at", said)
        broker = self.broker()
        status, said = self.run_words("--domain", f"1:{broker.path(1)}")
        self.assertEqual(status, 2)
        self.assertIn("already listens", said)

    def test_help_teaches(self):
        said = self.ended(HAWSER, "argo-broker", "--help").stdout
        for part in ("ivshmem-doorbell", "--allow 1:2", "[[allow]]", "SIGHUP"):
            self.assertIn(part, said)


class Life(Case):
    def test_sigterm_and_sigint_stop_it_cleanly_and_take_the_sockets_away(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            broker = self.broker()
            domain = self.domain(broker, 1)
            self.assertEqual(broker.end(number), 0)
            self.assertEqual([n for n in os.listdir(self.folder) if not n.startswith("log")], [])
            self.assertIsNone(domain.client.read())

    def test_sighup_reads_the_rules_again(self):
        policy = os.path.join(self.folder, "p.toml")
        with open(policy, "w") as file:
            file.write("[[allow]]\nfrom = 1\nto = 2\n")
        broker = self.broker("--policy", policy, allow=())
        one, two = self.domain(broker, 1), self.domain(broker, 2)
        self.assertEqual(two.open(5, 1), 0)
        self.assertEqual(one.send(2, 5, b"a"), 1)
        with open(policy, "w") as file:
            file.write("")
        broker.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: "no rule allows anything" in broker.log()))
        self.assertEqual(one.send(2, 5, b"a"), -EPERM)
        self.assertIn("a message of domain 1 to domain 2 on port 0x5", broker.log())


class Sides(Case):
    """`serve` and `use` on a broker: what keeps them apart is named."""

    def use(self, broker, link, status, sentence):
        done = self.ended(HAWSER, "use", "--verify", "--patience", "1", "--link", f"argo:{broker.path(1)},{link}")
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(sentence, done.stderr)

    def test_a_peer_that_is_not_there_is_named(self):
        broker = self.broker(size="2M")
        self.use(broker, "peer=9", 1, "domain 9, the peer of this link, is not there")
        self.use(broker, "peer=1", 64, "peer=1 is the domain of")
        serving = self.start(HAWSER, "serve", "--link", f"argo:{broker.path(2)},peer=1", "--device", "rng")
        self.assertTrue(serving.says("domain 1, the peer of this link, is not there yet"))
        self.use(broker, "peer=2,link=3", 1, "domain 2 is there, but serves no link 3 to domain 1")
        self.assertTrue(serving.says("serving domain 1 as domain 2 of the broker"))
        self.use(broker, "peer=2", 0, "")
        self.assertTrue(serving.running())

    def test_a_domain_that_somebody_is_already_is_named(self):
        broker = self.broker(size="2M")
        self.domain(broker, 1)
        self.use(broker, "peer=2", 2, f"the Argo broker on {broker.path(1)} refuses this client: another process or guest is")

    def test_more_queues_than_a_courier_carries_are_refused(self):
        broker = self.broker(size="2M")
        self.domain(broker, 1)
        disks = ["--device", "blk,memory=1M,queues=8"] * 9
        done = self.ended(HAWSER, "serve", "--link", f"argo:{broker.path(2)},peer=1", *disks)
        self.assertEqual(done.returncode, 64, done.stderr)
        self.assertIn("these devices have 72 queues; over Argo at most 64 can be served", done.stderr)

    def test_no_broker_is_no_ivshmem_server(self):
        class Nobody:
            path = staticmethod(lambda number: os.path.join(self.folder, "nobody"))
        self.use(Nobody, "peer=2", 2, "no Argo broker on")

    def test_a_broker_that_ends_is_what_both_sides_speak_of(self):
        broker = self.broker(size="2M")
        serving = self.start(HAWSER, "serve", "--link", f"argo:{broker.path(2)},peer=1", "--device", "rng")
        using = self.start(HAWSER, "use", "--verify", "--seconds", "20", "--link", f"argo:{broker.path(1)},peer=2")
        self.assertTrue(serving.says("link up"))
        broker.end()
        self.assertEqual((serving.wait(10), using.wait(10)), (2, 1))
        for side in (serving, using):
            self.assertIn("the Argo broker is gone", side.said())
            self.assertNotIn("ENODEV", side.said())
            self.assertNotIn("goes on", side.said())

    def test_a_rule_for_a_domain_that_is_none_is_pointed_out(self):
        broker = self.broker(allow=("1:2", "1:7", "*:2"))
        self.assertTrue(eventually(lambda: "allowed: *:2" in broker.log()))
        self.assertEqual(broker.log().count("so this rule allows nothing"), 1)
        self.assertIn("no --domain is 7", broker.log())


class Wire(Case):
    """The page as docs/wire/argo-broker.md has it."""

    def test_the_first_page_says_who_is_who(self):
        broker = self.broker()
        domain = Domain(broker.path(2))
        self.addCleanup(domain.close)
        magic, version, own, peer, _, size = struct.unpack_from("<8sIIIIQ", domain.memory, 0)
        self.assertEqual((magic, version, own, peer, size), (MAGIC, 1, 2, domain.broker, 65536))
        self.assertEqual((domain.own, domain.broker), (1, 0))
        self.assertEqual((domain.word(0x80), domain.word(0xc0)), (0, 0))

    def test_nothing_is_served_before_the_right_attach(self):
        broker = self.broker()
        domain = Domain(broker.path(1))
        self.addCleanup(domain.close)
        self.assertEqual(domain.call(NOTIFY), -ENOSYS)
        self.assertEqual(domain.call(ATTACH, 99), -ENOSYS)
        self.assertEqual(domain.call(NOTIFY), -ENOSYS)
        self.assertEqual(domain.attach(), 0)
        self.assertEqual(domain.call(NOTIFY), 0)

    def test_a_message_goes_over_with_a_signal_and_bells_ring_for_the_idle_only(self):
        broker = self.broker()
        one, two = self.domain(broker, 1), self.domain(broker, 2)
        self.assertEqual(two.open(5, 1), 0)
        self.assertEqual(one.send(2, 5, b"hello"), 5)
        self.assertEqual(two.word(0xc0), 1)
        self.assertEqual(select.select(two.rung + one.rung, [], [], 0.05)[0], [])
        struct.pack_into("<I", two.memory, 0x70, 1)  # idle
        self.assertEqual(one.send(2, 5, b"again"), 5)
        self.assertEqual(select.select(two.rung, [], [], 2)[0], [two.rung[0]])
        self.assertEqual(two.word(0xc0), 2)
        self.assertEqual(two.call(NOTIFY, idle=1), 0)
        self.assertIn(two.rung[1], select.select(two.rung, [], [], 2)[0])
        ring = 2 * 4096
        length, port, source, pad, kind = struct.unpack_from("<IIHHI", two.memory, ring + 64)
        self.assertEqual((length, port, source, pad, kind), (21, 1, 1, 0, 7))
        self.assertEqual(two.memory[ring + 80:ring + 85], b"hello")

    def test_addresses_count_from_the_base(self):
        broker = self.broker()
        one = self.domain(broker, 1)
        base = 0xffff_0000_1234_0000
        one.sequence += 1
        struct.pack_into("<IQQQQQI", one.memory, 0x44, NOTIFY, base + 4096, 0, 0, 0, base, 0)
        struct.pack_into("<I", one.memory, 0x40, one.sequence)
        one.ring()
        self.assertTrue(eventually(lambda: one.word(0x80) == one.sequence))
        self.assertEqual(one.word(0x88), 0)
        self.assertEqual(one.call(NOTIFY, 0xf00), -EFAULT)  # page 0 is not mapped
        self.assertEqual(one.call(NOTIFY, base + 4096), -EFAULT)


class Hostile(Case):
    """One domain does its worst; two others talk on."""

    def setUp(self):
        super().setUp()
        self.server = self.broker(domains=(1, 2, 3), allow=("1:2", "2:1", "3:*"))
        self.one, self.two = self.domain(self.server, 1), self.domain(self.server, 2)
        self.assertEqual(self.two.open(5, 1), 0)
        self.messages = 0

    def others_talk(self, times=20):
        start = time.monotonic()
        for _ in range(times):
            self.assertEqual(self.one.send(2, 5, b"still here"), 10)
            struct.pack_into("<I", self.two.memory, 2 * 4096, self.two.word(2 * 4096 + 4))
        self.assertLess(time.monotonic() - start, 5 + times * 0.1)  # an answer is looked for every 10 ms

    def test_garbage_in_the_page(self):
        bad = self.domain(self.server, 3)
        for i in range(300):
            bad.memory[0:4096] = os.urandom(4096)
            bad.ring()
            if i % 50 == 0:
                self.others_talk(5)
        self.others_talk()

    def test_bells_and_requests_faster_than_they_are_served(self):
        bad = self.domain(self.server, 3)
        child = os.fork()
        if child == 0:
            while True:
                bad.sequence = (bad.sequence + 1) & 0xffffffff
                struct.pack_into("<I", bad.memory, 0x40, bad.sequence)
                os.write(bad.bell, struct.pack("<Q", 1))
        try:
            self.others_talk(200)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.others_talk()

    def test_eventfds_made_blocking_and_filled(self):
        bad = self.domain(self.server, 3)
        self.assertEqual(bad.open(9, 3), 0)
        for fd in bad.rung + [bad.bell]:
            fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_NONBLOCK)
        for fd in bad.rung:
            os.write(fd, struct.pack("<Q", 0xfffffffffffffffe))
        for _ in range(20):  # signals that nobody reads
            self.assertEqual(bad.send(3, 9), 0)
            bad.post(SENDV, 4096, 4096 + 64, 0, 7, idle=1)
            time.sleep(0.005)
        self.others_talk()

    def test_killed_at_any_time(self):
        for i in range(30):
            child = os.fork()
            if child == 0:
                try:
                    bad = Domain(self.server.path(3))
                    bad.attach()
                    bad.open(9, 2)
                    while True:
                        bad.send(2, 5, b"x" * 100)
                finally:
                    os._exit(0)
            time.sleep(0.003 * i)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            self.others_talk(2)
            self.assertTrue(eventually(lambda: self.server.pid_of(3) is None))
        self.domain(self.server, 3)
        self.others_talk()

    def test_a_domain_without_a_rule_reaches_nobody(self):
        other = os.path.join(self.folder, "other")
        os.mkdir(other)
        server = Broker(other, domains=(1, 2, 3))
        self.addCleanup(server.end, signal.SIGKILL)
        one, two, three = (self.domain(server, n) for n in (1, 2, 3))
        self.assertEqual(two.open(5, 1), 0)
        self.assertEqual(three.send(2, 5), -EPERM)
        self.assertEqual(three.open(5, 2), -EPERM)
        self.assertEqual(three.send(9, 5), -ESRCH)
        self.assertEqual(one.send(2, 5, b"x"), 1)
        self.assertEqual(server.status()["domains"][2]["refused"], 2)
        self.assertEqual(two.word(0xc0), 1)

    def test_a_mapping_kept_after_leaving_sees_nothing_of_the_next(self):
        old = self.domain(self.server, 3)
        os.dup2(os.open("/dev/null", os.O_RDONLY), old.client.socket.fileno())  # the connection ends, the mapping stays
        self.assertTrue(eventually(lambda: self.server.pid_of(3) is None))
        new = self.domain(self.server, 3)
        new.memory[5 * 4096:5 * 4096 + 6] = b"secret"
        self.assertEqual(old.memory[5 * 4096:5 * 4096 + 6], bytes(6))
        sequence = new.word(0x80)
        old.sequence = 1000
        old.post(NOTIFY)
        time.sleep(0.05)
        self.assertEqual(new.word(0x80), sequence)

    def test_bytes_on_the_socket_end_the_domain(self):
        bad = self.domain(self.server, 3)
        bad.client.socket.send(b"x")
        self.assertTrue(eventually(lambda: self.server.pid_of(3) is None))
        self.assertIn("it sent something, which no client does", self.server.log())
        self.others_talk()


@unittest.skipUnless(shutil.which("qemu-system-x86_64"), "no qemu-system-x86_64")
class Qemu(Case):
    def test_stock_qemu_joins_leaves_and_is_refused_in_words(self):
        broker = self.broker()
        for _ in range(2):
            qemu = wire.Qemu(self.folder, broker.path(1), vectors=2)
            self.addCleanup(qemu.kill)
            self.assertTrue(qemu.greet(), qemu.said())
            self.assertEqual(broker.pid_of(1), qemu.process.pid)
            late = wire.Qemu(self.folder, broker.path(1), vectors=2)
            self.addCleanup(late.kill)
            self.assertFalse(late.greet())
            self.assertIn("-28", late.said())
            self.assertTrue(qemu.well())
            self.assertEqual(qemu.end(), 0)
            self.assertTrue(eventually(lambda: broker.pid_of(1) is None))


def main():
    global HAWSER
    HAWSER = os.path.abspath(sys.argv.pop(1))
    kit.main()


if __name__ == "__main__":
    main()
