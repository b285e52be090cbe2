#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Linux guests whose kernel looks at what its drivers do (tools/linux_debug.sh), at their daily work.

    linux_debug.py --hawser PROGRAM --images FOLDER [unittest arguments]

What linux_soak.py and linux_hostile.py do to such a guest comes beside it: ./dev soak linux --debug-kernel.
"""

import argparse
import os
import signal
import sys

import kit
import linux_kit

DEVICES = ("net,echo", "console,echo", "rng")
DRIVERS = ("virtio_blk", "virtio_net", "virtio_console", "virtio_rng")

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

    def test_drivers_that_are_taken_off_under_traffic(self):
        driver, _ = self.pair()
        driver.does("modprobe hawser_ivshmem")
        self.assertTrue(driver.eventually("[ -b /dev/vda ] && [ -e /sys/class/net/eth0 ] && [ -c /dev/hvc0 ]"), driver.tail())
        for _ in range(5):
            driver.does("ip link set eth0 up; fio --name=x --filename=/dev/vda --size=2M --rw=randrw --bs=4k --iodepth=16 --direct=1 "
                        "--ioengine=io_uring --time_based --runtime=20 >/dev/null 2>&1 & head -c 4096 /dev/hwrng >/dev/null 2>&1 & "
                        "arping -c 20 -w 1 -I eth0 10.0.2.2 >/dev/null 2>&1 & (echo text >/dev/hvc0) 2>/dev/null & usleep 500000")
            for name in DRIVERS:
                driver.does(f"for d in /sys/bus/virtio/drivers/{name}/virtio*; do echo ${{d##*/}} >${{d%/*}}/unbind; done")
            driver.does("wait; for d in /sys/bus/virtio/devices/*; do echo ${d##*/} >/sys/bus/virtio/drivers_probe; done")
            self.assertTrue(driver.eventually("[ -b /dev/vda ] && [ -e /sys/class/net/eth0 ] && [ -c /dev/hvc0 ]"), driver.tail())
        self.expect_work(driver)
        self.expect_content(driver)

    def test_suspend_and_resume_under_traffic(self):
        driver, _ = self.pair()
        driver.does("modprobe hawser_ivshmem")
        self.assertTrue(driver.eventually("[ -b /dev/vda ]"), driver.tail())
        driver.does("echo devices >/sys/power/pm_test; (fio --name=x --filename=/dev/vda --size=2M --rw=randwrite --bs=4k "
                    "--iodepth=16 --direct=1 --ioengine=io_uring --verify=crc32c --verify_fatal=1 --loops=20 >/tmp/fio.log 2>&1; "
                    "echo $? >/tmp/status) & sleep 1")
        for _ in range(3):
            driver.does("echo mem >/sys/power/state", 120)
        self.assertTrue(driver.eventually("[ -e /tmp/status ]", 120), driver.tail())
        self.assertEqual(driver.does("cat /tmp/status"), "0", driver.does("cat /tmp/fio.log"))
        self.expect_work(driver)
        self.expect_content(driver)

    def test_that_it_serves(self):
        """The window's file, from a program that is killed and comes back."""
        path = self.window()
        device = self.guest(path, processors=2).ready()
        device.does("modprobe hawser_ivshmem")
        for how in ("-9", "-TERM", "-9"):
            device.does("hawser serve --link guest:/dev/hawser0 --device blk,memory=4M --device rng >/tmp/serve.log 2>&1 & "
                        "echo $! >/tmp/pid")
            use = self.start(self.hawser, "use", "--link", f"ivshmem:{path}")
            use.wait(300)
            self.assertEqual(use.process.returncode, 0, use.said() + device.does("cat /tmp/serve.log"))
            device.does(f"kill {how} $(cat /tmp/pid); wait", status=None)
        device.does("rmmod hawser_ivshmem && rmmod hawser", 60)
        self.expect_content(device)
        self.expect_no_leak(device)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hawser", required=True, type=os.path.abspath)
    parser.add_argument("--images", required=True, type=os.path.abspath)
    chosen, rest = parser.parse_known_args()
    linux_kit.Case.hawser, linux_kit.Case.images = chosen.hawser, linux_kit.where(chosen.images)
    sys.argv[1:] = rest
    kit.main()


if __name__ == "__main__":
    main()
