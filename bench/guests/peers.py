#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Writes the initramfs with what Hawser's disk is measured against: NBD and NFS, programs and modules.

    peers.py --guest FOLDER --root FOLDER --release VERSION --output FILE

The first FOLDER holds the guest's kernel modules, the second what Debian's packages hold (tools/linux_peers.sh). The
modules go to /lib/peers, named in the order in which insmod takes them.
"""

import argparse
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "guests" / "linux" / "image"))
import build  # noqa: E402  # the writer of initramfs

PROGRAMS = {"bin/nbd-server": "bin/nbd-server", "sbin/nbd-client": "bin/nbd-client", "usr/sbin/exportfs": "bin/exportfs",
            "usr/sbin/rpc.mountd": "bin/rpc.mountd"}
MODULES = "nbd nfsd nfsv4".split()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guest", type=pathlib.Path, required=True)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    chosen = parser.parse_args()
    try:
        archive = build.Archive()
        build.add_programs(archive, chosen.root, [(chosen.root / s, t) for s, t in PROGRAMS.items()])
        modules = build.Modules(chosen.guest, chosen.release, None)
        for number, name in enumerate(modules.closure(MODULES)):
            archive.file(f"lib/peers/{number:02}-{name}.ko", modules.file(name).read_bytes())
        part = chosen.output.with_name(chosen.output.name + ".part")
        part.write_bytes(archive.bytes())
        part.rename(chosen.output)
    except (build.Problem, OSError, subprocess.CalledProcessError) as problem:
        print(f"peers.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
