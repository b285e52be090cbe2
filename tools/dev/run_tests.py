#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Runs the tests of all build directories through `meson test` and adds up what they ran.

Counted are test cases: what a program says of itself ("[doctest] test cases: ..." or a last line
"N passed, N failed, N skipped"); a program that says nothing is one case. A doctest case that says "skipped: " and why
counts as skipped, although doctest calls it passed.
"""

import contextlib
import fnmatch
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SANITIZED = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}

# Build directory, suites run in it (None: all), factor on the tests' time limits.
PLAN = [
    ("native", None, 2),
    ("asan", ["unit", "threads", "conformance"], 6),
    ("tsan", ["threads"], 12),
    ("fuzz", ["fuzz-smoke"], 4),
]

DOCTEST = re.compile(r"^\[doctest\] test cases: *(\d+) *\| *(\d+) passed \| *(\d+) failed", re.M)
DOCTEST_SKIP = re.compile(r"^TEST CASE: *(.*)$|MESSAGE: skipped: *(.*)$", re.M | re.I)
TOTALS = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line after 2 seconds and then every 20."""

    def __init__(self, label):
        self.label, self.note = label, ""
        self.began = time.monotonic()
        self.over = threading.Event()
        self.tty = sys.stdout.isatty()
        self.thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        if self.tty:
            print("\r\033[K", end="", flush=True)

    def seconds(self):
        return time.monotonic() - self.began

    def _tick(self):
        due = 1 if self.tty else 2
        while not self.over.wait(0.5):
            if self.seconds() < due:
                continue
            line = f"  {self.label}  {self.seconds():.0f} s  {self.note[:80]}"
            print(f"\r\033[K{line}" if self.tty else line, end="" if self.tty else "\n", flush=True)
            due = self.seconds() + (0.5 if self.tty else 20)


@contextlib.contextmanager
def ended_with_us(running):
    """A program that does not go on when we are told to end: meson's tests are in sessions of their own."""
    try:
        yield running
    except BaseException:
        running.terminate()
        running.wait()
        raise


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []  # (where, program, command, output)
        self.skips = []  # (where, program, reason)


def introspect(build, what):
    out = subprocess.run(["meson", "introspect", build, what], check=True, capture_output=True, text=True, cwd=ROOT)
    return json.loads(out.stdout)


def full_name(test):
    # Meson says "project:suite"; a test belongs to one suite.
    suite = test["suite"][0].split(":")[-1] if test["suite"] else "other"
    return f"{suite}:{test['name']}"


