#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Linux guests whose kernel looks at what its drivers do (tools/linux_debug.sh), at their daily work.

    linux_debug.py --hawser PROGRAM --images FOLDER [unittest arguments]

What linux_soak.py and linux_hostile.py do to such a guest comes beside it: ./dev soak linux --debug-kernel.
"""

import argparse

import kit
import linux_kit

DEVICES = ("net,echo", "console,echo", "rng")

# The demo's rows, one after the other.
WORK = "role=driver; peer=plain; link=ivshmem; . /lib/guest.sh; . /lib/driver.sh; main 2>&1"


class Debug(linux_kit.Case):
    def setUp(self):
        super().setUp()
        if not linux_kit.looks_at_itself(self.images):
            self.skipTest("SKIPPED: this kernel does not look; ./dev soak linux --debug-kernel makes one that does")

    def pair(self):
        path = self.window()
        serving = self.serve(path, f"blk,file={self.disk(64 << 20)}", *DEVICES)
        self.assertTrue(serving.says("serving as peer"), serving.said())
        driver = self.guest(path, processors=2).ready()
        return driver, serving

    def expect_work(self, driver):
        said = driver.does(WORK, 300, status=None)
        self.assertIn("HAWSER-END status=0", said, said)

    def test_that_it_looks(self):
        guest = self.guest().ready()
        guest.does("mount -t debugfs d /sys/kernel/debug; [ -e /sys/kernel/debug/kmemleak ]")
        guest.does("grep -q kasan_ /proc/kallsyms && grep -q __ubsan_handle_ /proc/kallsyms")
        self.assertTrue(guest.says_yes("grep -q 'debug_locks: *1' /proc/lockdep_stats"))

    def test_daily_work(self):
        driver, _ = self.pair()
        self.expect_work(driver)
        driver.does("rmmod hawser_ivshmem && rmmod hawser", 60)
        self.expect_content(driver)
        self.expect_no_leak(driver)


def main():
    linux_kit.chosen(argparse.ArgumentParser(description=__doc__))
    kit.main()


if __name__ == "__main__":
    main()
