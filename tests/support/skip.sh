#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# A test that cannot run here: says why and is counted as skipped.
echo "skipped: $*"
exit 77
