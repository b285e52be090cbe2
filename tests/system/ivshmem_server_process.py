# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT
"""The ivshmem server as a process: signals, limits, users, service managers."""

import os
import resource
import signal
import socket
import stat
import subprocess
import time
import unittest

import ivshmem_server_kit as kit

NOBODY = 65534


def processor_time(pid):
    """Seconds that a process has spent so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def as_user(uid, path):
    """The first number that a client with that uid reads; "denied" when it may not even connect."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            with kit.Client(path) as client:
                told = str(client.read()[0])
        except PermissionError:
            told = "denied"
        except BaseException as error:  # the child must never return into the test runner
            told = repr(error)
        os.write(writer, told.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


class Life(kit.Case):
    def test_sigterm_and_sigint_stop_it_cleanly_and_take_the_sockets_away(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.server()
            client = self.client(server.path)
            client.greeting(0, 8)
            self.assertEqual(server.end(number), 0)
            self.assertFalse(os.path.exists(server.path))
            self.assertFalse(os.path.exists(server.status_path))
            self.assertIsNone(client.read())

    def test_a_killed_server_leaves_sockets_that_the_next_one_replaces(self):
        first = self.server()
        client = self.client(first.path)
        client.greeting(0, 8)
        first.end(signal.SIGKILL)
        self.assertTrue(os.path.exists(first.path))
        os.unlink(first.status_path)
        second = self.server()
        self.assertEqual(self.client(second.path).greeting(0, 8)[0], 0)

    def test_a_second_server_on_a_living_socket_says_so_and_harms_nothing(self):
        first = self.server()
        second = subprocess.run([*kit.SERVER, "--socket", first.path], capture_output=True, text=True, timeout=10)
        self.assertEqual(second.returncode, 2)
        self.assertEqual(second.stderr, f"ivshmem-server: another server already listens on {first.path}\n")
        self.assertEqual(self.client(first.path).greeting(0, 8)[0], 0)

    def test_of_many_servers_started_at_once_over_a_stale_socket_exactly_one_stays(self):
        path = os.path.join(self.folder, "s")
        for _ in range(5):
            stale = socket.socket(socket.AF_UNIX)
            if os.path.exists(path):
                os.unlink(path)
            stale.bind(path)
            stale.close()
            servers = [subprocess.Popen([*kit.SERVER, "--socket", path], stderr=subprocess.DEVNULL) for _ in range(6)]
            try:
                self.assertTrue(kit.eventually(lambda: sum(s.poll() is None for s in servers) == 1))
                time.sleep(0.05)
                self.assertEqual([s.poll() for s in servers].count(2), 5)
                with kit.Client(path) as client:
                    self.assertEqual(client.greeting(0, 8)[0], 0)
            finally:
                for s in servers:
                    s.terminate()
                    s.wait(10)

    def test_sighup_without_a_policy_is_harmless(self):
        server = self.server()
        server.send(signal.SIGHUP)
        self.assertTrue(server.said("there is none"))
        self.assertEqual(self.client(server.path).greeting(0, 8)[0], 0)


class Activated(kit.Case):
    """Listening sockets from a service manager, which keeps its own descriptors of them."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.folder, "activated")
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(self.path)
        self.listener.listen()

    def start(self, *args):
        log = os.path.join(self.folder, "log")

        def pass_on():
            os.dup2(os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), 2)
            os.dup2(os.dup(self.listener.fileno()), 3)  # by way of a third one: a descriptor already at 3 stays close-on-exec
            os.environ["LISTEN_FDS"] = "1"
            os.environ["LISTEN_PID"] = str(os.getpid())
            os.execv(kit.SERVER[0], [*kit.SERVER, *args])

        child = os.fork()
        if child == 0:
            try:
                pass_on()
            finally:
                os._exit(1)
        self.addCleanup(self.end, child)

        def said(words):
            with open(log) as file:
                return words in file.read()

        self.assertTrue(kit.eventually(lambda: os.path.exists(log) and said('link "')))  # has taken over its signals
        return child, lambda words: kit.eventually(lambda: said(words))

    def end(self, child):
        os.kill(child, signal.SIGTERM)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertTrue(os.path.exists(self.path))

    def policy(self, *sockets):
        path = os.path.join(self.folder, "policy.toml")
        with open(path, "w") as file:
            for number, where in enumerate(sockets):
                file.write(f'[[link]]\nname = "link{number}"\nsocket = "{where}"\nusers = [{os.geteuid()}]\n')
        return path

    def test_a_server_takes_over_a_socket_and_leaves_it_there(self):
        early = self.client(self.path)  # connected before there is a server
        self.start("--socket", self.path)
        self.assertEqual(early.greeting(0, 8)[0], 0)

    def test_a_socket_that_the_policy_drops_costs_nothing_and_serves_again_once_it_is_back(self):
        other = os.path.join(self.folder, "other")
        child, said = self.start("--policy", self.policy(other, self.path))
        self.assertEqual(self.client(self.path).greeting(0, 8)[0], 0)
        self.policy(other)
        os.kill(child, signal.SIGHUP)
        self.assertTrue(said("1 links"))
        waiting = self.client(self.path)
        before = processor_time(child)
        time.sleep(0.5)
        self.assertLess(processor_time(child) - before, 0.1)
        self.policy(other, self.path)
        os.kill(child, signal.SIGHUP)
        self.assertEqual(waiting.greeting(0, 8)[0], 0)

    def test_a_socket_is_not_lost_to_a_reload_that_fails(self):
        other = os.path.join(self.folder, "other")
        child, said = self.start("--policy", self.policy(other))
        self.policy(other, self.path, os.path.join(self.folder, "none", "s"))
        os.kill(child, signal.SIGHUP)
        self.assertTrue(said("the old policy stays"))
        self.policy(other, self.path)
        os.kill(child, signal.SIGHUP)
        self.assertEqual(self.client(self.path).greeting(0, 8)[0], 0)


class Limits(kit.Case):
    def test_without_descriptors_it_refuses_newcomers_and_serves_who_is_there(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        server = self.server(preexec_fn=limit)
        members, refused = [], 0
        for _ in range(20):
            client = self.client(server.path)
            number, _ = client.greeting(len(members), 8)
            if number >= 0:
                for member in members:
                    member.drain()
                members.append(client)
            else:
                self.assertEqual(number, -24)
                refused += 1
        self.assertGreaterEqual(len(members), 4)
        self.assertEqual(refused, 20 - len(members))
        # Not one to spare: every slot is taken by a client that has read nothing.
        knockers = [self.client(server.path) for _ in range(80)]
        self.assertTrue(server.said("no file descriptors left"))
        self.assertTrue(server.alive())
        with socket.socket(socket.AF_UNIX) as asks:
            asks.connect(server.status_path)
            before = processor_time(server.process.pid)
            time.sleep(0.5)
            self.assertLess(processor_time(server.process.pid) - before, 0.1)
        for knocker in knockers:
            knocker.close()
        members.pop().close()
        self.assertTrue(kit.eventually(lambda: self.client(server.path).greeting(len(members), 8)[0] >= 0))
        self.assertEqual(server.status()["left"], 1)

    def test_a_storm_of_ten_thousand_connections_leaves_no_trace(self):
        server = self.server()
        witness = self.client(server.path)
        witness.greeting(0, 8)
        descriptors = lambda: len(os.listdir(f"/proc/{server.process.pid}/fd"))
        before = descriptors()
        for _ in range(10000):
            s = socket.socket(socket.AF_UNIX)
            s.connect(server.path)
            s.close()
        self.assertEqual(self.client(server.path).greeting(1, 8)[0], 1)
        self.assertTrue(kit.eventually(lambda: descriptors() == before + 9))
        self.assertEqual(server.status()["links"][0]["ids_left"], 65534)

    def test_when_the_ids_run_out_it_refuses_until_the_witness_leaves(self):
        server = self.server("--vectors", 1, "--max-peers", 4)
        witness = self.client(server.path)
        witness.greeting(0, 1)
        witness.socket.setblocking(False)
        number = 0
        while number >= 0:
            try:
                while True:
                    witness.forget()
                    witness.read()
            except BlockingIOError:
                pass
            with kit.Client(server.path) as passer:
                previous, number = number, passer.read()[0]
                if number == 0:
                    message = passer.read()
                    number = message[0]
        self.assertEqual(number, -75)
        self.assertEqual(previous, 65535)
        self.assertTrue(server.alive())
        witness.close()
        self.assertTrue(kit.eventually(lambda: self.client(server.path).greeting(0, 1)[0] >= 0))


@unittest.skipIf(os.geteuid() != 0, "needs root to become other users")
class Rights(kit.Case):
    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)

    def policy(self, text):
        path = os.path.join(self.folder, "policy.toml")
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def test_others_cannot_connect_by_default(self):
        server = self.server()
        self.assertEqual(as_user(NOBODY, server.path), "denied")
        self.assertEqual(as_user(0, server.path), "0")

    def test_others_who_can_connect_are_refused_by_name_once(self):
        server = self.server()
        os.chmod(server.path, 0o666)
        for _ in range(3):
            self.assertEqual(as_user(NOBODY, server.path), "-13")
        self.assertEqual(server.log().count("uid 65534 (gid 65534) is a member of no link"), 1)
        self.assertEqual(server.status()["refused"], 3)

    def test_a_policy_admits_whom_it_names_and_not_even_root_besides(self):
        policy = self.policy(f'[[link]]\nname = "n"\nusers = [{NOBODY}]\nsocket-group = {NOBODY}\n')
        server = self.server("--policy", policy)
        mode = os.stat(server.path)
        self.assertEqual(stat.S_IMODE(mode.st_mode), 0o660)
        self.assertEqual(mode.st_gid, NOBODY)
        self.assertEqual(as_user(NOBODY, server.path), "0")
        self.assertEqual(as_user(1, server.path), "denied")
        self.assertEqual(as_user(0, server.path), "-13")

    def test_users_on_one_socket_get_the_link_that_is_theirs(self):
        policy = self.policy(
            f'[[link]]\nname = "root"\nusers = [0]\nsize = "4K"\n[[link]]\nname = "others"\ngroups = [{NOBODY}]\n'
        )
        server = self.server("--policy", policy)
        os.chmod(server.path, 0o666)
        with self.client(server.path) as client:
            _, messages = client.greeting(0, 8)
            self.assertEqual(os.fstat(messages[2][1]).st_size, 4096)
        self.assertEqual(as_user(NOBODY, server.path), "0")
        self.assertEqual(as_user(NOBODY - 1, server.path), "-13")

    def test_supplementary_groups_count(self):
        policy = self.policy('[[link]]\nname = "g"\ngroups = [4242]\n')
        server = self.server("--policy", policy)
        before = os.getgroups()
        with self.client(server.path) as client:
            self.assertEqual(client.read()[0], -13)
        os.setgroups(before + [4242])
        self.addCleanup(os.setgroups, before)
        with self.client(server.path) as client:
            self.assertEqual(client.read()[0], 0)

    def test_descriptors_that_a_link_leaves_unread_make_other_links_wait_and_drop_nobody(self):
        os.chown(self.folder, NOBODY, NOBODY)
        policy = self.policy("".join(f'[[link]]\nname = "{n}"\nsocket = "{self.folder}/{n}"\nusers = [0]\n' for n in "ab"))
        os.chown(policy, NOBODY, NOBODY)

        def nobody_with_few_files():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        server = self.server("--policy", policy, "--stall-limit", 0.15, preexec_fn=nobody_with_few_files)
        first = self.client(f"{self.folder}/b")
        first.greeting(0, 8)
        hoard = []
        for n in range(12):  # each leaves the memory and 8 doorbells unread
            hoard.append(self.client(f"{self.folder}/a"))
            hoard[n].read()  # the version, and no more
            self.assertTrue(kit.eventually(lambda: server.status()["joined"] == n + 2))
            hoard[n].socket.shutdown(socket.SHUT_WR)
        self.assertTrue(kit.eventually(lambda: server.peers(0) == []))
        second = self.client(f"{self.folder}/b")
        second.read()
        self.assertTrue(kit.eventually(lambda: server.peers(1) == [0, 1]))
        time.sleep(0.5)
        self.assertEqual(server.peers(1), [0, 1])
        self.assertEqual(server.log().count('link "b": peer 0 has to wait'), 1)
        for client in hoard:
            client.close()
        self.assertEqual([first.read()[0] for _ in range(8)], [1] * 8)
        self.assertEqual([second.read()[0] for _ in range(18)], [1, -1] + [0] * 8 + [1] * 8)

    def test_sighup_reads_the_policy_again_and_expels_who_is_out(self):
        policy = self.policy('[[link]]\nname = "n"\nusers = [0]\n')
        server = self.server("--policy", policy)
        client = self.client(server.path)
        client.greeting(0, 8)
        self.policy('[[link]]\nname = "n"\nusers = [1]\n')
        server.send(signal.SIGHUP)
        self.assertIsNone(client.read())
        self.assertTrue(server.said("the policy no longer admits it"))

    def test_a_bad_policy_is_one_sentence_with_its_line(self):
        policy = self.policy('[[link]]\nname = "n"\nusers = [0]\nsize = "3M"\n')
        run = subprocess.run([*kit.SERVER, "--policy", policy, "--socket", self.folder + "/s"], capture_output=True, text=True, timeout=10)
        self.assertEqual(run.returncode, 2)
        self.assertEqual(
            run.stderr,
            f"ivshmem-server: {policy}:4: the size 3M is not a power of two, which a PCI BAR must be: use 2M or 4M\n",
        )


if __name__ == "__main__":
    kit.main()
