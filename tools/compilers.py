# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""The compilers that the checks call directly, and how they call them."""

import concurrent.futures
import os
import shutil
import subprocess

COMMON = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
BARE = ["-ffreestanding", "-fbuiltin", "-fno-exceptions", "-fno-rtti", "-fno-pic", "-fno-stack-protector",
        "-fno-asynchronous-unwind-tables", "-fno-threadsafe-statics"]

# Libraries that hosted headers include, for those that do not sit in the default folder.
LIBRARIES = ["fmt", "tomlplusplus", "nlohmann_json", "slirp", "liburing"]


def cached(*command):
    return (["ccache"] if shutil.which("ccache") else []) + list(command)


def hosted():
    """Name and command of each compiler for programs."""
    flags = subprocess.run(["pkg-config", "--cflags", *LIBRARIES], capture_output=True, text=True).stdout.split()
    return {name: cached(name, *COMMON, *flags) for name in ("g++", "clang++") if shutil.which(name)}


def freestanding():
    """Name and command of each compiler for the core; the three that build it, without a libc."""
    known = {
        "x86_64 g++": ["x86_64-linux-gnu-g++", *COMMON, *BARE, "-mno-red-zone", "-mgeneral-regs-only"],
        # libstdc++'s headers name long double, which clang refuses together with -mgeneral-regs-only.
        "x86_64 clang++": ["clang++", "--target=x86_64-linux-gnu", *COMMON, *BARE, "-mno-red-zone"],
        "aarch64 g++": ["aarch64-linux-gnu-g++", *COMMON, *BARE,
                        "-mgeneral-regs-only", "-mno-outline-atomics"],
    }
    found = {name: cached(*command) for name, command in known.items() if shutil.which(command[0])}
    if not found:
        raise SystemExit("no compiler for the freestanding core is installed; ./dev setup installs them")
    return found


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def run_all(jobs):
    """Runs (key, command) pairs side by side; yields (key, status, output) as they end."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = {pool.submit(run, command): key for key, command in jobs}
        for future in concurrent.futures.as_completed(futures):
            yield futures[future], *future.result()
