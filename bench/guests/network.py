# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""A network namespace of the suite's own, with a bridge and two TAPs. It goes when the last process in it goes."""

import ctypes
import os
import shutil
import subprocess

from program import libc

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
BRIDGE = "hawser-bench"
TAPS = ("hawser-driver", "hawser-device")


def unshare(flags):
    if libc.unshare(flags) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def enter_own_namespace():
    """As root, or as somebody whom the kernel lets be root in there."""
    user, group = os.getuid(), os.getgid()
    try:
        unshare(CLONE_NEWNET)
        return
    except PermissionError:
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def make_bridge():
    """The reason why there is none, or None."""
    if not shutil.which("ip"):
        return "there is no `ip`: apt install iproute2"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "/dev/net/tun is missing or not for this user: load the module tun, or be root"
    try:
        enter_own_namespace()
    except OSError as problem:
        return f"no network namespace can be made here ({problem.strerror}): be root"
    commands = [f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up"]
    for tap in TAPS:
        commands += [f"tuntap add {tap} mode tap vnet_hdr", f"link set {tap} master {BRIDGE}", f"link set {tap} up"]
    for command in commands:
        done = subprocess.run(["ip", *command.split()], capture_output=True, text=True)
        if done.returncode:
            return f"`ip {command}` failed: {done.stderr.strip()}"
    return None
