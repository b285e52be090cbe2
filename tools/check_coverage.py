#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Holds docs/spec-coverage*.md against the sources: every test and every file that they name exists.

A document introduces its test files as  LETTERS `file_test.cpp`  outside of its tables, with the folder before the
list or in the path. In a table, what stands in quotes behind LETTERS is a part of the name of a test in that file.
In spec-coverage.md every row also says whether its clause is covered, and then names a test.
"""

import glob
import os
import re
import sys

import core

STRING = r'"(?:[^"\\]|\\.)*"'
TESTS = re.compile(r"\b(?:TEST_CASE\w*|SUBCASE|HAWSER_CLAUSE)\(\s*((?:" + STRING + r"\s*)+)")
PYTHON_TESTS = re.compile(r"^\s*def (test_\w+)|^\s*yield \(?f?(" + STRING + ")", re.M)
LEGEND = re.compile(r"\b([A-Z][a-z]*)\s+`([\w./-]+\.(?:cpp|hpp|py|pml))`")
FOLDER = re.compile(r"`((?:\w+/)+)`")
TOKEN = re.compile(r'`[^`]*`|"([^"]*)"|\b([A-Z][a-z]*)\b')
PATH = re.compile(r"`((?:\w[\w.-]*/)+[\w.-]+\.(?:[ch]pp|py|pml|md|toml|sh))`")
STATES = ("covered", "partly", "not")


def tests_in(path):
    """The names of the tests in a file, on one line."""
    with open(os.path.join(core.ROOT, path), encoding="utf-8") as text:
        content = text.read()
    if path.endswith(".py"):
        return [(a or b).strip('"').replace("{", "").replace("}", "") for a, b in PYTHON_TESTS.findall(content)]
    if path.startswith("guests/"):  # a self-test's sentences are arguments
        return [name[1:-1] for name in re.findall(STRING, content)]
    joined = ("".join(s[1:-1] for s in re.findall(STRING, run)) for run in TESTS.findall(content))
    return [name.replace('\\"', "'") for name in joined]


class Document:
    def __init__(self, path):
        self.path = path
        self.wrong = []
        self.named = 0
        self.tests = {}  # by the letters of their file
        with open(os.path.join(core.ROOT, path), encoding="utf-8") as text:
            self.lines = text.read().split("\n")
        self.read_legend()

    def complain(self, number, what):
        self.wrong.append(f"{self.path}:{number}: {what}")

    def read_legend(self):
        prose = "\n".join(line for line in self.lines if not line.startswith("|"))
        places = [(m.start(), m.group(1)) for m in FOLDER.finditer(prose)]
        for at, folder in places:
            if not os.path.isdir(os.path.join(core.ROOT, folder)):
                self.complain(prose.count("\n", 0, at) + 1, f"there is no {folder}")
        for match in LEGEND.finditer(prose):
            letters, file = match.groups()
            before = [folder for at, folder in places if at < match.start()]
            candidates = [file] + [folder + file for folder in reversed(before)]
            found = next((c for c in candidates if os.path.exists(os.path.join(core.ROOT, c))), None)
            if found is None:
                self.complain(prose.count("\n", 0, match.start()) + 1, f"there is no {file}")
            elif letters in self.tests:
                self.complain(0, f"{letters} stands for two files")
            else:
                self.tests[letters] = tests_in(found)

    def check_row(self, number, cells, has_states):
        cited = 0
        letters = None
        for quoted, word in TOKEN.findall(cells[-1]):
            if word in self.tests:
                letters = word
            elif quoted:
                cited += 1
                names = self.tests.get(letters)
                if names is None:
                    self.complain(number, f'"{quoted}" is in no file')
                elif not any(quoted in name for name in names):
                    self.complain(number, f'no test of {letters} has "{quoted}" in its name')
        self.named += cited
        if not has_states:
            return
        if len(cells) != 4 or cells[2] not in STATES:
            self.complain(number, f"a row is clause, requirement, {', '.join(STATES)}, test")
        elif cells[2] == "covered" and cited == 0:
            self.complain(number, "covered, but by which test?")
        elif not cells[3]:
            self.complain(number, "why not?")

    def check(self):
        has_states = False
        for number, line in enumerate(self.lines, 1):
            for path in PATH.findall(line):
                if not os.path.exists(os.path.join(core.ROOT, path)):
                    self.complain(number, f"there is no {path}")
            if not line.startswith("|") or re.fullmatch(r"[|:\s-]+", line):
                continue
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if number >= 2 and not self.lines[number - 2].startswith("|"):  # the head of a table
                has_states = "state" in cells
                continue
            self.check_row(number, cells, has_states)
        return self.wrong


def main():
    paths = sorted(glob.glob("docs/spec-coverage*.md", root_dir=core.ROOT))
    documents = [Document(path) for path in paths]
    wrong = [line for document in documents for line in document.check()]
    for line in wrong:
        print(line)
    print(f"{len(documents)} documents name {sum(d.named for d in documents)} tests, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
