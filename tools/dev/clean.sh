# shellcheck shell=sh disable=SC2154 # root is lib.sh's
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

#: Remove everything that was built (build/).

for folder in . build; do
  if [ -d "$folder" ] && ! [ -w "$folder" ]; then die "nothing can be removed: $(id -un) can not write to $root/$folder"; fi
done
rm -rf build
if [ -L compile_commands.json ]; then rm -f compile_commands.json; fi
find . -name __pycache__ -type d -prune -exec rm -rf {} +
