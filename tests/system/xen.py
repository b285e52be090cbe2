#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Boots both sides of a link as domains of Xen, as a user would, and looks at what `hawser boot --json` says.

    xen.py --hawser PROGRAM --images FOLDER [--only WORD]

FOLDER/xen/xen is the hypervisor: ./dev xen makes it. What needs a FLASK policy is left out, with a line that says so, where
checkpolicy or Xen's source package (FOLDER/xen/source) is not here.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

from boot import Booter, Failure, interrupted, refused, run_all
from kit import Folder, end_in_order

TOP = pathlib.Path(__file__).resolve().parents[2]


def over_argo(boot, *options):
    """All that the devices do, and all that a third domain tries."""
    run = boot(*options)
    tried = {row["operation"] for row in run.rows("link")}
    if tried != {"third-party-look", "third-party-send", "third-party-forge"}:
        raise Failure(f"the third domain tried {sorted(tried)}; {run.said['failure']}")
    for row in run.rows("link"):
        if not row["verified"] or row["operations"] == 0:
            raise Failure(f"{row['operation']}: {row.get('note', 'not refused')}")
    run.said["results"] = [row for row in run.said["results"] if row["device"] != "link"]
    run.expect_verified()


def restarted(boot, *options):
    """Both domains begin anew in place in the middle of hypercalls, again and again. The driver's ledger and the disk
    survive; nothing is told to Xen."""
    lives = 110  # each
    seed = int(os.environ.get("HAWSER_SEED") or 1)
    words = []
    for side in ("driver", "device"):
        for word in (f"restarts={lives}", f"seed={2 * seed + (side == 'device')}", "silence=200"):
            words += [f"--{side}-argument", word]
    run = boot(*options, *words, "--device-argument", "disk=ram", "--device-argument", "ram=1M", "--seconds", "60",
               timeout=140)
    rows = run.rows("blk")
    if run.status != 0 or [row["operation"] for row in rows] != ["keep-writing"] or not rows[0]["verified"]:
        raise Failure(f"seed {seed}: status {run.status}: {run.said['failure'] or rows}; {run.errors}")
    if rows[0]["operations"] < 500:
        raise Failure(f"only {rows[0]['operations']} writes were acknowledged")
    for side in ("driver", "device"):
        text = pathlib.Path(boot.folder, "logs", f"{side}.log").read_text()
        told = re.search(r"restarted in place (\d+) times: (.*) late (\d+)", text)
        if not told or int(told[1]) != lives:
            raise Failure(f"the {side} did not begin anew {lives} times: {told and told[0]}")
        kinds = dict(zip(told[2].split()[::2], map(int, told[2].split()[1::2])))
        if len(kinds) != 5 or min(kinds.values()) == 0 or int(told[3]) > lives // 2:
            raise Failure(f"the {side} did not end at every kind of step: {told[0]}")


