#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Compiles the freestanding core for each guest and lists what it leaves undefined: memcpy, memmove, memset and
memcmp, or the check fails. The templates are those that tests/freestanding/*.cpp instantiate. What runs with the MMU
off must need no other object, nor share an inline function with one."""

import glob
import os
import re
import subprocess
import sys

import compilers
import core

LEVELS = ["-O0", "-O2", "-Os"]
UNMAPPED = "guests/baremetal/aarch64"


def units():
    """The core's own sources, then the files that instantiate its templates."""
    own = [p for p in core.sources() if p.endswith(".cpp") and "/src/" in p and core.freestanding(p)
           and not p.startswith("guests/")]
    return own + sorted(os.path.relpath(p, core.ROOT) for p in glob.glob(f"{core.ROOT}/tests/freestanding/*.cpp"))


def every_header(work):
    """One more unit, that includes every freestanding header."""
    path = os.path.join(work, "every_header.cpp")
    names = [name for path_, name in core.public_headers() if core.freestanding(path_) and not path_.startswith("guests/")]
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(f"#include <{name}>\n" for name in names)
    return path


def tool(compiler, name):
    return f"aarch64-linux-gnu-{name}" if compiler.startswith("aarch64") else f"x86_64-linux-gnu-{name}"


def compile_core(compiler, command, level, work):
    """Objects by source, or None with what went wrong printed."""
    folders = [f"-I{f}" for f in core.include_folders("tests") if not f.startswith(f"{core.ROOT}/guests")
               and not f.startswith((f"{core.ROOT}/bench", f"{core.ROOT}/tests"))]
    prefix = os.path.join(work, compiler.replace(" ", "-") + level)
    jobs, objects = [], {}
    for unit in [*units(), every_header(work)]:
        source = os.path.join(core.ROOT, unit)
        objects[unit] = f"{prefix}-{unit.replace('/', '-')[-100:]}.o"
        module = [f"-I{core.ROOT}/{core.owner(unit)}/src"] if core.owner(unit) else []
        jobs.append((unit, [*command, level, *folders, *module, "-c", source, "-o", objects[unit]]))
    fine = True
    for unit, status, output in compilers.run_all(jobs):
        if status:
            fine = False
            print(f"{unit} does not compile with {compiler} {level}:\n{output[:3000]}")
    return objects if fine else None


def undefined(compiler, objects, whole):
    subprocess.run([tool(compiler, "ld"), "-r", "-o", whole, *objects], check=True)
    listed = subprocess.run([tool(compiler, "nm"), "-u", "-C", whole], check=True, capture_output=True, text=True).stdout
    return sorted({line.split(maxsplit=1)[1] for line in listed.splitlines() if line.strip()})


def unmapped_stands_alone(command, work):
    """Of mmu.cpp (aarch64): only link.ld's names are undefined, and no object but this one makes its templates."""
    path = os.path.join(work, "unmapped.o")
    folders = [f"-I{core.ROOT}/{f}" for f in ("guests/baremetal/common", "guests/baremetal/include", "transport/include")]
    subprocess.run([*command, "-mstrict-align", "-O2", *folders, "-c", f"{core.ROOT}/{UNMAPPED}/mmu.cpp", "-o", path], check=True)
    listed = subprocess.run(["aarch64-linux-gnu-nm", "-C", path], check=True, capture_output=True, text=True).stdout
    with open(f"{core.ROOT}/{UNMAPPED}/link.ld", encoding="utf-8") as script:
        placed = set(re.findall(r"^\s*(\w+) = ", script.read(), re.MULTILINE))
    symbols = [line[17:].split(" ", 1) for line in listed.splitlines()]
    wrong = [name for kind, name in symbols if kind == "U" and name not in placed
             or kind in "VWu" and not name.startswith("hawser::guest::PageTables<")]
    print(f"{UNMAPPED}/mmu.cpp shares {', '.join(wrong) or 'nothing'}")
    return not wrong


def main():
    work = os.path.join(core.ROOT, "build", "symbols")
    os.makedirs(work, exist_ok=True)
    failed = not units()
    command = compilers.freestanding().get("aarch64 g++")
    failed |= command is not None and not unmapped_stands_alone(command, work)
    for compiler, command in compilers.freestanding().items():
        for level in LEVELS:
            objects = compile_core(compiler, command, level, work)
            if objects is None:
                failed = True
                continue
            left = undefined(compiler, objects.values(), os.path.join(work, "whole.o"))
            wrong = [s for s in left if s not in core.SYMBOLS]
            print(f"{compiler} {level}: {len(objects)} objects need {', '.join(left) or 'nothing'}", flush=True)
            if wrong:
                failed = True
                print(f"  not allowed: {', '.join(wrong)}")
                for unit, path in objects.items():
                    mine = subprocess.run([tool(compiler, "nm"), "-u", "-C", path], capture_output=True, text=True).stdout
                    named = [s for s in wrong if s in mine]
                    if named:
                        print(f"  {unit}: {', '.join(named)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
