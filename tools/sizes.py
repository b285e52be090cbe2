#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Writes docs/sizes.md: what the guest images and the freestanding core weigh. Fails when an image loads more than
256 KiB. The core is what tools/check_symbols.py compiles, at -Os."""

import json
import os
import subprocess
import sys

import check_symbols
import compilers
import core

LIMIT = 256 * 1024
PAGE = os.path.join(core.ROOT, "docs", "sizes.md")

HEAD = f"""<!--
SPDX-FileCopyrightText: 2026 The Hawser authors
SPDX-License-Identifier: MIT
-->

# Sizes

Written by `./dev check`; bytes. *text* holds code and constants, *data* what is loaded besides, *bss* what is only zeroed
(stacks, page tables, pools). An image may load (text + data) at most {LIMIT} bytes.

"""


def size(tool, path):
    out = subprocess.run([tool, "-B", path], check=True, capture_output=True, text=True).stdout.splitlines()[1]
    return tuple(int(n) for n in out.split()[:3])


def images():
    for arch in ("aarch64", "x86_64"):
        build = os.path.join(core.ROOT, "build", f"guest-{arch}")
        if not os.path.exists(os.path.join(build, "build.ninja")):
            continue
        listed = subprocess.run(["meson", "introspect", build, "--targets"], check=True, capture_output=True, text=True)
        for target in sorted(json.loads(listed.stdout), key=lambda t: t["name"]):
            if target["type"] == "executable" and os.path.exists(target["filename"][0]):
                yield arch, target["name"], size(f"{arch}-linux-gnu-size", target["filename"][0])


def objects():
    work = os.path.join(core.ROOT, "build", "symbols")
    os.makedirs(work, exist_ok=True)
    for compiler, command in compilers.freestanding().items():
        built = check_symbols.compile_core(compiler, [*command, "-ffunction-sections"], "-Os", work)
        if built is None:
            raise SystemExit(1)
        for unit, path in built.items():
            if not unit.endswith("every_header.cpp"):
                yield unit, compiler, size(check_symbols.tool(compiler, "size"), path)


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", "|" + "".join("---|" if i < len(head) - 3 else "---:|" for i in range(len(head)))]
    return "\n".join(lines + [f"| {' | '.join(str(c) for c in row)} |" for row in rows]) + "\n"


def main():
    listed = list(images())
    if not listed:
        print("no guest image is built; ./dev build makes them")
        return 1
    text = HEAD + "## Guest images\n\n"
    text += table(["image", "architecture", "text", "data", "bss"], [(name, arch, *s) for arch, name, s in listed])
    text += "\n## The freestanding core, source by source\n\n"
    text += "`tests/freestanding/*.cpp` instantiate the templates; a program pays only for those that it uses.\n\n"
    text += table(["source", "compiler, -Os", "text", "data", "bss"], [(f"`{u}`", c, *s) for u, c, s in sorted(objects())])
    old = open(PAGE, encoding="utf-8").read() if os.path.exists(PAGE) else ""
    if text != old:
        with open(PAGE, "w", encoding="utf-8") as out:
            out.write(text)
        print("docs/sizes.md has changed: commit it with what changed it")
    heavy = [(arch, name, s) for arch, name, s in listed if s[0] + s[1] > LIMIT]
    for arch, name, s in heavy:
        print(f"{name} ({arch}) loads {s[0] + s[1]} bytes; the limit is {LIMIT}")
    for arch, name, s in listed:
        print(f"{name} ({arch}): {s[0] + s[1]} bytes loaded, {s[2]} zeroed")
    return 1 if heavy else 0


if __name__ == "__main__":
    sys.exit(main())
