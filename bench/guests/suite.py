#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""The suite `guests`: two Linux guests with their kernel's own drivers, over Hawser and over what they have today.

    suite.py --hawser FILE --images FOLDER [--quick] [--only PREFIX] [--list]

Both guests have all links at once, so that the alternatives of a row are measured in turn, in the same machines and the
same minute: ivshmem with Hawser on it, virtio-net on a bridge with two TAPs, QEMU's `-netdev stream` and `dgram`; Hawser's
disk, and NBD and NFS over the bridge. The file behind each disk lies in the memory of the device guest.

Says on standard output what bench/README.md describes, a JSON object a line. Status 0: measured; 75: can not be
measured here; 1: failed. Nothing is left behind.
"""

import base64
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True
BENCH = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(BENCH), str(BENCH.parent / "guests" / "linux" / "image")]

import network  # noqa: E402
import program  # noqa: E402
import rows  # noqa: E402
import shell  # noqa: E402
from program import UNAVAILABLE, Failed, say  # noqa: E402

RUNS, SECONDS = 3, 2
QUICK_RUNS, QUICK_SECONDS = 1, 1
QUICK_ROWS = {"ping", "tcp_to_device", "tcp_to_driver", "randread4k_d1", "randread4k_d32"}
# What a sample takes beside its seconds: programs start slowly in an emulated guest.
OVERHEAD = 1.2
START = 25

# The links of the network rows; the address of the device guest is 10.N.0.1, of the driver guest 10.N.0.2.
NETS = {"hawser": 1, "bridge": 2, "stream": 3, "dgram": 4}
DISKS = {"hawser": "/dev/vda", "nbd": "/dev/nbd0", "nfs": "/mnt/disk"}
WHAT = {"hawser": "Hawser over ivshmem", "bridge": "virtio-net, two TAPs on a bridge", "stream": "virtio-net, -netdev stream",
        "dgram": "virtio-net, -netdev dgram", "nbd": "NBD over the bridge", "nfs": "NFS 4.2 over the bridge"}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


class Pair:
    """The two guests and everything between them."""

    def __init__(self, hawser, images, peers, bridge):
        self.children = []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hawser-bench-"))
        try:
            self.boot(hawser, images, peers, bridge)
        except BaseException:
            self.close()
            raise

    def close(self):
        for child in reversed(self.children):
            program.end(child)
        shutil.rmtree(self.folder, ignore_errors=True)

    def boot(self, hawser, images, peers, bridge):
        window = self.folder / "window"
        said = self.folder / "server"
        with open(said, "wb") as file:
            self.children.append(program.start([hawser, "ivshmem-server", "--socket", window, "--size", "64M"],
                                               stdout=file, stderr=file))
        initramfs = self.folder / "initramfs"
        with open(initramfs, "wb") as file:
            for part in (images / "initramfs", *([peers] if peers else [])):
                file.write(part.read_bytes())
        until = time.monotonic() + 10
        while not window.exists():
            if time.monotonic() > until or self.children[0].poll() is not None:
                raise Failed(f"hawser ivshmem-server did not start: {said.read_text()[-500:]}")
            time.sleep(0.02)
        self.device = self.guest("device", 1, images, initramfs, window, bridge)
        self.driver = self.guest("driver", 2, images, initramfs, window, bridge)
        for guest in (self.device, self.driver):
            guest.ready().does("dmesg -n 1; modprobe -a virtio_blk virtio_pci virtio_net tun ext4 crc32c_generic")
        self.serve()
        self.use()
        for name, number in NETS.items():
            if name != "hawser" and (bridge or name != "bridge"):
                for guest, host in ((self.device, 1), (self.driver, 2)):
                    guest.does(f"nic=$(grep -l 52:54:00:00:{number:02x}:{host:02x} /sys/class/net/*/address); nic=${{nic%/*}}; "
                               f"nic=${{nic##*/}}; ip address add 10.{number}.0.{host}/24 dev $nic; ip link set $nic up")
        if peers and bridge:
            self.serve_peers()

    def guest(self, name, host, images, initramfs, window, bridge):
        """The device guest, which is host 1, listens where there is something to connect."""
        ends = {"stream": f"stream,id=stream,server={'on' if host == 1 else 'off'},addr.type=unix,addr.path={self.folder}/stream",
                "dgram": f"dgram,id=dgram,local.type=unix,local.path={self.folder}/dgram{host},"
                         f"remote.type=unix,remote.path={self.folder}/dgram{3 - host}"}
        if bridge:
            ends["bridge"] = f"tap,id=bridge,ifname={network.TAPS[2 - host]},script=no,downscript=no,vhost=off"
        words = ["-chardev", f"socket,id=window,path={window}", "-device", "ivshmem-doorbell,chardev=window,vectors=8"]
        for net, netdev in ends.items():
            words += ["-netdev", netdev, "-device", f"virtio-net-pci,netdev={net},romfile=,mac=52:54:00:00:{NETS[net]:02x}:{host:02x}"]
        if host == 2:  # -netdev stream does not try again
            until = time.monotonic() + 10
            while not (self.folder / "stream").exists() and time.monotonic() < until:
                time.sleep(0.02)
        guest = shell.Shell(shell.qemu(images, words, initramfs=initramfs, memory=640), self.folder / f"{name}.console",
                            start=program.start)
        self.children.append(guest.process)
        return guest

    @staticmethod
    def expect(guest, commands):
        if not guest.eventually(commands):
            raise Failed(f"within 30 s this did not come true in a guest: {commands}")

    def serve(self):
        self.device.does(f"""
            dd if=/dev/zero of=/tmp/disk bs=1M count={rows.DISK_MIB} 2>/dev/null
            modprobe hawser_ivshmem
            hawser serve --link guest:/dev/hawser0 --device blk,file=/tmp/disk --device net,tap=hawser0 >/tmp/serve 2>&1 &""")
        self.expect(self.device, "[ -e /sys/class/net/hawser0 ]")
        self.device.does(f"ip address add 10.{NETS['hawser']}.0.1/24 dev hawser0; ip link set hawser0 up")

    def use(self):
        self.driver.does("modprobe hawser_ivshmem")
        self.expect(self.driver, "[ -b /dev/vda ]")
        found = "nic=$(ls -d /sys/bus/pci/devices/*/hawser-bus*/virtio*/net/* 2>/dev/null)"
        self.expect(self.driver, found)
        self.driver.does(f"{found}; ip address add 10.{NETS['hawser']}.0.2/24 dev ${{nic##*/}}; ip link set ${{nic##*/}} up")
        self.expect(self.driver, "ping -c 1 -W 1 10.1.0.1 >/dev/null")

    def serve_peers(self):
        """NBD as it is, without its list of exports asked for; NFS 4.2 without its older versions' helpers."""
        address = f"10.{NETS['bridge']}.0."
        for guest in (self.device, self.driver):
            guest.does("for file in /lib/peers/*.ko; do insmod $file 2>/dev/null; done; touch /etc/netconfig")
        self.device.does(f"""
            dd if=/dev/zero of=/tmp/nbd bs=1M count={rows.DISK_MIB} 2>/dev/null
            mkdir -p /tmp/nfs /proc/fs/nfsd /var/lib/nfs/v4recovery /var/lib/nfs/rpc_pipefs /run/lock
            dd if=/dev/zero of=/tmp/nfs/disk bs=1M count={rows.DISK_MIB} 2>/dev/null
            printf '[generic]\\n[bench]\\nexportname=/tmp/nbd\\n' >/etc/nbd.conf
            printf 'tcp 6 TCP\\nudp 17 UDP\\n' >/etc/protocols
            printf 'udp tpi_clts v inet udp - -\\ntcp tpi_cots_ord v inet tcp - -\\n' >/etc/netconfig
            nbd-server -C /etc/nbd.conf
            touch /var/lib/nfs/etab /var/lib/nfs/rmtab
            mount -t nfsd nfsd /proc/fs/nfsd
            echo '/tmp/nfs *(rw,sync,no_subtree_check,no_root_squash,insecure,fsid=0)' >/etc/exports
            exportfs -r
            echo '-3 +4 +4.2' >/proc/fs/nfsd/versions
            echo 'tcp 2049' >/proc/fs/nfsd/portlist
            echo 8 >/proc/fs/nfsd/threads
            echo Y >/proc/fs/nfsd/v4_end_grace
            rpc.mountd -N 3 -V 4""")
        self.driver.does(f"""
            nbd-client -N bench {address}1 /dev/nbd0
            mount -t nfs4 -o vers=4.2,addr={address}1,clientaddr={address}2,rsize=1048576,wsize=1048576,soft {address}1:/ /mnt
            [ -f /mnt/disk ]""")

    def counts(self):
        """Of Hawser, up to now: doorbells and interrupts of both guests, bytes copied by the module."""
        total = {"doorbells": 0, "interrupts": 0, "copied": 0}
        for guest in (self.device, self.driver):
            said = guest.does("""
                echo doorbells $(cat /sys/class/hawser/hawser0/doorbells)
                echo interrupts $(awk '/hawser/ { for (n = 2; n <= NF && $n ~ /^[0-9]+$/; n++) sum += $n } END { print sum + 0 }' \
                    /proc/interrupts)
                echo copied $(cat /sys/bus/pci/devices/*/hawser-bus*/queues 2>/dev/null | awk '{ sum += $7 } END { print sum + 0 }')
                """)
            for line in said.splitlines():
                name, _, value = line.partition(" ")
                total[name] += int(value)
        return total