def compiled(boot, name, without=""):
    """The FLASK policy, without one permission of class argo if so wished, as Xen wants it. None if it can not be had."""
    source = (TOP / "guests" / "launch" / "xen_policy.te").read_text()
    if without:
        source, count = re.subn(rf"(:argo\s.*)\b{without}\b", r"\1", source)
        if count != 1:
            raise Failure(f"{count} rules of the policy allow {without}")
        source = re.sub(r"allow .*:argo\s*;", "", source)
    text, result = pathlib.Path(boot.folder, f"{name}.te"), pathlib.Path(boot.folder, f"{name}.policy")
    text.write_text(source)
    done = subprocess.run([TOP / "tools" / "xen_policy.sh", pathlib.Path(boot.images, "xen"), text, result],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if done.returncode == 77:
        print(f"SKIPPED: nothing is tried under a FLASK policy: {done.stderr.strip()}", flush=True)
        return None
    if done.returncode != 0:
        raise Failure(f"the policy does not compile: {done.stderr.strip()}")
    return result


def for_the_pair_alone(boot, *options):
    """The policy, not only the rings, refuses the third domain."""
    over_argo(boot, *options)
    log = pathlib.Path(boot.folder, "logs", "xen.log").read_text(errors="replace")
    for domain in (1, 2):
        if f"denied  {{ send }} for source=d3 target=d{domain} " not in log:
            raise Failure(f"Xen does not say that it keeps domain 3 from domain {domain}")


def cases_of_policies(boot):
    pair = compiled(boot, "pair")
    if pair is None:
        return
    argo = ("--link", "argo", "--xsm-policy")
    for order in ("device-first", "driver-first"):
        yield (f"under a FLASK policy for two domains alone they get on, and a third is refused by it, {order}",
               lambda order=order: for_the_pair_alone(boot, *argo, pair, "--order", order))
    for permission in ("enable", "register_single_source", "send"):
        policy = compiled(boot, f"no-{permission}", permission)
        sentence = "keeps this domain from Argo" if permission == "enable" else "the FLASK policy refuses"
        yield (f"a FLASK policy that does not allow {permission} is one sentence",
               lambda policy=policy, sentence=sentence: refused(boot, 1, sentence, *argo, policy))


def cases(boot):
    shm = ("--link", "xen-shm")
    for order in ("device-first", "driver-first"):
        yield (f"one domain uses what another serves over memory that Xen shares, {order}",
               lambda order=order: boot(*shm, "--order", order).expect_verified())
    yield ("the smallest window does, and the plain message queue layout",
           lambda: boot(*shm, "--size", "256K", "--queue-layout", "plain").expect_verified())
    yield ("traffic goes on for as long as it is asked to",
           lambda: boot(*shm, "--seconds", "4").expect_verified())
    yield ("a device domain that ends is a failure, and said so",
           lambda: refused(boot, 1, "the device side ended early with status 2", *shm,
                           "--device-argument", "disk=memory"))
    yield ("a domain that looks for what Xen does not have says so",
           lambda: refused(boot, 1, "there is no ivshmem-doorbell device", *shm, "--device-argument", "link=ivshmem"))
    argo = ("--link", "argo")
    for order in ("device-first", "driver-first"):
        yield (f"one domain uses what another serves over Argo, and a third is refused, {order}",
               lambda order=order: over_argo(boot, *argo, "--order", order))
    yield ("traffic over Argo goes on for as long as it is asked to",
           lambda: over_argo(boot, *argo, "--seconds", "4"))
    yield ("two domains that begin anew in place at any step, 220 times, lose no acknowledged write",
           lambda: restarted(boot, *argo))
    for words, sentence in (("argo=0", "put argo=1 on Xen's command line"), ("xsm=silo", "xsm=dummy")):
        yield (f"with {words} one sentence says what to change",
               lambda words=words, sentence=sentence: refused(boot, 1, sentence, *argo, "--xen-argument", words))
    yield from cases_of_policies(boot)
    yield ("a FLASK policy that is none is one sentence",
           lambda: refused(boot, 2, "is no compiled FLASK policy", *argo, "--xsm-policy", __file__))
    yield ("a FLASK policy is refused without Argo",
           lambda: refused(boot, 64, "only for --link argo", *shm, "--xsm-policy", __file__))
    for link in (shm, argo):
        yield f"a signal ends everything in order, {link[1]}", lambda link=link: interrupted(boot, *link)
    yield ("a hypervisor that is missing is one sentence",
           lambda: refused(boot, 2, "is missing; build it with ./dev xen", *shm, images=f"{boot.folder}/nothing"))
    yield ("a hypervisor that is none is one sentence",
           lambda: refused(boot, 2, "so it is no Xen", *shm, "--xen", __file__))
    for words in (("--kill", "driver@1"), ("--driver", "process"), ("--arch", "x86_64"), ("--accel", "kvm"),
                  ("--vectors", "2")):
        yield (f"{words[0]} {words[1]} is refused with Xen",
               lambda words=words: refused(boot, 64, "not on Xen", *shm, *words))
    yield ("a disk file is refused with Xen", lambda: refused(boot, 64, "not on Xen", *shm, "--disk", __file__))
    yield ("a window's size is refused with Argo", lambda: refused(boot, 64, "has no window", *argo, "--size", "1M"))
    yield ("a hypervisor without a link of Xen's is refused",
           lambda: refused(boot, 64, "only for links that are Xen's", "--xen", __file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hawser", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    chosen = parser.parse_args()
    if shutil.which("qemu-system-aarch64") is None:
        print("qemu-system-aarch64 is not installed")
        return 77
    if not pathlib.Path(chosen.images, "xen", "xen").exists():
        print("the hypervisor is not built: ./dev xen")
        return 77

    end_in_order()
    with Folder() as folder:
        booter = Booter(os.path.abspath(chosen.hawser), os.path.abspath(chosen.images), folder)
        passed, failed = run_all(cases(booter), folder, chosen.only)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
