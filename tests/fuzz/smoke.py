#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Runs one fuzz target over its seeds and then freely for a few seconds.

    smoke.py TARGET SEEDS [SECONDS]

What it finds is kept beside the target as NAME-crash-… and the like.
"""

import os
import subprocess
import sys
import tempfile


def main():
    target, seeds = os.path.abspath(sys.argv[1]), sys.argv[2]
    seconds = sys.argv[3] if len(sys.argv) > 3 else "4"
    with tempfile.TemporaryDirectory() as corpus:
        folders = [corpus, seeds] if os.path.isdir(seeds) else [corpus]
        return subprocess.run([target, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                               "-error_exitcode=1",  # its own choice is 77, which means "skipped" to meson
                               f"-artifact_prefix={target}-", "-print_final_stats=1", *folders],
                              stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
