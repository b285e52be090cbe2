# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Every number that an option takes: what is none, or out of range, is one sentence that names the option and its range.

    numbers.py HAWSER
"""

import subprocess
import sys
import tempfile
import unittest

NO_NUMBERS = ("", " ", "nan", "inf", "-inf", "-1", "+5", " 5", "5 ", "5x", "1e30", "1e2", "0x10", "1.5.2", ".", "99999999999999999999",
              "５", "1_000", "1,000")

LINK = ("--link", "ivshmem:/nonexistent/socket")
USE = ("use", "--verify", *LINK)
SERVE = ("serve", *LINK)
SERVER = ("ivshmem-server", "--socket", "/nonexistent/socket")

# words before it, option, what its sentence says, numbers that are out of range
WHOLE = (
    (("boot",), "--seconds", "0 to 86400", ("86401", "1.5")),
    (("boot",), "--vectors", "1 to 64", ("0", "65", "1.5")),
    (USE, "--seconds", "0 to 86400", ("86401", "1.5")),
    (USE, "--patience", "1 to 86400", ("0", "86401", "1.5")),
    ((*SERVE, "--device", "rng"), "--spin", "0 to 1000000", ("1000001", "1.5")),
    ((*SERVE, "--device", "rng"), "--patience", "1 to 86400", ("0", "86401", "1.5")),
    (SERVER, "--vectors", "1 to 2048", ("0", "2049", "1.5")),
    (SERVER, "--max-peers", "1 to 65536", ("0", "65537", "1.5")),
    (("bench", "queue"), "--rounds", "3 to 100000", ("0", "2", "100001", "1.5")),
    (("bench", "queue"), "--size", "64", ("0", "63", "65", "2048", "1.5")),
)
SIZES = (
    (("boot",), "--size", "a power of two from 256K to 1G", ("0", "4K", "3M", "2G", "-16M", "1.5M", "16Q", "16M5", "99999999T")),
    (SERVER, "--size", "a power of two from 4K to 4194304T", ("0", "2K", "3M", "8388608T", "-16M", "1.5M", "16Q", "16M5", "99999999T")),
    (USE, "--bytes", "from 64K to 1T", ("0", "63K", "2T", "-4M", "1.5M", "4Q", "99999999T")),
)
# of a device or a link: the word with its value left out, what its sentence says, and more that it does not take
PARTS = (
    ("--device", "blk,memory=", "must be a size from 512 to 1T", ("0", "511", "2T", "99999999T", "1.5M", "-1M")),
    ("--device", "blk,memory=1M,queues=", "must be a number from 1 to 8", ("0", "9", "1.5")),
    ("--device", "net,echo,mtu=", "must be a number from 68 to 65535", ("0", "67", "65536", "1.5")),
    ("--device", "net,tap=none,queues=", "must be a number from 1 to 4", ("0", "5", "1.5")),
    ("--link", "ivshmem:/nonexistent,link=", "must be a number from 0 to 4095", ("4096", "1.5")),
    ("--link", "ivshmem:/nonexistent,links=", "must be a number from 1 to 4096", ("0", "4097", "1.5")),
)


class Numbers(unittest.TestCase):
    def refused(self, sentence, *words):
        with self.subTest(words=words):
            done = subprocess.run([HAWSER, *words], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 64, done.stderr)
            lines = done.stderr.splitlines()
            self.assertEqual(len(lines), 2, done.stderr)
            self.assertTrue(lines[0].startswith("hawser: "), done.stderr)
            self.assertIn(sentence, lines[0])
            self.assertRegex(lines[1], "^See: hawser .*--help$")
            return lines[0]

    def refuse_all(self, table, numbers):
        for before, option, sentence, more in table:
            for number in (*numbers, *more):
                line = self.refused(sentence, *before, option, number)
                self.assertIn(option, line or option)

    def test_whole_numbers(self):
        self.refuse_all(WHOLE, NO_NUMBERS)

    def test_sizes(self):
        self.refuse_all(SIZES, NO_NUMBERS)

    def test_seconds_of_a_kill(self):
        for seconds in (*NO_NUMBERS, "86401", "1e5", "1.2.3"):
            self.refused("from 0 to 86400 seconds", "boot", "--kill", f"device@{seconds}")
        for text in ("device", "@1", "nobody@1", "device 1", "1@device"):
            self.refused("from 0 to 86400 seconds", "boot", "--kill", text)

    def test_numbers_inside_links_and_devices(self):
        for option, start, sentence, more in PARTS:
            other = ("--device", "rng") if option == "--link" else LINK
            for number in (*(n for n in NO_NUMBERS if "," not in n), *more):
                self.refused(sentence, "serve", *other, option, start + number)

    def test_ports_to_forward(self):
        for forward in ("", "x:1", "1:x", "0:1", "1:0", "65536:1", "1:65536", "1e2:1", "-1:1", "1:2:3", "nan:1"):
            self.refused("forward", "serve", *LINK, "--device", f"net,user,forward={forward}")

    def test_paths_that_are_no_socket(self):
        for path in ("", "/" + "x" * 200):
            self.refused("socket", "use", "--verify", "--link", f"ivshmem:{path}")
        self.refused("1 to 107 bytes", "ivshmem-server", "--socket", "/" + "x" * 200)
        self.refused("1 to 107 bytes", "ivshmem-server", "--socket", "/x", "--status-socket", "/" + "x" * 200)

    def test_numbers_that_are_right_are_taken(self):
        with tempfile.TemporaryDirectory() as folder:  # where there are no images: what is wrong comes after the words
            for words in (("--seconds", "010"), ("--seconds", "86400"), ("--size", "256k"), ("--size", "1GiB"), ("--size", "1048576"),
                          ("--kill", "device@0"), ("--kill", "driver@.5"), ("--kill", "driver@86400.0"), ("--vectors", "64")):
                with self.subTest(words=words):
                    done = subprocess.run([HAWSER, "boot", "--images", folder, "--logs", f"{folder}/logs", *words], capture_output=True,
                                          text=True, timeout=20, stdin=subprocess.DEVNULL)
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertIn("there is no guest image hawser-driver.img", done.stderr)


if __name__ == "__main__":
    HAWSER = sys.argv.pop(1)
    unittest.main()
