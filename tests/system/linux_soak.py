#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""A Linux guest that uses devices, while what serves them dies again and again, and while its modules come and go.

    linux_soak.py --hawser PROGRAM --images FOLDER [--cycles N] [--seed N] [unittest arguments]

The disk is a file that outlives whoever serves it. fio writes it and reads back what it wrote, all the time, and never
flushes: what a guest that serves has acknowledged is not in its memory alone.
"""

import argparse
import os
import random
import re
import sys
import time

import kit
import linux_kit

CHOSEN = None  # set by main()

# One verified run after the other until told to stop; the first that fails ends it. Each is a second or two.
WRITER = r"""cat >/tmp/writer <<'END'
runs=0
while [ ! -e /tmp/stop ]; do
  fio --name=soak --filename=/dev/vda --offset=1M --size=1M --rw=randwrite --bs=4k --iodepth=16 --direct=1 \
    --ioengine=io_uring --verify=crc32c --verify_fatal=1 --randseed=$runs >/tmp/fio.log 2>&1 || break
  grep -q "err= 0" /tmp/fio.log || break
  runs=$((runs + 1))
  echo $runs >/tmp/runs
done
[ -e /tmp/stop ] && echo good >/tmp/verdict || { cat /tmp/fio.log; echo bad; } >/tmp/verdict
END
echo 0 >/tmp/runs; rm -f /tmp/stop /tmp/verdict
"""
DEVICES = ("net,echo", "console,echo", "rng")


class Soak(linux_kit.Case):
    def setUp(self):
        super().setUp()
        self.random = random.Random(CHOSEN.seed)

    def driver(self, path, **more):
        driver = self.guest(path, **more).ready()
        driver.does("modprobe hawser_ivshmem")
        return driver

    def begin_writing(self, driver):
        self.assertTrue(driver.eventually("[ -b /dev/vda ] && [ -e /sys/class/net/eth0 ] && [ -c /dev/hvc0 ]"), driver.tail())
        driver.does(WRITER)
        # Not as jobs of this shell, which would say in the middle of an answer that they are done.
        driver.does("(sh /tmp/writer &); (while [ ! -e /tmp/stop ]; do head -c 64 /dev/hwrng; done >/dev/null &); "
                    "ip link set eth0 up")

    def end_writing(self, driver):
        self.assertTrue(driver.eventually("[ $(cat /tmp/runs) -ge 2 -o -e /tmp/verdict ]", 120), driver.tail())
        driver.does("touch /tmp/stop")
        self.assertTrue(driver.eventually("[ -e /tmp/verdict ]", 120), driver.tail())
        said = driver.does("cat /tmp/verdict")
        self.assertEqual(said, "good", said)
        return int(driver.does("cat /tmp/runs"))

    def still_writing(self, driver):
        """That fio does not only wait: so many requests until now."""
        self.assertFalse(driver.says_yes("[ -e /tmp/verdict ]"), driver.does("cat /tmp/verdict", status=None))
        return int(driver.does("awk '{ print $1 + $5 }' /sys/block/vda/stat"))

    def cycles(self, driver, cycle):
        """`cycle` for each; between two of them the disk has to have moved on."""
        began, requests = time.monotonic(), self.still_writing(driver)
        for number in range(CHOSEN.cycles):
            cycle()
            now = requests
            end = time.monotonic() + 120
            while now <= requests + 20 and time.monotonic() < end:
                now = self.still_writing(driver)
            self.assertGreater(now, requests + 20, f"cycle {number}: the disk stands still\n{driver.tail()}")
            requests = now
            if number % 10 == 9:
                print(f"    {number + 1} cycles, {requests} requests, {time.monotonic() - began:.0f} s", file=sys.stderr)
            time.sleep(self.random.random())
        return requests

    def epochs(self, driver):
        return int(driver.does("cat /sys/class/hawser/hawser0/epoch").split("/")[0])

    def test_a_device_guest_that_is_killed_loses_nothing(self):
        path, disk = self.window(), self.disk(16 << 20)
        words = " ".join(f"--device {device}" for device in ("blk,file=/dev/vda", *DEVICES))

        def boot():
            guest = self.guest(path, disk=disk, memory=256)
            guest.await_words("# ", 120)
            guest.type(f"modprobe -a virtio_pci virtio_blk hawser_ivshmem; hawser serve --link guest:/dev/hawser0 {words}")
            guest.await_words("link up", 60)
            return guest

        driver = self.driver(path)
        device = [boot()]
        self.begin_writing(driver)

        def kill():
            device[0].end()
            os.unlink(device[0].path)
            device[0] = boot()

        requests = self.cycles(driver, kill)
        runs = self.end_writing(driver)
        log = self.expect_content(driver)
        self.assertGreaterEqual(len(re.findall("link 0 up", log)), min(CHOSEN.cycles, 5), log)
        print(f"    device guest killed {CHOSEN.cycles} times: {runs} verified runs of fio, {requests} requests", file=sys.stderr)

    def test_a_serving_program_that_is_killed_in_a_living_guest_loses_nothing(self):
        path, disk = self.window(), self.disk(16 << 20)
        words = " ".join(f"--device {device}" for device in ("blk,file=/dev/vda", *DEVICES))
        device = self.guest(path, disk=disk, memory=256).ready()
        device.does("modprobe -a virtio_pci virtio_blk hawser_ivshmem")
        serve = f"hawser serve --link guest:/dev/hawser0 {words} >/tmp/serve.log 2>&1 & echo $! >/tmp/pid"
        device.does(serve)
        driver = self.driver(path)
        self.begin_writing(driver)

        def kill():
            device.does(f"kill -9 $(cat /tmp/pid); usleep {self.random.randrange(500000)}; {serve}")

        requests = self.cycles(driver, kill)
        runs = self.end_writing(driver)
        self.expect_content(driver)
        self.expect_content(device)
        print(f"    serve killed {CHOSEN.cycles} times: {runs} verified runs of fio, {requests} requests", file=sys.stderr)

    def memory(self, driver):
        """(objects, of which a slab holds so many) of each cache, and areas of virtual memory, after all that can go has gone.
        The slab that a processor takes from next counts as full."""
        driver.does("sync; echo 3 >/proc/sys/vm/drop_caches; usleep 300000; echo 3 >/proc/sys/vm/drop_caches; "
                    "for cache in /sys/kernel/slab/*; do [ -L $cache ] || echo 1 >$cache/shrink; done", 120)
        said = driver.does("awk 'NR > 2 { print $1 \":\", $2, $5 }' /proc/slabinfo; echo areas: $(grep -c . /proc/vmallocinfo) 4")
        return {name: (int(objects), int(slab)) for name, objects, slab in re.findall(r"(?m)^([\w:.()-]+): (\d+) (\d+)$", said)}

    def test_modules_that_come_and_go_under_traffic_leave_nothing(self):
        path = self.window()
        serving = self.serve(path, f"blk,file={self.disk(16 << 20)}", *DEVICES)
        self.assertTrue(serving.says("serving as peer"), serving.said())
        driver = self.guest(path, processors=2).ready()
        cycle = (
            "modprobe hawser_ivshmem && n=0; while [ ! -b /dev/vda -o ! -e /sys/class/net/eth0 -o ! -c /dev/hvc0 ] && "
            "[ $n -lt 300 ]; do usleep 20000; n=$((n + 1)); done; ip link set eth0 up; "
            "fio --name=x --filename=/dev/vda --size=2M --rw=randrw --bs=4k --iodepth=16 --direct=1 --ioengine=io_uring "
            "--time_based --runtime=20 >/tmp/fio.log 2>&1 & p=$!; head -c 4096 /dev/hwrng >/dev/null 2>&1 & "
            "arping -c 20 -w 1 -I eth0 10.0.2.2 >/dev/null 2>&1 & (echo text >/dev/hvc0) 2>/dev/null & usleep {after}; "
            "rmmod hawser_ivshmem && rmmod hawser; echo \"status $?\"; wait")
        before, all_of_it = None, []
        for number in range(CHOSEN.cycles + 2):
            said = driver.does(cycle.replace("{after}", str(self.random.randrange(50_000, 900_000))), 180, status=None)
            self.assertIn("status 0", said, driver.tail())
            self.assertFalse(driver.says_yes("grep -q hawser /proc/modules"))
            if number % 10 == 9:
                self.expect_content(driver)
            if number >= 1 and (number % 10 == 1 or number == CHOSEN.cycles + 1):  # the first ones fill caches
                all_of_it.append(self.memory(driver))
        self.expect_content(driver)
        before, after = all_of_it[1 if len(all_of_it) > 2 else 0], all_of_it[-1]
        # kmemleak has one of its own for each object of the others; what it finds is asked below.
        grown = {name: after[name][0] - before[name][0] for name in after if name in before and name != "kmemleak_object"}
        print(f"    {CHOSEN.cycles} cycles; objects more than after cycle {10 if len(all_of_it) > 2 else 1}: "
              f"{ {name: count for name, count in grown.items() if count > 0} }", file=sys.stderr)
        leaks = {name: count for name, count in grown.items() if count > 3 * after[name][1] + CHOSEN.cycles // 2}
        self.assertFalse(leaks, "a leak is one object a cycle, or more")
        self.expect_no_leak(driver)


def main():
    global CHOSEN
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    CHOSEN = linux_kit.chosen(parser)
    kit.main()


if __name__ == "__main__":
    main()