class Suite:
    def __init__(self, chosen):
        self.runs, self.seconds = (QUICK_RUNS, QUICK_SECONDS) if chosen.quick else (RUNS, SECONDS)
        self.runs = chosen.rounds or self.runs
        self.only = chosen.only or ""
        self.few = chosen.quick and not chosen.only
        self.done = 0
        self.pair = None

    def plan(self, nets, disks):
        """Rows with the alternatives to measure."""
        every = [(row, nets) for row in rows.NETWORK] + [(row, disks) for row in rows.DISK]
        every = [(row, alternatives) for row, alternatives in every if not self.few or row.name in QUICK_ROWS]
        return [(row, wanted) for row, alternatives in every if (wanted := self.wanted(row, alternatives))]

    def wanted(self, row, alternatives):
        """Those asked for; with Hawser all, because it is held against the best of the others."""
        asked = [a for a in alternatives if f"{row.name}.{a}".startswith(self.only)]
        return alternatives if "hawser" in asked else asked

    def announce(self, plan):
        steps = sum(len(alternatives) for _, alternatives in plan) * self.runs
        say(begin={"suite": "guests", "steps": steps, "seconds": round(steps * (self.seconds + OVERHEAD) + START)})

    def target(self, row, alternative):
        return f"10.{NETS[alternative]}.0.1" if row in rows.NETWORK else DISKS[alternative]

    def sample(self, row, alternative):
        """One sample; of Hawser with what it counted meanwhile."""
        command = row.command(self.target(row, alternative), self.seconds)
        if "iperf3" in command:  # the one before may have ended badly
            self.pair.device.does("killall -9 iperf3 2>/dev/null; iperf3 -s -D")
        self.pair.driver.does(f"echo '{encoded(command)}' | base64 -d >/tmp/command")
        before = self.pair.counts() if alternative == "hawser" else {}
        said = self.pair.driver.does(f"timeout -s KILL {10 + 5 * self.seconds} sh /tmp/command", 120, status=None)
        sample = row.parse(said, self.seconds)
        after = self.pair.counts() if alternative == "hawser" else {}
        return sample, {name: after[name] - before[name] for name in after}

    def measure(self, row, alternatives):
        got = {alternative: [] for alternative in alternatives}
        failed = {}
        try:
            for run in range(1, self.runs + 1):
                for alternative in alternatives:
                    say(step={"name": f"{row.name}.{alternative}, run {run}", "done": self.done})
                    self.done += 1
                    if alternative in failed:
                        continue
                    try:
                        got[alternative].append(self.sample(row, alternative))
                    except RuntimeError as problem:
                        if not got[alternative]:
                            failed[alternative] = str(problem)
                        else:
                            say(note={"name": f"{row.name}.{alternative}", "text": f"run {run} failed: {problem}"})
        finally:
            self.tell(row, got)
        for alternative, why in failed.items():
            say(skip={"name": f"{row.name}.{alternative}", "why": why})

    def tell(self, row, got):
        """Peers first, so that Hawser's figure can name the best of them."""
        medians = {a: statistics.median(s.value for s, _ in samples) for a, samples in got.items() if samples}
        best = (max if row.better == "higher" else min)((a for a in medians if a != "hawser"), key=medians.get, default=None)
        for alternative in sorted(medians, key=lambda a: a == "hawser"):
            samples = [s for s, _ in got[alternative]]
            figure = {"name": f"{row.name}.{alternative}", "what": f"{row.what}; {WHAT[alternative]}", "unit": row.unit,
                      "better": row.better, "samples": [s.value for s in samples],
                      "params": {"link": "ivshmem" if alternative == "hawser" else alternative, **row.params},
                      "command": row.command(self.target(row, alternative), self.seconds)}
            if samples[0].percentiles:
                figure["latency"] = {"unit": "ns", **{name: statistics.median(s.percentiles[name] for s in samples)
                                                      for name in samples[0].percentiles}}
            if alternative != "hawser":
                figure["limit"] = True
            else:
                figure["per_request"] = self.per_request(got[alternative])
                if best:
                    figure["against"] = f"{row.name}.{best}"
                    figure["aim"] = {"ratio": 1.0, "sense": "at_least" if row.better == "higher" else "at_most"}
            say(figure=figure)

    @staticmethod
    def per_request(samples):
        """For a stream of bytes, a request is 64 KiB of it."""
        requests = sum(s.requests or s.bytes / 65536 for s, _ in samples) or 1
        amount = sum(s.bytes for s, _ in samples) or 1
        per = {name: round(sum(counts[name] for _, counts in samples) / requests, 4) for name in ("doorbells", "interrupts")}
        per["copies_per_byte"] = round(sum(counts["copied"] for _, counts in samples) / amount, 3)
        return per


