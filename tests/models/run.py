#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Checks the models with Spin: each as it is, which must hold, and with one thing taken away, which must not.

    run.py [MODEL.pml]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# model, defines, whether it must hold
CASES = [
    ("wake.pml", [], True),
    ("wake.pml", ["FLAGS"], True),
    ("wake.pml", ["NO_PRODUCER_FENCE"], False),
    ("wake.pml", ["NO_CONSUMER_FENCE"], False),
    ("wake.pml", ["NO_RECHECK"], False),
    ("wake.pml", ["BY_EQUALITY"], False),
    ("wake.pml", ["FLAGS", "NO_PRODUCER_FENCE"], False),
    ("wake.pml", ["FLAGS", "NO_CONSUMER_FENCE"], False),
    ("wake.pml", ["FLAGS", "NO_RECHECK"], False),
    ("bell.pml", [], True),
    ("bell.pml", ["NO_RINGER_FENCE"], False),
    ("bell.pml", ["NO_SLEEPER_FENCE"], False),
    ("bell.pml", ["LOOK_THEN_ARM"], False),
    ("bell.pml", ["DISARM_LAST"], False),
]


def holds(model, defines):
    """True or False; and what Spin saw: the number of states, or the error."""
    with tempfile.TemporaryDirectory() as folder:
        options = [f"-D{name}" for name in defines]
        subprocess.run(["spin", *options, "-a", os.path.join(HERE, model)], cwd=folder, check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        subprocess.run(["cc", "-O2", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True)
        out = subprocess.run(["./pan", "-m100000"], cwd=folder, check=True, text=True, stdout=subprocess.PIPE).stdout
        if "max search depth too small" in out or "pan: out of memory" in out:
            raise RuntimeError(f"{model}: the search was cut short\n{out}")
        errors = re.search(r"errors: (\d+)", out)
        if errors is None:
            raise RuntimeError(f"{model}: no verdict\n{out}")
        if int(errors.group(1)) == 0:
            return True, re.search(r"(\d+) states, stored", out).group(1) + " states"
        return False, re.search(r"pan:\d+: (.*?) \(at depth", out).group(1)


def main():
    wanted = [os.path.basename(name) for name in sys.argv[1:]]
    for tool in ("spin", "cc"):
        if shutil.which(tool) is None:
            print(f"the models were NOT checked: {tool} is not installed")
            return 77
    passed = failed = 0
    for model, defines, expected in CASES:
        if wanted and model not in wanted:
            continue
        verdict, seen = holds(model, defines)
        good = verdict == expected
        passed += good
        failed += not good
        what = " ".join(defines) or "as it is"
        print(f"{'ok  ' if good else 'FAIL'} {model} {what}: {'holds' if verdict else 'fails'} ({seen})"
              + ("" if good else f", but it must {'hold' if expected else 'fail'}"))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
