# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Standard streams that are closed or full: results are not lost in silence, and nothing that is said reaches a socket
or a disk that was given the number of a closed one.

    standard_streams.py HAWSER
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import unittest


class StandardStreams(unittest.TestCase):
    def run_with(self, redirections, words="--help"):
        return subprocess.run(["sh", "-c", f'exec "$0" {words} {redirections}', HAWSER], capture_output=True, text=True,
                              timeout=60)

    def test_output_that_can_not_be_written_is_a_failure(self):
        for redirection in (">&-", ">/dev/full"):
            done = self.run_with(redirection)
            self.assertEqual(done.returncode, 2, redirection)
            self.assertEqual(done.stderr, "hawser: standard output could not be written: results are missing\n")

    def test_output_that_can_be_written_is_none(self):
        self.assertEqual(self.run_with("").returncode, 0)
        self.assertEqual(self.run_with("<&- 2>&-").returncode, 0)

    def test_numbers_of_closed_streams_are_not_used_again(self):
        with self.server("<&- >&- 2>&-") as pid:
            for fd in range(3):
                self.assertEqual(os.readlink(f"/proc/{pid}/fd/{fd}"), "/dev/null")

    def test_a_server_lives_on_when_what_it_says_can_not_be_written(self):
        with self.server("2>/dev/full"):
            pass
        reader, writer = os.pipe()
        os.close(reader)
        with self.server(f"2>&{writer}", pass_fds=[writer]):
            pass
        os.close(writer)

    @contextlib.contextmanager
    def server(self, redirections, **popen):
        """A server's process id; that it started, and ended as it should, is checked."""
        with tempfile.TemporaryDirectory(prefix="hawser-streams-") as folder:
            path = f"{folder}/w.sock"
            words = f'exec "$0" ivshmem-server --socket {path} --size 64K {redirections}'
            server = subprocess.Popen(["sh", "-c", words, HAWSER], **popen)
            try:
                end = time.monotonic() + 20
                while not os.path.exists(path) and server.poll() is None and time.monotonic() < end:
                    time.sleep(0.01)
                self.assertTrue(os.path.exists(path))
                yield server.pid
            finally:
                server.terminate()
                status = server.wait(20)
            self.assertEqual(status, 0)


if __name__ == "__main__":
    HAWSER = sys.argv.pop(1)
    unittest.main(verbosity=2)
