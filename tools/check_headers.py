#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Compiles every public header alone, seeing only what its module may see: with g++ and clang++ for programs, and
the freestanding ones with the guests' compilers as well."""

import os
import sys

import compilers
import core


def main():
    work = os.path.join(core.ROOT, "build", "headers")
    os.makedirs(work, exist_ok=True)
    hosted, bare = compilers.hosted(), compilers.freestanding()
    jobs = []
    for path, name in core.public_headers():
        who = core.owner(path)
        unit = os.path.join(work, name.replace("/", "-") + ".cpp")
        text = f"#include <{name}>\n#include <{name}>\n"
        if not os.path.exists(unit) or open(unit, encoding="utf-8").read() != text:
            with open(unit, "w", encoding="utf-8") as out:
                out.write(text)
        folders = [f"-I{f}" for f in core.include_folders(who)]
        wanted = {} if who == "guests/baremetal" else dict(hosted)
        if core.freestanding(path):
            wanted.update(bare)
        for label, command in wanted.items():
            jobs.append(((path, label), [*command, *folders, "-O0", "-c", unit, "-o", f"{unit}.{len(jobs)}.o"]))
    failures = []
    for done, ((path, label), status, output) in enumerate(compilers.run_all(jobs), 1):
        print(f"[{done}/{len(jobs)}] {path} ({label})", flush=True)
        if status:
            failures.append(f"{path} does not compile alone with {label}:\n{output[:3000]}")
    for left in os.listdir(work):
        if left.endswith(".o"):
            os.remove(os.path.join(work, left))
    print("".join(failures) + f"{len(jobs)} compilations of {len(core.public_headers())} headers, {len(failures)} failed")
    return 1 if failures or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
