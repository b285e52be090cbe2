# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""What the system tests share: a folder that is gone afterwards, programs that are ended whatever happens, and a last line
that ./dev test can count."""

import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PREFIX = "hawser-test-"


def eventually(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def _lock(folder, flags=0):
    try:
        fd = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink:
            return fd
    except OSError:
        pass
    os.close(fd)
    return None


class Folder:
    """A folder for one test. What a killed run could not remove, which nobody has locked any more, is removed first."""

    def __init__(self):
        for old in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            if (fd := _lock(old)) is not None:
                shutil.rmtree(old, ignore_errors=True)
                os.close(fd)
        self._fd = None
        while self._fd is None:
            self._top = tempfile.mkdtemp(prefix=PREFIX)
            self._fd = _lock(self._top, os.O_CREAT)
        # One below, so that the lock is not in a test's way; a test may let others into its own.
        os.chmod(self._top, 0o711)
        self.path = os.path.join(self._top, "t")
        os.mkdir(self.path, 0o700)

    def remove(self):
        shutil.rmtree(self._top, ignore_errors=True)
        os.close(self._fd)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        self.remove()


class Running:
    """A program, and what it says in files."""

    def __init__(self, folder, *command, **popen):
        self.command = list(map(str, command))
        name = os.path.join(folder, f"{pathlib.Path(self.command[0]).name}-{time.monotonic_ns()}")
        self.out_path, self.err_path = f"{name}.out", f"{name}.err"
        popen.setdefault("stdin", subprocess.DEVNULL)
        with open(self.out_path, "w") as out, open(self.err_path, "w") as err:
            popen.setdefault("stdout", out)
            popen.setdefault("stderr", err)
            self.process = subprocess.Popen(self.command, **popen)

    def said(self):
        """On standard error."""
        return pathlib.Path(self.err_path).read_text(errors="replace")

    def out(self):
        return pathlib.Path(self.out_path).read_text(errors="replace")

    def says(self, words, seconds=10):
        return eventually(lambda: words in self.said() or not self.running(), seconds) and words in self.said()

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds=20):
        return self.process.wait(seconds)

    def end(self, number=signal.SIGTERM, seconds=20):
        """Ends it if it runs. Gives its exit status."""
        if self.running():
            self.process.send_signal(number)
        return self.process.wait(seconds)

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Case(unittest.TestCase):
    """A folder for each test, and everything started in it ended."""

    def setUp(self):
        folder = Folder()
        self.addCleanup(folder.remove)
        self.folder = folder.path

    def start(self, *command, **popen):
        running = Running(self.folder, *command, **popen)
        self.addCleanup(running.end, signal.SIGKILL)
        return running

    def disk(self, size, name="disk.img"):
        path = f"{self.folder}/{name}"
        with open(path, "wb") as file:
            file.truncate(size)
        return path

    def ended(self, *command):
        """What came of a command that ends by itself."""
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def end_in_order():
    """A run that is told to end ends what it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class _SideBySide(unittest.TestSuite):
    """Tests that mostly wait: all at once."""

    def run(self, result, debug=False):
        tests = list(self)
        results = [unittest.TextTestResult(unittest.runner._WritelnDecorator(sys.stderr), False, 1) for _ in tests]
        for each in results:
            each.dots = False
        threads = [threading.Thread(target=test.run, args=(each,)) for test, each in zip(tests, results)]
        for thread in threads:
            thread.start()
        for thread, test, each in zip(threads, tests, results):
            thread.join()
            result.testsRun += each.testsRun
            for kind in ("failures", "errors", "skipped", "expectedFailures", "unexpectedSuccesses"):
                getattr(result, kind).extend(getattr(each, kind))
            said = "skipped" if each.skipped else "ok" if each.wasSuccessful() else "FAILED"
            print(f"{test} ... {said}", file=sys.stderr)
        return result


def main(side_by_side=False):
    """Runs the tests of the script; what is left of the command line is unittest's."""
    end_in_order()

    class Loader(unittest.TestLoader):
        def loadTestsFromModule(self, *words, **more):
            suite = super().loadTestsFromModule(*words, **more)
            return _SideBySide(test for group in suite for test in group) if side_by_side else suite

    result = unittest.main("__main__", exit=False, verbosity=2, testLoader=Loader()).result
    bad = len(result.failures) + len(result.errors)
    sys.stderr.flush()
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason.removeprefix('SKIPPED: ')}")
    print(f"{result.testsRun - bad - len(result.skipped)} passed, {bad} failed, {len(result.skipped)} skipped")
    sys.exit(1 if bad or result.testsRun == 0 else 0)
