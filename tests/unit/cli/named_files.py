# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Files and folders that `hawser boot` is given and that will not do: one sentence, status 2, nothing started.

    named_files.py HAWSER
"""

import os
import subprocess
import sys
import tempfile
import unittest


class NamedFiles(unittest.TestCase):
    def refused(self, folder, sentence, *words, cwd=None):
        with self.subTest(words=words):
            done = subprocess.run([HAWSER, "boot", "--quiet", "--images", folder, *words], capture_output=True, text=True, timeout=20,
                                  stdin=subprocess.DEVNULL, cwd=cwd or folder)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(sentence, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertNotIn("filesystem error", done.stderr)

    def test_folders_for_logs(self):
        with tempfile.TemporaryDirectory() as folder:
            file = f"{folder}/file"
            with open(file, "w"):
                pass
            for logs in (file, f"{file}/below", "/proc/nothing"):
                self.refused(folder, f"no logs can be kept in {logs}: ", "--logs", logs)
            self.refused(folder, "with --logs", cwd="/proc")  # ./logs, where nothing can be made

    def test_disks(self):
        with tempfile.TemporaryDirectory() as folder:
            odd = f"{folder}/odd.img"
            with open(odd, "wb") as disk:
                disk.truncate(5000)
            self.refused(folder, "/dev/null can't be the disk: ", "--disk", "/dev/null")
            self.refused(folder, "/dev/null can't be the disk: ", "--disk", "/dev/null", "--device", "process")
            self.refused(folder, "it has 5000 bytes, and a guest is lent a power of two", "--disk", odd)


if __name__ == "__main__":
    HAWSER = os.path.abspath(sys.argv.pop(1))
    unittest.main()
