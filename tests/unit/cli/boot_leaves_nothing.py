# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""What `hawser boot` leaves behind, however it ends: only the logs of this run. And what it says of a side that failed.

    boot_leaves_nothing.py HAWSER
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest


class Boot(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hawser-leaves-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.runtime = f"{self.folder}/run"
        os.mkdir(self.runtime)

    def start(self, *words, **popen):
        """Two processes, so that no image is needed."""
        command = [HAWSER, "boot", "--driver", "process", "--device", "process", *words]
        running = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
                                   env={**os.environ, "XDG_RUNTIME_DIR": self.runtime}, **popen)
        self.addCleanup(running.wait)
        self.addCleanup(running.kill)
        return running

    def finish(self, *words):
        running = self.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, said = running.communicate(timeout=60)
        return running.returncode, out, said

    def left(self):
        return os.listdir(self.runtime)

    def wait_for(self, condition):
        end = time.monotonic() + 10
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def serving(self):
        try:
            with open(f"{self.folder}/logs/device.log", encoding="utf-8") as log:
                return "link up" in log.read()
        except OSError:
            return False

    def test_an_ordinary_run(self):
        status, _, said = self.finish()
        self.assertEqual(status, 0, said)
        self.assertEqual(self.left(), [])

    def test_readers_that_go_away(self):
        for closed in ("stdout", "stderr", "both"):
            with self.subTest(closed):
                streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT if closed == "both" else subprocess.PIPE}
                running = self.start("--seconds", "1" if closed == "stderr" else "30", **streams)
                line = (running.stderr or running.stdout).readline()
                self.assertIn("window of", line)
                if closed != "stderr":
                    running.stdout.close()
                if closed == "stderr":
                    running.stderr.close()
                # Nobody misses the progress; without a reader of the results there is nothing left to do.
                self.assertEqual(running.wait(20) == 0, closed == "stderr")
                self.assertEqual(self.left(), [])
                for stream in (running.stdout, running.stderr):
                    if stream is not None:
                        stream.close()

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                running = self.start("--quiet", "--seconds", "30", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self.wait_for(self.serving)
                running.send_signal(number)
                _, said = running.communicate(timeout=20)
                self.assertEqual(running.returncode, 1)
                self.assertIn("stopped by a signal", said)
                self.assertEqual(self.left(), [])
                os.unlink(f"{self.folder}/logs/device.log")

    def test_what_a_killed_run_could_not_remove_is_removed_by_the_next_and_a_living_run_keeps_its_own(self):
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        killed = self.start("--seconds", "30", **streams)
        self.wait_for(self.serving)
        killed.kill()
        killed.wait()
        self.assertEqual(len(self.left()), 1)
        stale = self.left()[0]
        os.mkdir(f"{self.runtime}/hawser-run-strange")  # nobody's, perhaps about to be somebody's
        living = self.start("--seconds", "30", "--logs", f"{self.folder}/other", **streams)
        self.wait_for(lambda: len(set(self.left()) - {stale, "hawser-run-strange"}) == 1)
        self.assertEqual(self.finish("--quiet")[0], 0)
        self.assertNotIn(stale, self.left())
        self.assertIn("hawser-run-strange", self.left())
        self.assertEqual(len(self.left()), 2)
        living.send_signal(signal.SIGTERM)
        self.assertEqual(living.wait(20), 1)
        self.assertEqual(self.left(), ["hawser-run-strange"])

    def test_logs_of_another_run_are_gone(self):
        os.mkdir(f"{self.folder}/logs")
        for name in ("broker.log", "stranger.log", "xen.log", "xen.dtb", "mine.txt"):
            with open(f"{self.folder}/logs/{name}", "w") as file:
                file.write("old")
        self.assertEqual(self.finish("--quiet")[0], 0)
        self.assertEqual(sorted(os.listdir(f"{self.folder}/logs")), ["device.log", "driver.log", "mine.txt"])

    def test_a_folder_in_which_nothing_can_be_locked_is_named(self):
        with open(HAWSER, "rb") as program:
            if b"__ubsan_handle" in program.read():
                self.skipTest("SKIPPED: a sanitizer needs descriptors for itself")
        few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))  # enough for a folder, not for a file in it
        running = self.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=few)
        _, said = running.communicate(timeout=10)
        self.assertEqual(running.returncode, 2, said)
        self.assertIn(self.runtime, said)
        self.assertEqual(self.left(), [])

    def test_a_third_domain_that_has_ended_costs_nothing(self):
        """Its machine is off long before the driver's."""
        os.mkdir(f"{self.folder}/bin")
        for arch in ("x86_64", "aarch64"):
            with open(f"{self.folder}/bin/qemu-system-{arch}", "w") as fake:
                fake.write('#!/bin/sh\ncase "$*" in *stranger*) exit 0 ;; esac\nexec sleep 2\n')
            os.chmod(fake.name, 0o755)
            os.makedirs(f"{self.folder}/images/{arch}")
            for side in ("driver", "device", "stranger"):
                open(f"{self.folder}/images/{arch}/hawser-{side}.img", "w").close()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([HAWSER, "boot", "--link", "argo-broker", "--images", f"{self.folder}/images"], cwd=self.folder,
                              stdin=subprocess.DEVNULL, text=True, capture_output=True, timeout=60,
                              env={**os.environ, "XDG_RUNTIME_DIR": self.runtime, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("stranger", done.stderr)
        self.assertLess(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)  # of two that it lasts
        self.assertEqual(self.left(), [])

    def test_a_side_that_fails_is_quoted(self):
        for side in ("driver", "device"):
            status, _, said = self.finish("--quiet", f"--{side}-argument", "--nonsense")
            self.assertEqual(status, 1, said)
            self.assertIn("--nonsense", said)
            self.assertIn(f"its console is in logs/{side}.log", said)


if __name__ == "__main__":
    HAWSER = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
