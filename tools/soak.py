#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Runs the fuzz targets of a build directory for a while each, as many at once as there are cores, and prints what
they did. Their corpora stay in build/corpus/NAME, their findings in build/findings/NAME-*.

    soak.py BUILD SECONDS [PART-OF-A-NAME]
"""

import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import threading
import time

import core


def targets(build):
    out = subprocess.run(["meson", "introspect", build, "--targets"], check=True, capture_output=True, text=True, cwd=core.ROOT)
    return sorted((t["name"], t["filename"][0]) for t in json.loads(out.stdout)
                  if t["type"] == "executable" and t["name"].startswith("fuzz-"))


def soak(name, program, seconds):
    """Executions and findings of one target. It goes on after a finding, with the next seed of randomness."""
    short = name.removeprefix("fuzz-")
    corpus = os.path.join(core.ROOT, "build", "corpus", short)
    findings = os.path.join(core.ROOT, "build", "findings")
    seeds = os.path.join(core.ROOT, "tests", "fuzz", "seeds", short)
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(findings, exist_ok=True)
    before = set(glob.glob(f"{findings}/{short}-*"))
    end = time.monotonic() + seconds
    executions = 0
    crashes = 0
    while (left := int(end - time.monotonic())) > 0 and crashes < 10:
        done = subprocess.run(
            [program, f"-max_total_time={left}", "-timeout=10", "-rss_limit_mb=2048", "-error_exitcode=1",
             "-print_final_stats=1", "-use_value_profile=1", f"-artifact_prefix={findings}/{short}-", corpus,
             *([seeds] if os.path.isdir(seeds) else [])],
            capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
            env={"ASAN_OPTIONS": "detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1", **os.environ})
        said = re.search(r"stat::number_of_executed_units: *(\d+)", done.stderr)
        executions += int(said.group(1)) if said else 0
        if done.returncode:
            crashes += 1
            with open(f"{findings}/{short}-report-{crashes}.txt", "w", encoding="utf-8") as report:
                report.write(done.stderr)
            if not said:
                break  # it did not even start
    found = sorted(set(glob.glob(f"{findings}/{short}-*")) - before)
    return executions, crashes, found


def main():
    build, seconds = sys.argv[1], int(sys.argv[2])
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    chosen = [(n, p) for n, p in targets(build) if part in n]
    if not chosen:
        print(f"no fuzz target is called like \"{part}\"")
        return 1
    side_by_side = max(1, os.cpu_count() or 1)
    total = -(-len(chosen) // side_by_side) * seconds
    print(f"{len(chosen)} targets, {seconds} s each, {side_by_side} at once: about {total} s", flush=True)
    over, began, results = threading.Event(), time.monotonic(), {}
    tty = sys.stdout.isatty()

    def tick():
        while not over.wait(1 if tty else 30):
            line = f"  {time.monotonic() - began:.0f} s of {total}, {len(results)}/{len(chosen)} targets done"
            print(f"\r\033[K{line}" if tty else line, end="" if tty else "\n", flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    with concurrent.futures.ThreadPoolExecutor(side_by_side) as pool:
        jobs = {pool.submit(soak, n, p, seconds): n for n, p in chosen}
        for job in concurrent.futures.as_completed(jobs):
            results[jobs[job]] = job.result()
    over.set()
    ticker.join()
    if tty:
        print("\r\033[K", end="")
    print(f"{'target':<24} {'executions':>14} {'findings':>9}")
    for name, _ in chosen:
        executions, crashes, _ = results[name]
        print(f"{name.removeprefix('fuzz-'):<24} {executions:>14,} {crashes:>9}")
    for name, _ in chosen:
        for path in results[name][2]:
            print(f"{name}: {os.path.relpath(path, core.ROOT)}")
    idle = [n for n, _ in chosen if results[n][0] == 0]
    for name in idle:
        print(f"{name} executed nothing")
    return 1 if idle or any(crashes for _, crashes, _ in results.values()) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        os._exit(130)
