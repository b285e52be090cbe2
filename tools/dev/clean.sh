# shellcheck shell=sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Remove everything that was built (build/).

rm -rf build
if [ -L compile_commands.json ]; then rm -f compile_commands.json; fi
find . -name __pycache__ -type d -prune -exec rm -rf {} +
