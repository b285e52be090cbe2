#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Writes docs/argo-conformance.md: every row of the Argo examination (tests/conformance/argo), on every host.

    argo_conformance.py BUILD     runs the examination on all hosts of a build folder (./dev build, ./dev test)
    argo_conformance.py --check   whether the document's rows are those of the source
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "argo-conformance.md"
sys.path.insert(0, str(ROOT / "tests" / "system"))

HOSTS = ["broker's engine", "broker, processes", "Xen arm64", "Xen arm64, mac-permissive", "Xen x86_64, mac-permissive"]

HEAD = """<!-- SPDX-FileCopyrightText: 2026 The Hawser authors -->
<!-- SPDX-License-Identifier: MIT -->

# Argo: the broker and Xen, row by row

The same examination, from the same source ([tests/conformance/argo](../tests/conformance/argo)), on every host. This file is
written by `tools/argo_conformance.py build` out of the runs themselves, and a test holds its rows against the source.

| host | what |
|---|---|
| {} | the library in one process, four times: with and without Xen's quirks, each with and without mac-permissive |
| {} | `hawser argo-broker`'s server, two domains that join by sockets, mac-permissive |
| {} | Xen 4.17.5 of Debian's source, two dom0less domains, bare metal |
| {} | the same with `argo=1,mac-permissive=1` |
| {} | the same source for x86_64, mac-permissive: one PVH domain, the first ([how](xen-x86.md)) |

`ok`: the row holds. `two`: takes a second domain. `wild`: takes rings for any sender, which exist only with mac-permissive. No
row differs between the hosts.

"""

TAIL = """
## What is not in the table

Lives and numbers of domains take a toolstack, which dom0less Xen has not, so these are tested on the broker's engine alone
(`tests/unit/argo_broker/life_test.cpp`, against the reading of Xen's source): Argo switched off (C1 with EOPNOTSUPP; on Xen
`system:xen` has one sentence of it), a policy that refuses (R7, N8; on Xen `system:xen` has `xsm=silo`), a partner without Argo
(R14), a partner's and an owner's death and soft reset (D1, D2, D4), the 33rd waiter (S14), waiters across deaths (U2, N6), a
signal that nobody bound (V2). A third domain that is refused is in the demos and system tests of both hosts.
"""


def rows_of_source():
    text = (ROOT / "tests" / "conformance" / "argo" / "rows.hpp").read_text(encoding="utf-8")
    return re.findall(r'^ *X\(\w+, "(\w+)", +"([^"]+)"\)', text, re.MULTILINE)


def rows_of_document():
    text = DOCUMENT.read_text(encoding="utf-8")
    return re.findall(r"^\| ([A-Z]\d+) \| ([^|]+?) \| (.*) \|$", text, re.MULTILINE)


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False).stdout


def engine(build):
    report = xml.etree.ElementTree.fromstring(
        run(build / "native" / "tests" / "unit" / "argo_broker" / "unit-argo-broker", "-r=xml", "-tc=*"))
    cases = {case.get("name").split(":")[0]: case.find("OverallResultsAsserts") for case in report.iter("TestCase")}
    return {name: "ok" if result is not None and result.get("test_case_success") == "true" else "FAILED"
            for name, result in cases.items()}


def processes(build):
    text = run(build / "native" / "tests" / "unit" / "argo_broker" / "threads-argo-sockets", "-s", "-tc=all rows*")
    found = {}
    for ending, row in re.findall(r"(SUCCESS|ERROR): CHECK\( verdict\.outcome.*\n.*\n *logged: (\w+) line", text):
        found[row] = "ok" if ending == "SUCCESS" else "FAILED"
    return found


def xen(build, permissive):
    import xen_exam
    chosen = argparse.Namespace(images=build, run=next((build / "native").rglob("xen-run")))
    with tempfile.TemporaryDirectory(prefix="hawser-exam-") as folder:
        rows = xen_exam.examine(chosen, folder, permissive)
    return {row: {"ok": "ok", "FAILED": "FAILED", "skipped": "wild"}[kind] for kind in rows for row, _ in rows[kind]}


def xen_x86(build):
    import xen_x86 as x86
    lines = x86.examine(build / "xen-x86_64" / "xen", build / "guest-x86_64" / "guests" / "baremetal" / "argo-exam.img")
    rows = [row for line in lines if (row := x86.ROW.search(line))]
    return {row[1]: {"ok": "ok", "FAILED": "FAILED", "skipped": "two"}[row[2]] for row in rows}


def write(build):
    columns = [engine(build), processes(build), xen(build, False), xen(build, True), xen_x86(build)]
    lines = ["| row | sentence | " + " | ".join(HOSTS) + " |", "|---|---|" + "---|" * len(HOSTS)]
    good = True
    for row, sentence in rows_of_source():
        results = [column.get(row, "missing") for column in columns]
        good = good and not {"missing", "FAILED"} & set(results)
        lines.append(f"| {row} | {sentence} | " + " | ".join(results) + " |")
    DOCUMENT.write_text(HEAD.format(*HOSTS) + "\n".join(lines) + "\n" + TAIL, encoding="utf-8")
    print(f"{DOCUMENT.relative_to(ROOT)}: {len(lines) - 2} rows" + ("" if good else ", not all of them good"))
    return 0 if good else 1


def check():
    source = rows_of_source()
    document = rows_of_document()
    wrong = [f"{row} is not in the document as \"{sentence}\"" for row, sentence in source
             if (row, sentence) not in {(r, s) for r, s, _ in document}]
    wrong += [f"{row} is no row of the source" for row, _, _ in document if row not in dict(source)]
    wrong += [f"{row}: {results}" for row, _, results in document
              if len(results.split(" | ")) != len(HOSTS) or set(results.split(" | ")) - {"ok", "two", "wild"}]
    wrong += [] if len(source) >= 44 else [f"only {len(source)} rows were found in the source"]
    for line in wrong:
        print(f"not ok  {line}")
    print(f"{len(source) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    if chosen.check:
        return check()
    if not chosen.build:
        parser.error("which build folder?")
    return write(pathlib.Path(chosen.build).resolve())


if __name__ == "__main__":
    sys.exit(main())
