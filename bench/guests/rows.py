# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""What is measured, one row each: the command in the driver guest, and the figure in what it says."""

import dataclasses
import json
import re
import typing

from program import Failed

MIB = 1 << 20


@dataclasses.dataclass
class Sample:
    """`requests` and `bytes` were done for `value`; `percentiles` in ns, by their names in the seam."""
    value: float
    requests: float
    bytes: float
    percentiles: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Row:
    name: str
    what: str
    unit: str
    better: str
    params: dict
    command: typing.Callable  # (target, seconds) -> words for the shell
    parse: typing.Callable    # (what it said, seconds) -> Sample


def number(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise Failed(f"no figure in: {text[-600:]}")
    return float(found[1])


# --- network: the target is an address ---

PING_COUNT = 400


def ping(address, seconds):
    return f"ping -q -A -c {int(PING_COUNT * seconds / 2)} -w {int(seconds * 10)} {address}"


def parse_ping(text, _seconds):
    average = number(r"min/avg/max = [\d.]+/([\d.]+)/", text) * 1e-3
    if number(r"(\d+)% packet loss", text) > 1:
        raise Failed(f"pings were lost: {text[-200:]}")
    count = number(r"(\d+) packets received", text)
    return Sample(average, 2 * count, 2 * 98 * count)


def iperf(words):
    def command(address, seconds):
        return f"iperf3 -c {address} -t {seconds} -J {words} >/tmp/iperf; sed -n '/^\\t\"end\"/,$p' /tmp/iperf | tr -d ' \\t\\n'; " \
               "grep '\"error\"' /tmp/iperf || true"
    return command


def iperf_sum(text, name):
    found = re.search(rf'"{name}":(\{{[^{{}}]*\}})', text)
    if not found:
        raise Failed(f"iperf3 said no {name}: {text[-600:]}")
    return json.loads(found[1])


def parse_tcp(text, _seconds):
    total = iperf_sum(text, "sum_received")
    return Sample(total["bits_per_second"], 0, total["bytes"])


def parse_udp(text, _seconds):
    total = iperf_sum(text, "sum")
    arrived = total["packets"] - total["lost_packets"]
    return Sample(arrived / total["seconds"], arrived, 64 * arrived)


NETWORK = [
    Row("ping", "ping, round trip of 98 bytes, one after another", "s", "lower", {"payload": 56, "depth": 1}, ping, parse_ping),
    Row("tcp_to_device", "iperf3, one TCP stream, driver to device", "bit/s", "higher", {}, iperf(""), parse_tcp),
    Row("tcp_to_driver", "iperf3, one TCP stream, device to driver", "bit/s", "higher", {}, iperf("-R"), parse_tcp),
    Row("udp64_to_device", "iperf3, UDP of 64 bytes as fast as it goes, driver to device, packets that arrive", "packet/s",
        "higher", {"payload": 64}, iperf("-u -b 0 -l 64"), parse_udp),
    Row("udp64_to_driver", "the same, device to driver", "packet/s", "higher", {"payload": 64}, iperf("-u -b 0 -l 64 -R"),
        parse_udp),
]

# --- disks: the target is a device or a file ---


def fio(pattern, size, depth):
    def command(path, seconds):
        return (f"fio --name=bench --filename={path} --size={DISK_MIB}M --direct=1 --ioengine=io_uring --rw={pattern} "
                f"--bs={size} --iodepth={depth} --time_based --runtime={seconds} --norandommap --randrepeat=0 "
                "--output-format=terse --terse-version=3")
    return command


DISK_MIB = 64


def parse_fio(write, by_bytes):
    """Fields of fio's terse output, version 3, counted from 1: 6 KiB, 9 ms, 14 to 37 completion latency of reads, in us."""
    def parse(text, _seconds):
        lines = [line for line in text.splitlines() if line.startswith("3;")]
        if not lines:
            raise Failed(f"fio said: {text[-600:]}")
        fields = [""] + lines[0].split(";")
        if fields[5] != "0":
            raise Failed(f"fio met the error {fields[5]}")
        skip = 41 if write else 0
        amount, milliseconds = float(fields[6 + skip]) * 1024, float(fields[9 + skip])
        rate = float(fields[8 + skip])
        requests = rate * milliseconds / 1000
        percentiles = {"max": float(fields[15 + skip]) * 1000}
        for field in fields[18 + skip:38 + skip]:
            percent, _, microseconds = field.partition("%=")
            if percent and float(percent) in (50, 99, 99.9):
                percentiles[f"p{float(percent):g}"] = float(microseconds) * 1000
        return Sample(amount / milliseconds * 1000 if by_bytes else rate, requests, amount, percentiles)
    return parse


def disk_rows():
    for pattern in ("randread", "randwrite"):
        for depth in (1, 32):
            yield Row(f"{pattern}4k_d{depth}", f"fio, 4 KiB random {pattern[4:]}, {depth} at once", "request/s", "higher",
                      {"payload": 4096, "depth": depth}, fio(pattern, "4k", depth), parse_fio(pattern == "randwrite", False))
    for pattern in ("read", "write"):
        yield Row(f"{pattern}1m", f"fio, 1 MiB sequential {pattern}, 4 at once", "byte/s", "higher",
                  {"payload": MIB, "depth": 4}, fio(pattern, "1m", 4), parse_fio(pattern == "write", True))


DISK = list(disk_rows())
