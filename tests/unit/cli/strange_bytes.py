# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Paths that are not UTF-8, as Linux allows them to be: JSON that names them is JSON, and a server that names them lives.

    strange_bytes.py HAWSER
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest


def eventually(condition):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    return None


class StrangeBytes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix=b"hawser-bytes-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    @contextlib.contextmanager
    def running(self, *words):
        """A process of the command, which ends well once it is told to."""
        started = subprocess.Popen([HAWSER, *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            yield started
        finally:
            started.terminate()
            status = started.wait(20)
        self.assertEqual(status, 0)

    def answer(self, path):
        with socket.socket(socket.AF_UNIX) as asks:
            asks.connect(path)
            text = b""
            while part := asks.recv(65536):
                text += part
        return json.loads(text.decode())

    def test_the_servers_answer_for_their_state_again_and_again(self):
        strange, status = self.folder + b"/w\xf6.sock", self.folder + b"/status"
        for words, sockets in (
            ((b"ivshmem-server", b"--size", b"64K", b"--socket", strange), lambda said: said["links"]),
            ((b"argo-broker", b"--domain", b"1:" + strange), lambda said: said["domains"]),
        ):
            with self.subTest(words[0]), self.running(*words, b"--status-socket", status):
                self.assertTrue(eventually(lambda: os.path.exists(status)))
                for _ in range(2):
                    self.assertEqual([os.path.basename(one["socket"]) for one in sockets(self.answer(status))], ["w\ufffd.sock"])

    def test_the_results_of_a_run_are_not_lost_to_the_name_of_its_logs(self):
        done = subprocess.run([HAWSER, "boot", "--driver", "process", "--device", "process", "--quiet", "--json", "--logs", b"l\xf6gs"],
                              cwd=self.folder, capture_output=True, timeout=60, env={**os.environb, b"XDG_RUNTIME_DIR": self.folder})
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout.decode())
        self.assertTrue(said["results"])
        self.assertEqual(said["logs"], "l\ufffdgs")

    def test_stats_name_the_links_of_others(self):
        window = self.folder + b"/w\xf6.sock"
        link = b"ivshmem:" + window
        with self.running("ivshmem-server", "--size", "16M", "--socket", window):
            self.assertTrue(eventually(lambda: os.path.exists(window)))
            with self.running("serve", "--link", link, "--device", "rng") as serving:

                def shown():
                    stats = subprocess.run([HAWSER, "stats", "--json", "--pid", str(serving.pid)], capture_output=True, timeout=20)
                    self.assertIn(stats.returncode, (0, 1), stats.stderr)
                    return json.loads(stats.stdout.decode())["queues"] if stats.stdout else []

                with subprocess.Popen([HAWSER, "use", "--link", link, "--verify", "--seconds", "20"], stderr=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL) as use:
                    queues = eventually(shown)
                    use.terminate()
        self.assertTrue(queues)
        self.assertEqual({os.path.basename(queue["link"]) for queue in queues}, {"w\ufffd.sock"})


if __name__ == "__main__":
    HAWSER = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
