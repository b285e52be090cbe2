#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Runs clang-tidy over a build directory's compile_commands.json, two files at a time on two cores.

    tidy.py BUILD [PART-OF-A-PATH]

A file whose preprocessed text and .clang-tidy are those of its last clean run is left out.
"""

import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys

import core


def command_of(entry):
    words = shlex.split(entry["command"])
    words = words[1:] if os.path.basename(words[0]) == "ccache" else words
    # Only what the front end needs.
    keep, skip = [], False
    for word in words[1:]:
        if skip or word in ("-MD", "-c") or word == entry["file"]:
            skip = False
        elif word in ("-MQ", "-MF", "-o"):
            skip = True
        else:
            keep.append(word)
    return keep


def rules_of(source):
    """The .clang-tidy of each folder from the repository's root down to the file's."""
    parts = os.path.relpath(os.path.dirname(source), core.ROOT).split(os.sep)
    folders = [os.path.join(core.ROOT, *parts[:n]) for n in range(len(parts) + 1)]
    return [file for folder in folders if os.path.exists(file := os.path.join(folder, ".clang-tidy"))]


def fingerprint(entry, flags):
    source = os.path.join(entry["directory"], entry["file"])
    text = subprocess.run(["clang++", *flags, "-E", "-P", source], cwd=entry["directory"], capture_output=True)
    if text.returncode:
        return None
    digest = hashlib.sha256(text.stdout)
    for rules in rules_of(source):
        with open(rules, "rb") as file:
            digest.update(file.read())
    # -P drops comments; NOLINT is one.
    with open(source, "rb") as own:
        digest.update(own.read())
    return digest.hexdigest()


def tidy(entry, stamps):
    source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
    flags = command_of(entry)
    mark = fingerprint(entry, flags)
    stamp = os.path.join(stamps, os.path.relpath(source, core.ROOT).replace("/", "-"))
    if mark and os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == mark:
        return source, 0, ""
    done = subprocess.run(["clang-tidy", "--quiet", source, "--", *flags], cwd=entry["directory"], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)
    if done.returncode == 0 and mark:
        with open(stamp, "w", encoding="utf-8") as out:
            out.write(mark)
    return source, done.returncode, done.stdout + (done.stderr if done.returncode and not done.stdout else "")


def main():
    build = os.path.join(core.ROOT, sys.argv[1])
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    stamps = os.path.join(core.ROOT, "build", "tidy")
    os.makedirs(stamps, exist_ok=True)
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as commands:
        # The kernel's C is for the kernel's own tools: ./dev check kernel.
        entries = {e["file"]: e for e in json.load(commands) if part in e["file"] and "guests/linux/kmod/" not in e["file"]}
    findings = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [pool.submit(tidy, e, stamps) for e in entries.values()]
        for n, job in enumerate(concurrent.futures.as_completed(jobs), 1):
            source, status, output = job.result()
            print(f"[{n}/{len(jobs)}] {os.path.relpath(source, core.ROOT)}", flush=True)
            if status:
                findings.append(output)
    print("".join(findings) + f"{len(entries)} files, {len(findings)} with findings")
    return 1 if findings or not entries else 0


if __name__ == "__main__":
    sys.exit(main())
