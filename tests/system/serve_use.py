#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""`hawser ivshmem-server`, `serve` and `use` as a user starts them: every kind of device, and what goes wrong.

    serve_use.py --hawser PROGRAM [unittest arguments]
"""

import ctypes
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

import kit
from kit import eventually

HAWSER = None  # set by main()
CLONE_NEWNET = 0x40000000


class Case(kit.Case):
    def setUp(self):
        super().setUp()
        self.server = self.start("ivshmem-server", "--socket", self.socket, "--size", "16M")
        self.assertTrue(eventually(lambda: os.path.exists(self.socket)), self.server.said())

    @property
    def socket(self):
        return f"{self.folder}/window.sock"

    def start(self, *words, **popen):
        return super().start(HAWSER, *words, **popen)

    def serve(self, *devices, **popen):
        words = [word for device in devices for word in ("--device", device)]
        serving = self.start("serve", "--link", f"ivshmem:{self.socket}", *words, **popen)
        self.assertTrue(serving.says("serving as peer"), serving.said())
        return serving

    def start_use(self, *words):
        return self.start("use", "--link", f"ivshmem:{self.socket}", "--verify", "--json", *words)

    def finish(self, use, status=0, seconds=60):
        self.assertEqual(use.process.wait(seconds), status, use.said() + use.out())
        results = json.loads(use.out())
        self.assertEqual(results["status"], status)
        return {(row["device"], row["operation"]): row for row in results["results"]}

    def use(self, *words, status=0):
        return self.finish(self.start_use(*words), status)

    def refused(self, status, sentence, *words):
        done = subprocess.run([HAWSER, *words], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(sentence, done.stderr)
        self.assertEqual(done.stderr.splitlines()[0].count("hawser: "), 1)
        self.assertLessEqual(len(done.stderr.splitlines()), 2, done.stderr)
        self.assertEqual(done.stdout, "")


class Devices(Case):
    def test_memory_echo_and_entropy_in_one_process(self):
        self.serve("blk,memory=8M", "net,echo", "console,echo", "rng")
        rows = self.use()
        self.assertEqual({device for device, _ in rows}, {"blk0", "net1", "console2", "rng3"})
        self.assertTrue(all(row["verified"] for row in rows.values()))

    def test_stats_show_both_sides_of_a_running_link(self):
        serving = self.serve("blk,memory=8M", "net,echo")
        use = self.start_use("--seconds", "8")
        pids = {serving.process.pid, use.process.pid}

        def stats(*words):
            return subprocess.run([HAWSER, "stats", *words], capture_output=True, text=True, timeout=20)

        def queues():
            said = stats("--json", "--deadline", "1ns")
            return [queue for queue in json.loads(said.stdout)["queues"] if queue["pid"] in pids] if said.stdout else []

        self.assertTrue(eventually(lambda: {queue["side"] for queue in queues() if queue["requests"] > 1000} ==
                                   {"driver", "device"}, 10), use.said())
        for queue in queues():
            if queue["device_id"] == 2:
                self.assertEqual(queue["link"], f"ivshmem:{self.socket}")
                times = queue["ns"]["published to reaped" if queue["side"] == "driver" else "seen to completed"]
                self.assertGreater(times["samples"], 10)
                self.assertLessEqual(times["p50"], times["p99"])
                self.assertLessEqual(times["p99"], times["longest"])
                self.assertGreater(times["p50"], 100)  # no queue is faster
                self.assertLess(times["p50"], 100_000_000)
                if queue["side"] == "driver":
                    self.assertGreater(queue["later_than_deadline"], times["samples"] * 0.99)
        live = self.start("stats", "--pid", str(use.process.pid))
        self.assertTrue(eventually(lambda: "requests/s" in live.out(), 10), live.said())
        self.assertEqual(live.end(signal.SIGINT), 0)
        for row in ("published to reaped", "published to bell", "p99.9"):
            self.assertIn(row, live.out())
        self.assertIn("published to seen", stats("--once").stdout)  # it sees both sides
        self.finish(use)
        done = stats("--pid", str(use.process.pid))
        self.assertEqual(done.returncode, 1)
        self.assertIn("shows no times", done.stderr)
        self.assertEqual(serving.end(), 0)

    def test_a_file_has_what_was_written_and_keeps_it(self):
        path = self.disk(8 << 20)
        serving = self.serve(f"blk,file={path},queues=2,id=shelf")
        rows = self.use("--bytes", "8M")
        self.assertGreater(rows[("blk0", "write-4K")]["operations"], 1000)
        self.assertEqual(serving.end(), 0)
        self.assertEqual(os.path.getsize(path), 8 << 20)
        content = pathlib.Path(path).read_bytes()
        self.assertEqual(content[: 4 << 20].strip(b"\0"), b"")  # zeroed by the last test of the pass
        self.assertGreater(len(set(content[4 << 20 :])), 200)

    def test_a_read_only_file_is_never_written(self):
        path = self.disk(1 << 20)
        os.chmod(path, 0o400)
        self.serve(f"blk,file={path},ro")
        rows = self.use(status=1)
        self.assertTrue(rows[("blk0", "get-id")]["verified"])
        self.assertFalse(rows[("blk0", "write-4K")]["verified"])
        self.assertEqual(pathlib.Path(path).read_bytes().strip(b"\0"), b"")

    def test_a_file_that_shrinks_under_traffic_gives_errors_and_one_that_grows_is_noticed(self):
        path = self.disk(16 << 20)
        serving = self.serve(f"blk,file={path}", "rng")
        use = self.start_use("--bytes", "16M", "--seconds", "20")
        time.sleep(1)
        os.truncate(path, 1 << 20)
        rows = self.finish(use, 1)
        self.assertFalse(all(row["verified"] for (device, _), row in rows.items() if device == "blk0"))
        self.assertTrue(rows[("rng1", "read")]["verified"])
        self.assertTrue(serving.running(), serving.said())
        os.truncate(path, 8 << 20)
        time.sleep(0.3)
        rows = self.use("--bytes", "8M")
        self.assertEqual(rows[("blk0", "write-64K")]["bytes"], 8 << 20)

    def test_user_networking_answers_arp_and_ping(self):
        self.serve("net,user,restricted")
        rows = self.use()
        self.assertEqual(rows[("net0", "ping")]["operations"], 200)
        self.assertEqual({operation for _, operation in rows}, {"arp", "ping", "control"})

    def test_idle_devices_cost_nothing(self):
        self.assert_idle(self.serve("net,user", "console,pty", f"blk,file={self.disk(1 << 20)}", "rng"))

    def assert_idle(self, serving):
        for _ in range(2):  # before a driver came, and after it left
            time.sleep(0.3)
            before = serving.processor_seconds()
            time.sleep(1)
            self.assertLess(serving.processor_seconds() - before, 0.15)
            self.use()

    def test_a_pseudo_terminal_gets_the_drivers_line(self):
        link = f"{self.folder}/terminal"
        serving = self.serve(f"console,pty={link},pty")
        self.assertTrue(os.path.islink(link))
        self.assertIn(os.readlink(link), serving.said())
        fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
        try:
            rows = self.use()
            self.assertIn("was not checked", rows[("console0", "write")]["note"])
            self.assertTrue(select.select([fd], [], [], 5)[0])
            self.assertEqual(os.read(fd, 100), b"Hawser's driver side was here.\r\n")
        finally:
            os.close(fd)
        self.assertEqual(serving.end(), 0)
        self.assertFalse(os.path.lexists(link))

    def test_standard_output_gets_the_drivers_line_and_may_go_away(self):
        reader, writer = os.pipe()
        serving = self.serve("console,stdio", "rng", stdout=writer)
        os.close(writer)
        self.use()
        self.assertEqual(os.read(reader, 100), b"Hawser's driver side was here.\r\n")
        os.close(reader)
        self.use()
        self.assertTrue(serving.running())

    def test_packed_and_split_queues(self):
        self.serve("blk,memory=8M", "net,echo")
        self.use("--split")
        self.use()


class Tap(Case):
    """In a network namespace of its own, which the children share."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("SKIPPED: a network namespace needs root")
        if not os.path.exists("/dev/net/tun"):
            raise unittest.SkipTest("SKIPPED: there is no /dev/net/tun")
        if not shutil.which("ip"):
            raise unittest.SkipTest("SKIPPED: ip (iproute2) is not installed")
        cls.before = os.open("/proc/self/ns/net", os.O_RDONLY)
        cls.libc = ctypes.CDLL(None, use_errno=True)
        if cls.libc.unshare(CLONE_NEWNET) != 0:
            os.close(cls.before)
            raise unittest.SkipTest(f"SKIPPED: no network namespace: {os.strerror(ctypes.get_errno())}")

    @classmethod
    def tearDownClass(cls):
        cls.libc.setns(cls.before, CLONE_NEWNET)
        os.close(cls.before)

    def ip(self, *words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def test_the_kernel_answers_through_a_tap(self):
        for name, options in (("hawser0", ""), ("hawser1", ",queues=2")):
            with self.subTest(options=options):
                many = ["multi_queue"] if options else []
                self.ip("tuntap", "add", name, "mode", "tap", *many)
                self.ip("addr", "add", "10.0.2.2/24", "dev", name)
                self.ip("link", "set", name, "up")
                serving = self.serve(f"net,tap={name}{options}")
                rows = self.use()
                self.assertEqual(rows[("net0", "ping")]["operations"], 200)
                self.assertEqual(serving.end(), 0)
                self.ip("link", "del", name)

    def test_a_tap_is_made_when_it_is_missing_and_a_network_that_is_down_is_said(self):
        serving = self.serve("net,tap=hawser2")
        rows = self.use(status=1)
        self.assertIn("is down", rows[("net0", "network")]["note"])
        other = f"{self.folder}/other.sock"
        self.start("ivshmem-server", "--socket", other, "--size", "16M")
        self.assertTrue(eventually(lambda: os.path.exists(other)))
        self.refused(2, "another process has it", "serve", "--link", f"ivshmem:{other}", "--device", "net,tap=hawser2")
        self.assertEqual(serving.end(), 0)
        self.assertNotIn("hawser2", os.listdir("/sys/class/net"))

    def test_an_interface_of_another_kind_is_one_sentence(self):
        self.refused(2, "an interface of another kind", "serve", "--link", f"ivshmem:{self.socket}", "--device",
                     "net,tap=lo")


class Links(Case):
    def test_a_second_server_of_one_link_ends_with_one_sentence(self):
        first = self.serve("rng")
        second = self.start("serve", "--link", f"ivshmem:{self.socket}", "--device", "rng")
        self.assertEqual(second.process.wait(10), 1)
        self.assertEqual(second.said(), "hawser: another living party already serves this link's devices: "
                         "stop that one first, or serve another link\n")
        self.use()
        self.assertTrue(first.running())

    def test_a_second_driver_of_one_link_ends_with_one_sentence(self):
        self.serve("rng", "blk,memory=4M")
        first = self.start_use("--seconds", "4")
        time.sleep(1)
        second = self.start_use()
        self.assertEqual(second.process.wait(10), 1)
        self.assertEqual(second.said(), "hawser: another living party already drives this link's devices\n")
        self.finish(first)

    def test_a_killed_server_loses_nothing_that_was_acknowledged(self):
        path = self.disk(16 << 20)
        serving = self.serve(f"blk,file={path}")
        use = self.start_use("--bytes", "16M", "--seconds", "6")
        for _ in range(3):
            time.sleep(1.5)
            serving.end(signal.SIGKILL)
            serving = self.serve(f"blk,file={path}")
        rows = self.finish(use)
        self.assertIn("came back", "".join(row.get("note", "") for row in rows.values()))
        self.assertTrue(all(row["verified"] for row in rows.values()))

    def test_a_killed_driver_leaves_devices_that_the_next_one_can_use(self):
        serving = self.serve("blk,memory=4M", "net,echo", "console,echo", "rng")
        for seconds in (0.05, 0.3, 1):
            use = self.start_use("--seconds", "20")
            time.sleep(seconds)
            use.end(signal.SIGKILL)
        self.use()
        self.assertTrue(serving.running())

    def test_either_side_may_be_first_and_a_driver_waits_only_so_long(self):
        started = time.monotonic()
        self.assertEqual(self.start_use("--patience", "1").process.wait(10), 1)
        self.assertGreater(time.monotonic() - started, 0.9)
        early = self.start_use()
        time.sleep(0.5)
        self.serve("rng")
        self.finish(early)

    def test_a_server_that_never_greets_is_waited_for_as_long_as_patience_lasts(self):
        path = f"{self.folder}/silent.sock"
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(path)
            silent.listen()
            for words in (("use", "--verify"), ("serve", "--device", "rng")):
                for patience in (1, 2):
                    started = time.monotonic()
                    self.refused(2, f"did not complete its greeting within {patience}000 ms", *words, "--link", f"ivshmem:{path}", "--patience",
                                 str(patience))
                    self.assertGreaterEqual(time.monotonic() - started, patience)
                    self.assertLess(time.monotonic() - started, patience + 10)

    def test_serving_goes_on_without_the_ivshmem_server(self):
        serving = self.serve("blk,memory=4M")
        use = self.start_use("--seconds", "3")
        time.sleep(1)
        self.server.end(signal.SIGKILL)
        self.finish(use)
        self.assertTrue(serving.running())
        self.assertEqual(serving.said().count("the server is gone"), 1)
        self.assertEqual(serving.end(), 0)

    def test_a_signal_ends_either_side_at_once_and_leaves_nothing(self):
        took = []
        for number in (signal.SIGTERM, signal.SIGINT):
            serving = self.serve(f"blk,file={self.disk(4 << 20)}", f"console,pty={self.folder}/t", "net,user")
            use = self.start_use("--seconds", "60")
            time.sleep(1)
            started = time.monotonic()
            self.assertEqual(use.end(number), 1)
            self.assertIn("stopped", use.said())
            self.assertEqual(json.loads(use.out())["status"], 1)
            self.assertEqual(serving.end(number), 0)
            took.append(time.monotonic() - started)
            self.assertFalse(os.path.lexists(f"{self.folder}/t"))
        self.assertLess(min(took), 2, took)  # one of them may have met a busy machine
        self.assertEqual(self.server.end(), 0)
        self.assertFalse(os.path.exists(self.socket))

    def test_serving_ends_well_in_the_middle_of_traffic(self):
        for _ in range(3):
            serving = self.serve("console,echo")
            use = self.start_use("--seconds", "20")
            self.assertTrue(serving.says("link up"), serving.said())
            time.sleep(1)
            self.assertEqual(serving.end(signal.SIGTERM), 0, serving.said())
            use.end(signal.SIGTERM)

    def test_a_server_that_stands_still_and_wakes_up_gives_way_until_the_other_is_gone(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number):
                first = self.serve("blk,memory=4M", "rng")
                first.process.send_signal(signal.SIGSTOP)
                second = self.serve("rng", "net,echo")
                first.process.send_signal(signal.SIGCONT)
                self.assertTrue(first.says("standing by until it is gone"), first.said())
                for _ in range(2):
                    self.assertEqual({device for device, _ in self.use()}, {"rng0", "net1"})  # the second's
                second.end(number)
                self.assertTrue(first.says("served from here again"), first.said())
                for _ in range(2):
                    self.assertEqual({device for device, _ in self.use()}, {"blk0", "rng1"})
                self.assertEqual(first.said().count("standing by"), 1)
                self.assertEqual(first.end(), 0)

    def test_a_server_that_stands_by_can_be_stopped_and_leaves_the_other_alone(self):
        first = self.serve("rng")
        first.process.send_signal(signal.SIGSTOP)
        second = self.serve("rng")
        first.process.send_signal(signal.SIGCONT)
        self.assertTrue(first.says("standing by"), first.said())
        use = self.start_use("--seconds", "2")
        time.sleep(1)
        self.assertEqual(first.end(), 0)
        rows = self.finish(use)
        self.assertFalse(any("note" in row for row in rows.values()), rows)
        self.assertTrue(second.running())

    def test_nobody_has_to_read_what_is_said(self):
        reader, writer = os.pipe()
        os.close(reader)
        command = [HAWSER, "serve", "--link", f"ivshmem:{self.socket}", "--device", "rng"]
        serving = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer)
        os.close(writer)
        try:
            self.use()
            self.assertIsNone(serving.poll())
        finally:
            serving.terminate()
            self.assertEqual(serving.wait(10), 0)


