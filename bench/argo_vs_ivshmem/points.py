# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""What is measured over which link, and the names of its figures."""

from typing import NamedTuple


class Link(NamedTuple):
    name: str
    what: str
    link: str  # as the images call it
    device: str = ""  # further words for either side
    driver: str = ""


# 2 ms pass between two requests only when there are none.
LINKS = (Link("argo", "Argo", "argo"),
         Link("shm", "static shared memory, event channels", "xen-shm"),
         Link("polled", "static shared memory, polled", "xen-shm", "spin=2000", "wait=poll"))


class Point(NamedTuple):
    operation: str
    payload: int
    depth: int

    @property
    def name(self):
        return f"{self.operation}.{self.payload}.d{self.depth}"

    @property
    def word(self):
        return f"{self.operation}:{self.payload}x{self.depth}"


WHAT = {"read": "block on memory, read", "write": "block on memory, write", "net": "network, a frame there and back"}
DISK = {512: (1, 8, 64), 4096: (1, 8, 64), 16384: (1, 8, 64), 65536: (1, 8, 64), 262144: (1, 8), 1048576: (1, 8)}
# The network carries frames of 1514 bytes; longer ones are TCP segments that nobody has to cut.
NETWORK = {64: (1, 8, 32), 256: (1, 8, 32), 1514: (1, 8, 32), 16384: (1, 8), 65226: (1,)}
QUICK_DISK = {512: (1, 8), 65536: (1, 8)}
QUICK_NETWORK = {64: (1, 8), 1514: (1, 8)}


# From here on, bytes a second are a figure too, at the greatest depth.
BULK = 4096


def points(quick):
    disk, network = (QUICK_DISK, QUICK_NETWORK) if quick else (DISK, NETWORK)
    return [Point(operation, payload, depth) for operation in WHAT
            for payload, depths in (network if operation == "net" else disk).items() for depth in depths]