def unavailable(chosen):
    """Why nothing can be measured here, or None."""
    images = pathlib.Path(chosen.images, "linux", "x86_64")
    if not shutil.which("qemu-system-x86_64"):
        return "qemu-system-x86_64 is missing; apt install qemu-system-x86"
    if not shutil.which(chosen.hawser):
        return f"there is no program {chosen.hawser}; say where hawser is"
    for name in ("kernel", "initramfs"):
        if not (images / name).exists():
            return f"{images / name} is missing; ./dev bench guests makes it"
    if len(os.sched_getaffinity(0)) < 2:
        return "two guests at once need two processors"
    return None


def run(chosen):
    suite = Suite(chosen)
    images = pathlib.Path(chosen.images, "linux", "x86_64")
    nets, disks = list(NETS), list(DISKS)
    if chosen.list:
        for row, alternatives in suite.plan(nets, disks):
            print(*(f"{row.name}.{a}" for a in alternatives), sep="\n")
        return 0
    if why := unavailable(chosen):
        say(skip={"name": "guests", "why": why})
        return UNAVAILABLE
    no_bridge = network.make_bridge()
    peers = images / "peers" if (images / "peers").exists() else None
    no_peers = no_bridge or (None if peers else f"{images / 'peers'} is missing; ./dev bench guests makes it")
    if no_bridge:
        nets.remove("bridge")
    if no_peers:
        disks = ["hawser"]
    plan = suite.plan(nets, disks)
    suite.announce(plan)
    program.tell_versions(program.first_line("qemu-system-x86_64", "--version"))
    for name, why in (("bridge", no_bridge), ("nbd", no_peers), ("nfs", no_peers)):
        if why:
            say(skip={"name": name, "why": why})
    say(step={"name": "two Linux guests start", "done": 0})
    suite.pair = Pair(chosen.hawser, images, peers if not no_peers else None, not no_bridge)
    try:
        for row, alternatives in plan:
            suite.measure(row, alternatives)
    finally:
        suite.pair.close()
    say(end={})
    return 0


if __name__ == "__main__":
    sys.exit(program.main(__doc__, run, ("hawser", "images")))
