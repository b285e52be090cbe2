#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""A hostile device side against a Linux guest whose own drivers use what it serves.

    linux_hostile.py --hawser PROGRAM --party PROGRAM --images FOLDER [--seed N] [unittest arguments]

The guest's kernel has nothing to complain of: no warning with a stack, no taint, no hung task. What was broken says so
in a line, and once an honest side serves, binding the drivers again is enough for all four devices to work.
"""

import argparse
import os
import re
import signal
import sys

import kit
import linux_kit

CHOSEN = None  # set by main()

DEVICES = ("blk,memory=4M", "net,echo", "console,echo", "rng")
DRIVERS = ("virtio_blk", "virtio_net", "virtio_console", "virtio_rng")

# virtio_console of Linux 6.1, unbound while another processor writes to its console, frees what was never its own, whoever
# carries the device: virtcons_remove() breaks the queue that __send_to_port() waits for. So these two take turns.
LOCK, UNLOCK = "until mkdir /tmp/console 2>/dev/null; do usleep 10000; done", "rmdir /tmp/console"

# What the guest does all the while. None of it may succeed; none may hold the guest up.
WORK = rf"""rm -f /tmp/stop
(while [ ! -e /tmp/stop ]; do fio --name=x --filename=/dev/vda --size=1M --rw=randrw --bs=4k --iodepth=16 --direct=1 \
  --ioengine=io_uring --time_based --runtime=2 --allow_file_create=0 >/dev/null 2>&1; usleep 100000; done) &
(while [ ! -e /tmp/stop ]; do ip link set eth0 up; arping -c 3 -w 1 -I eth0 10.0.2.2; usleep 100000; done) >/dev/null 2>&1 &
(while [ ! -e /tmp/stop ]; do {LOCK}; [ ! -c /dev/hvc0 ] || timeout -s KILL 1 sh -c 'echo text >/dev/hvc0'; {UNLOCK}; usleep 100000; done) >/dev/null 2>&1 &
(while [ ! -e /tmp/stop ]; do timeout -s KILL 1 head -c 64 /dev/hwrng; usleep 100000; done) >/dev/null 2>&1 &
"""
REBIND = LOCK + "; ".join(["", *(f"for d in /sys/bus/virtio/drivers/{driver}/virtio*; do [ -e $d ] && echo ${{d##*/}} "
                                  f">/sys/bus/virtio/drivers/{driver}/unbind; done" for driver in DRIVERS), UNLOCK]) + """
