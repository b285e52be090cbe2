#!/bin/sh
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

# xen_policy.sh FOLDER POLICY RESULT: compiles a FLASK policy for the Xen that build_xen.sh made in FOLDER. POLICY is what
# follows the declarations of classes, permissions and initial SIDs, which are that Xen's: its source package has them.
# Status 77, after a sentence, if the compiler or the source is not here.
set -eu

[ $# -eq 3 ] || {
  echo "usage: xen_policy.sh FOLDER POLICY RESULT" >&2
  exit 1
}
folder=$1
policy=$2
result=$3

command -v checkpolicy >/dev/null || {
  echo "a FLASK policy is compiled by checkpolicy, which is not here: apt-get install checkpolicy" >&2
  exit 77
}
# What it made says which version; older sources may lie beside it.
version=$(sed 's/ .*//' "$folder/made-from" 2>/dev/null) || version=
source=$folder/source/xen_${version%-*}.orig.tar.xz
[ -f "$source" ] || {
  echo "$folder has no Xen with its source, which declares what a policy is about: ./dev xen" >&2
  exit 77
}

declarations=$(mktemp -d)
trap 'rm -rf "$declarations"' EXIT
trap 'exit 1' INT TERM
tar -xJf "$source" -C "$declarations" --strip-components=1 --wildcards '*/xen/xsm/flask/policy/*'
declared=$declarations/xen/xsm/flask/policy
cat "$declared/security_classes" "$declared/initial_sids" "$declared/access_vectors" "$policy" >"$declarations/policy.conf"
checkpolicy -t Xen -c 30 -o "$result" "$declarations/policy.conf"