class WrongWords(Case):
    def test_wrong_words_are_one_sentence_and_where_help_is(self):
        link = f"ivshmem:{self.socket}"
        serve = ("serve", "--link", link, "--device")
        for status, sentence, words in (
            (64, "name a verb", ()),
            (64, "there is no verb 'sail'", ("sail",)),
            (64, "--link is required", ("serve", "--device", "rng")),
            (64, "--device is required", ("serve", "--link", link)),
            (64, "'tcp:1' is not a link", ("serve", "--link", "tcp:1", "--device", "rng")),
            (64, "'floppy' is not a kind of device", (*serve, "floppy")),
            (64, "'fast' is not an option of the device rng", (*serve, "rng,fast")),
            (64, "either file=PATH or memory=SIZE", (*serve, "blk")),
            (64, "1 to 32 devices can be served, not 33", ("serve", "--link", link, *(["--device", "rng"] * 33))),
            (64, "--bytes", ("use", "--link", link, "--verify", "--bytes", "many")),
            (64, "--verify is required", ("use", "--link", link)),
            (2, "no ivshmem server on", ("use", "--link", "ivshmem:/nonexistent", "--verify")),
            (2, "the disk /nonexistent cannot be opened for writing: No such file", (*serve, "blk,file=/nonexistent")),
            (2, "the disk /etc cannot be opened for writing: Is a directory", (*serve, "blk,file=/etc")),
            (2, "is neither a file nor a block device", (*serve, "blk,file=/dev/null")),
            (2, "making the link /nonexistent/x", (*serve, "console,pty=/nonexistent/x")),
            (2, "formatted for fewer links than the link number asked for", ("serve", "--link", f"{link},link=5", "--device", "rng")),
        ):
            with self.subTest(words=words[:5]):
                self.refused(status, sentence, *words)

    def test_a_disk_that_another_process_serves_is_refused(self):
        path = self.disk(1 << 20)
        self.serve(f"blk,file={path}")
        other = f"{self.folder}/other.sock"
        self.start("ivshmem-server", "--socket", other, "--size", "16M")
        self.assertTrue(eventually(lambda: os.path.exists(other)))
        self.refused(2, "is in use by another process", "serve", "--link", f"ivshmem:{other}", "--device",
                     f"blk,file={path}")

    @unittest.skipIf(os.geteuid() != 0, "SKIPPED: giving up rights needs root")
    def test_missing_rights_are_one_sentence(self):
        os.chmod(self.folder, 0o777)
        path = self.disk(1 << 20)
        os.chmod(path, 0o400)
        give_up = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]  # root without any right
        for sentence, device in (("cannot be opened for writing: Permission denied", f"blk,file={path}"),
                                 ("Operation not permitted; let root make the interface", "net,tap=hawser9")):
            if device.startswith("blk"):
                os.chown(path, 1, 1)
            done = subprocess.run([*give_up, HAWSER, "serve", "--link", f"ivshmem:{self.socket}", "--device", device],
                                  capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(sentence, done.stderr)


class FullDisk(Case):
    @unittest.skipIf(os.geteuid() != 0, "SKIPPED: a file system of our own needs root")
    def test_a_full_disk_is_an_error_to_the_driver_and_nothing_else(self):
        place = f"{self.folder}/small"
        os.mkdir(place)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2M", "none", place], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("SKIPPED: mounting a tmpfs is not allowed here")
        try:
            path = self.disk(8 << 20, "small/disk.img")  # sparse: only 2 MiB of it fit
            serving = self.serve(f"blk,file={path}", "rng")
            rows = self.use("--bytes", "8M", status=1)
            self.assertFalse(rows[("blk0", "write-4K")]["verified"])
            self.assertTrue(rows[("rng1", "read")]["verified"])
            self.assertIn("No space left on device", serving.said())
            self.assertLess(len(serving.said().splitlines()), 20)
            rows = self.use("--bytes", "1M")  # what fits still works
            self.assertTrue(all(row["verified"] for row in rows.values()))
            self.assertEqual(serving.end(), 0)
        finally:
            subprocess.run(["umount", "-l", place], check=True)


def main():
    global HAWSER
    if len(sys.argv) < 3 or sys.argv[1] != "--hawser":
        sys.exit(__doc__)
    HAWSER = os.path.abspath(sys.argv[2])
    del sys.argv[1:3]
    kit.main()


if __name__ == "__main__":
    main()