for d in /sys/bus/virtio/devices/*; do echo ${d##*/} >/sys/bus/virtio/drivers_probe; done"""


class HostileDevice(linux_kit.Case):
    def driver(self, path):
        driver = self.guest(path, processors=2, words=("hung_task_timeout_secs=60",)).ready()
        driver.does("modprobe hawser_ivshmem")
        return driver

    def honest_work(self, driver):
        """All four devices, with what comes back checked."""
        self.assertTrue(driver.eventually("[ -b /dev/vda ] && [ -c /dev/hvc0 ] && [ -e /sys/class/net/eth0 ]", 40),
                        driver.does("ls -d /dev/vd* /dev/hvc* /sys/class/net/*; ls -l /sys/bus/virtio/drivers/virtio*/; ps; dmesg | tail -20"))
        said = driver.does("fio --name=x --filename=/dev/vda --size=1M --rw=randwrite --bs=4k --iodepth=16 --direct=1 "
                           "--ioengine=io_uring --verify=crc32c --verify_fatal=1 2>&1", 60)
        self.assertIn("err= 0", said)
        driver.does("ip link set eth0 up; usleep 500000; before=$(cat /sys/class/net/eth0/statistics/rx_packets); "
                    "arping -c 5 -w 2 -I eth0 10.0.2.2 >/dev/null; [ $(cat /sys/class/net/eth0/statistics/rx_packets) -gt $before ]")
        # The node is there before there is a port behind it.
        self.assertTrue(driver.eventually("(exec 3<>/dev/hvc0) 2>/dev/null", 40),
                        driver.does("ls -l /sys/bus/virtio/drivers/virtio_console/ /sys/class/virtio-ports; ps; dmesg | tail -40"))
        driver.does("exec 3<>/dev/hvc0; stty -F /dev/hvc0 raw -echo; echo honest >&3; "
                    "while read -t 5 -r line <&3; do case $line in *honest*) exec 3>&-; return 0 ;; esac; done; exec 3>&-; return 1")
        driver.does("[ $(timeout 10 head -c 512 /dev/hwrng | wc -c) = 512 ]", 30)

    def attacked(self, how, seconds=6):
        path = self.window("4M")
        driver = self.driver(path)
        driver.does(WORK)
        driver.does(f"(while [ ! -e /tmp/stop ]; do\n{REBIND}\nusleep 200000; done) >/dev/null 2>&1 &")
        party = self.start(CHOSEN.party, path, how, CHOSEN.seed, seconds)
        party.wait(60 + seconds)
        reached = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", party.out())}
        # Whoever took a driver off while nobody served waits for somebody who does. A broken link is begun anew by hand.
        serving = self.serve(path, *DEVICES)
        state = driver.does("sleep 2; cat /sys/class/hawser/hawser0/state")
        if state.startswith("broken"):
            driver.does("echo 0 >/sys/class/hawser/hawser0/link", 60)
        self.assertTrue(serving.says("link up", 30), f"{serving.said()} {state}")
        driver.does("touch /tmp/stop")
        self.assertTrue(driver.eventually("[ -z \"$(jobs)\" ]", 60),
                        driver.does("ps; echo w >/proc/sysrq-trigger; dmesg | tail -150", status=None))
        driver.does(REBIND, 120, status=None)
        self.honest_work(driver)
        log = self.expect_content(driver)
        breaks = len(re.findall(r"is broken: |link 0 broken", log))
        lines = len(log.splitlines())
        driver.does("rmmod hawser_ivshmem && rmmod hawser", 60)
        self.expect_content(driver)
        print(f"    {how}: {party.out().strip()}; broken {breaks} times, {lines} lines in the log, link {state}", file=sys.stderr)
        self.assertLess(lines, 4000, "a peer must not fill logs")
        self.assertGreaterEqual(reached["sessions"], 0 if how == "device-silent" else 1, party.out())
        return breaks, reached

    def test_that_says_nothing(self):
        self.attacked("device-silent")

    def test_that_lies_in_its_messages(self):
        _, reached = self.attacked("device-lies")
        self.assertGreater(reached["lies"], 0)

    def test_that_spoils_the_rings(self):
        breaks, _ = self.attacked("device-rings")
        if breaks == 0:  # it takes a rebind at the right moment, of which a slow guest has few in that time
            breaks, _ = self.attacked("device-rings", 25)
        self.assertGreater(breaks, 0, "an attack that nobody notices proves nothing")

    def test_that_writes_all_over_the_window(self):
        self.attacked("device-window")

    def test_devices_that_come_and_go_over_plain_message_queues(self):
        path = self.window("4M")
        driver = self.driver(path)
        for round_ in range(3):  # more, fewer and other devices than the driver's side has seen
            for devices in (DEVICES, DEVICES[1:], DEVICES[::-1], DEVICES[:1]):
                serving = self.serve(path, *devices, options=("--queue-layout", "plain"))
                self.assertTrue(serving.says("link up", 30), serving.said())
                self.assertTrue(driver.eventually(f"[ $(ls /sys/bus/virtio/devices | wc -l) = {len(devices)} ]", 20),
                                driver.does("ls -l /sys/bus/virtio/devices; dmesg | tail -20"))
                self.assertEqual(serving.end(signal.SIGKILL if round_ % 2 else signal.SIGTERM), -signal.SIGKILL if round_ % 2 else 0)
        self.serve(path, *DEVICES, options=("--queue-layout", "plain"))
        self.assertTrue(driver.eventually("[ $(ls /sys/bus/virtio/devices | wc -l) = 4 ]", 20))
        self.honest_work(driver)
        self.expect_content(driver)


def main():
    global CHOSEN
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--party", required=True, type=os.path.abspath)
    parser.add_argument("--seed", type=int, default=1)
    CHOSEN = linux_kit.chosen(parser)
    kit.main()


if __name__ == "__main__":
    main()
