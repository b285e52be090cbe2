#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Checks that what must not compile does not, and for the right reason.

    run.py CASES.cpp COMPILER [FLAG ...]

Each line "// NAME: REGEX" of the file is one case: with -DNAME the file must be refused with a message that
matches REGEX; without any it must compile, so that a wrong include path cannot pass for a success.
"""

import re
import subprocess
import sys


def compile_case(compiler, source, define):
    define = [f"-D{define}"] if define else []
    done = subprocess.run([*compiler, *define, "-fsyntax-only", source], capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def main():
    source, compiler = sys.argv[1], sys.argv[2:]
    with open(source, encoding="utf-8") as text:
        cases = re.findall(r"^// ([A-Z][A-Z0-9_]*): (.+)$", text.read(), re.M)
    if not cases:
        print(f"{source}: no case; expected lines like \"// NAME: REGEX\"")
        return 1
    fine, said = compile_case(compiler, source, None)
    if not fine:
        print(f"{source}: must compile when no case is defined, but:\n{said}")
        print(f"0 passed, {len(cases)} failed")
        return 1
    failed = 0
    for name, expected in cases:
        fine, said = compile_case(compiler, source, name)
        if fine:
            failed += 1
            print(f"{name}: compiled, but must not")
        elif not re.search(expected, said):
            failed += 1
            print(f"{name}: refused, but no message matches /{expected}/:\n{said}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