def chosen(build, suites, pattern):
    # A list from before the last change of a meson.build would leave out new tests.
    subprocess.run(["ninja", "-C", build, "build.ninja"], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    tests = []
    for test in introspect(build, "--tests"):
        name = full_name(test)
        if suites is not None and name.split(":")[0] not in suites:
            continue
        if pattern and pattern not in name and not fnmatch.fnmatch(name, pattern):
            continue
        tests.append(test)
    return tests


def compile_for(build, tests):
    """Builds what the tests need. Returns the log of a failure, or None."""
    files = {t["id"]: t["filename"] for t in introspect(build, "--targets")}
    top = os.path.join(ROOT, build)
    needed = sorted({os.path.relpath(f, top) for t in tests for d in t["depends"] for f in files.get(d, [])})
    log = []
    with Progress(f"build {build[6:]}") as progress:
        ninja = subprocess.Popen(["ninja", "-C", build, *needed], cwd=ROOT, stdin=subprocess.DEVNULL, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        with ended_with_us(ninja):
            for line in ninja.stdout:
                log.append(line)
                progress.note = line.strip()
            status = ninja.wait()
        if status == 0 and log[-1].startswith("ninja: no work"):
            return None
        say(f"build {build[6:]}", "ok" if status == 0 else "FAILED", progress.seconds())
    return None if status == 0 else "".join(log)


def say(label, result, seconds):
    clear = "\r\033[K" if sys.stdout.isatty() else ""
    print(f"{clear}  {label:<34} {result:<7} {seconds:.1f} s", flush=True)


def steady_addresses(build):
    """The sanitizers of clang 14 need addresses less random than some kernels make them."""
    if build.endswith("native"):
        return []
    probe = subprocess.run(["setarch", "-R", "true"], capture_output=True)
    return ["setarch", "-R"] if probe.returncode == 0 else []


def run(build, tests, factor, tally):
    log = os.path.join(ROOT, build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    suites = sorted({f"--suite={full_name(t).split(':')[0]}" for t in tests})
    command = [*steady_addresses(build), "meson", "test", "-C", build, "--no-rebuild", "--num-processes",
               str(os.cpu_count() or 1), "--timeout-multiplier", str(factor), *suites,
               *sorted({t["name"] for t in tests})]
    label = f"test {build[6:]}"
    done = 0
    before = (tally.passed, tally.failed, tally.skipped)
    wanted = {full_name(t) for t in tests}
    with Progress(label) as progress:
        meson = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace",
                                 env={**SANITIZED, **os.environ})
        with ended_with_us(meson):
            said = []
            reader = threading.Thread(target=lambda: said.extend(meson.stdout), daemon=True)
            reader.start()
            position = 0
            while True:
                ended = meson.poll() is not None
                if os.path.exists(log):
                    with open(log, encoding="utf-8", errors="replace") as lines:
                        lines.seek(position)
                        text = lines.read()
                    whole = text[: text.rfind("\n") + 1]
                    position += len(whole.encode("utf-8", errors="replace"))
                    for line in whole.splitlines():
                        note_result(build, json.loads(line), tally)
                        done += 1
                progress.note = f"{done}/{len(wanted)} programs"
                if ended:
                    break
                time.sleep(0.1)
            reader.join()
        ran = tuple(now - then for now, then in zip((tally.passed, tally.failed, tally.skipped), before))
        if done < len(wanted) or (meson.returncode != 0 and ran[1] == 0):
            tally.failed += 1
            tally.failures.append((build, f"meson test (status {meson.returncode}, {done} of {len(wanted)} programs)",
                                   shlex.join(command), "".join(said)))
            ran = (ran[0], ran[1] + 1)
        result = "ok" if ran[1] == 0 else "FAILED"
        say(f"{label}: {done} programs, {ran[0]} cases", result, progress.seconds())


def note_result(build, entry, tally):
    name = entry["name"].split(" / ")[-1]
    output = COLOUR.sub("", entry.get("stdout", "") + entry.get("stderr", ""))
    result = entry["result"]
    if result == "SKIP":
        lines = [line for line in output.splitlines() if line.strip()]
        tally.skipped += 1
        tally.skips.append((build, name, lines[-1].strip() if lines else "no reason given"))
        return
    passed, failed, skipped = count(output)
    if DOCTEST.search(output):
        reasons = skipped_cases(output)
        skipped = len(reasons)
        passed -= skipped
        tally.skips += [(build, name, f"{case}: {why}") for case, why in reasons.items()]
    elif skipped:
        for line in output.splitlines():
            if line.lower().startswith("skip"):
                tally.skips.append((build, name, line.strip()))
    tally.skipped += skipped
    if result in ("OK", "EXPECTEDFAIL"):
        tally.passed += passed if passed + failed + skipped else 1
        return
    tally.passed += passed
    tally.failed += max(failed, 1)
    how = f"{result.lower()}, status {entry.get('returncode')}"
    tally.failures.append((build, f"{name} ({how})", rerun(build, entry), output))


def count(output):
    passed = failed = skipped = 0
    for _, good, bad in DOCTEST.findall(output):
        passed += int(good)
        failed += int(bad)
    if passed + failed == 0:
        totals = TOTALS.findall(output)
        if totals:
            passed, failed, skipped = (int(n or 0) for n in totals[-1])
    return passed, failed, skipped


def skipped_cases(output):
    """The doctest cases that said so, whole or in a part of them, and why."""
    reasons = {}
    case = "a case"
    for title, why in DOCTEST_SKIP.findall(output):
        if title:
            case = title
        else:
            reasons[case] = why
    return reasons


def rerun(build, entry):
    """The command that runs one test alone, from the repository's root."""
    words = []
    if not build.endswith("native"):
        words = [f"{k}={shlex.quote(v)}" for k, v in SANITIZED.items()] + steady_addresses(build)
    program, *arguments = entry["command"]
    if not arguments:
        return " ".join([*words, shlex.quote(os.path.relpath(program, ROOT))])
    top = os.path.join(ROOT, build)  # meson runs tests there, and some arguments count on it
    words += [shlex.quote(os.path.relpath(w, top) if w.startswith(ROOT) else w) for w in entry["command"]]
    return f"(cd {build} && {' '.join(words)})"


def report(tally, seconds):
    for build, name, command, output in tally.failures:
        print(f"\nFAILED in {build}: {name}")
        lines = [line for line in output.splitlines() if line.strip()]
        for line in lines[-40:]:
            print(f"  | {line[:300]}")
        print(f"  again: {command}")
    if tally.skips:
        print("\nSKIPPED:")
        for build, name, reason in tally.skips:
            print(f"  {build} {name}: {reason}")
    print(f"\n{seconds:.0f} s; test cases, counted in every build that they ran in:")
    if tally.skipped:
        print(f"{tally.skipped} skipped")
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)  # nothing else: programs read this line


def main(arguments):
    pattern = arguments[0] if arguments else ""
    began = time.monotonic()
    tally = Tally()
    for name, suites, factor in PLAN:
        build = f"build/{name}"
        if not os.path.exists(os.path.join(ROOT, build, "build.ninja")):
            continue
        tests = chosen(build, suites, pattern)
        if not tests:
            continue
        broken = compile_for(build, tests)
        if broken is not None:
            tally.failed += 1
            tally.failures.append((build, "does not build", f"ninja -C {build}", broken))
            continue
        run(build, tests, factor, tally)
    if tally.passed + tally.failed + tally.skipped == 0:
        print("no test ran" + (f": none is called like \"{pattern}\"" if pattern else ""))
    report(tally, time.monotonic() - began)
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
