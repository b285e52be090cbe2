#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Holds every #include against the module rule, and those of freestanding files against the list of headers."""

import os
import re
import sys

import core

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def main():
    provided = {name: path for path, name in core.public_headers()}
    known = set(core.sources())
    wrong = []
    for path in sorted(known):
        who = core.owner(path)
        with open(os.path.join(core.ROOT, path), encoding="utf-8") as text:
            content = text.read()
        for match in INCLUDE.finditer(content):
            kind, name = match.groups()
            where = f"{path}:{content.count(chr(10), 0, match.start(2)) + 1}"
            if kind == '"':
                beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
                # A module's own files; a test may also open the private headers of what it tests.
                homes = core.MAY_INCLUDE["tests"] if who == "tests" else [who]
                if beside not in known and not any(k.endswith("/" + name) and core.owner(k) in homes for k in known):
                    wrong.append(f'{where}: "{name}" is no file of {who}; other modules are included as <hawser/...>')
                if "/include/" in path:
                    wrong.append(f'{where}: a public header includes "{name}", which its users do not see')
            elif name.startswith("hawser/"):
                if name not in provided:
                    wrong.append(f"{where}: no module has <{name}>")
                    continue
                whose = core.owner(provided[name])
                if whose not in core.MAY_INCLUDE[who]:
                    wrong.append(f"{where}: {who} must not depend on {whose} (<{name}>)")
                elif core.freestanding(path) and not core.freestanding(provided[name]):
                    wrong.append(f"{where}: a freestanding file includes <{name}>, which is for processes")
            elif core.freestanding(path) and name not in core.STANDARD_HEADERS | core.C_HEADERS.get(path, set()):
                wrong.append(f"{where}: <{name}> is not among the headers that freestanding files may use")
    for line in wrong:
        print(line)
    print(f"{len(known)} files, {len(wrong)} wrong includes")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
