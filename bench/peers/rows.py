# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""What is measured, a row each: one job, done by Hawser and by those who do it too."""

import dataclasses

from contenders import FILE_DISK, NULL_DISK, Hawser, Program, Ringtest, StorageDaemon

QUICK = {"ring.rtt", "net.64.there", "net.64.trip", "blk.4096.depth1", "ipc.64"}


@dataclasses.dataclass
class Row:
    name: str
    what: str
    contenders: list
    unit: str = "ns"
    params: dict = dataclasses.field(default_factory=dict)
    value: float | None = None  # to be reached where no peer can be asked

    @property
    def better(self):
        return "lower" if self.unit == "ns" else "higher"

    def figure(self, contender):
        return f"{self.name}.{contender.name}"

    def of(self, ns):
        """In the row's unit."""
        return ns if self.unit == "ns" else 1e9 / ns


def ring_row(name, what, words, figure):
    peers = [Ringtest("ring", "a ring of its own, unchecked", words), Ringtest("virtio_ring_inorder", "split, in order", words),
             Ringtest("virtio_ring_0_9", "split", words)]
    split = [peer.name for peer in peers if peer.program != "ring"]
    return Row(f"ring.{name}", what, peers + [
        Hawser("hawser.packed", "queue", f"packed.{figure}", "Hawser's packed queue", {"format": "packed"}, ["ringtest.ring"]),
        Hawser("hawser.split", "queue", f"split.{figure}", "Hawser's split queue", {"format": "split"}, split)])


def net_row(size, job, what, unit):
    contenders = []
    for form in ("split", "packed"):
        contenders.append(Program(f"dpdk.{form}", f"DPDK's vhost and virtio-user, {form}", "dpdk-frames", "libdpdk-dev",
                                  f"{size} {job}", [form], stays=True, params={"format": form}))
    for form in ("split", "packed"):
        contenders.append(Hawser(f"hawser.{form}", "device", f"net.{form}.{size}.{job}", f"Hawser's network device, {form}",
                                 {"format": form, "link": "ivshmem"}, [f"dpdk.{form}"]))
    return Row(f"net.{size}.{job}", what, contenders, unit, {"payload": size})


def disk_row(depth):
    peers = [StorageDaemon(disk, depth) for disk in (NULL_DISK, FILE_DISK)]
    rivals = [peer.name for peer in peers]
    return Row(f"blk.4096.depth{depth}", f"reads of 4 KiB here and there, {depth} at once, polled", peers + [
        Hawser(f"hawser.{form}", "device", f"blk.{form}.4096.depth{depth}", f"Hawser's block device in memory, {form}",
               {"format": form, "link": "ivshmem"}, rivals) for form in ("split", "packed")],
               "request/s", {"payload": 4096, "depth": depth})


def message_row(size):
    peers = [Program("zeromq", "ZeroMQ, PAIR over ipc", "ipc-zeromq", "libzmq3-dev", f"{size} echo"),
             Program("nng", "nng, pair over ipc", "ipc-nng", "libnng-dev", f"{size} echo"),
             Program("boost", "boost.interprocess, two message_queues", "ipc-boost", "libboost-dev", f"{size} echo")]
    return Row(f"ipc.{size}", f"{size} B there and back between two processes, sleeping", peers + [
        Hawser("hawser", "link", f"ivshmem.packed.sleep.echo.{size}", "a request of Hawser's over ivshmem", {"link": "ivshmem"},
               [peer.name for peer in peers])], params={"payload": size})


def polled_row():
    """Debian has no OpenAMP; what its rpmsg took over shared memory, polled, on such a machine, is the aim."""
    return Row("polled.64", "64 B there and back between two processes, polled", [
        Hawser("hawser", "link", "ivshmem.packed.poll.echo.64", "a request of Hawser's over ivshmem; the aim is OpenAMP rpmsg's 1.2 us",
               {"link": "ivshmem"})], params={"payload": 64}, value=1200)


def rows():
    return [
        ring_row("rtt", "round trip of one request between two cores, polled", ["--outstanding", 1], "rtt"),
        ring_row("batch", "a request among as many as fit, each published alone, polled", [], "batch1"),
        net_row(64, "there", "frames of 64 B, driver to device, polled", "packet/s"),
        net_row(64, "echo", "frames of 64 B there and back, 192 under way, polled", "packet/s"),
        net_row(64, "trip", "a single frame of 64 B there and back, polled", "ns"),
        net_row(1500, "there", "frames of 1500 B, driver to device, polled", "packet/s"),
        disk_row(1),
        disk_row(32),
        message_row(64),
        message_row(4096),
        polled_row(),
    ]
