#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Every verb and option that `hawser --help` tells of is in each shell's completion, and nothing else is; so are the
kinds of links that serve and use take.

    completions.py HAWSER FOLDER
"""

import pathlib
import re
import shutil
import subprocess
import sys


def help_of(program, *verb):
    return subprocess.run([program, *verb, "--help"], capture_output=True, text=True, check=True).stdout


def verbs_in(text):
    part = re.search(r"^Subcommands:\n((?:  .*\n)+)", text, re.M)
    return re.findall(r"^  (\S+) ", part.group(1), re.M) if part else []


def options_in(text):
    return set(re.findall(r"^  (?:-\w,)?--([\w-]+)", text, re.M))


def bash(text, verb):
    section = re.search(rf"^    {verb}\)(.*?);;", text, re.M | re.S)
    return set(re.findall(r"--([\w-]+)", section.group(1))) if section else set()


def zsh(text, verb):
    section = re.search(rf"^_hawser_{verb.replace('-', '_')}\(\) {{(.*?)^}}", text, re.M | re.S)
    return set(re.findall(r"'(?:\([^)]*\))?\*?--([\w-]+)\[", section.group(1))) if section else set()


def fish(text, verb):
    name = re.search(rf"^set -l (\w+) .*from {verb}'", text, re.M)
    common = set(re.findall(r"^complete -c hawser -l ([\w-]+)", text, re.M))
    return common | set(re.findall(rf"^complete \${name.group(1)} .*?-l ([\w-]+)", text, re.M)) if name else set()


SHELLS = {"bash": ("hawser.bash", bash), "zsh": ("_hawser", zsh), "fish": ("hawser.fish", fish)}


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    wrong = []
    top = help_of(program)
    verbs = verbs_in(top)
    if not verbs:
        wrong.append("hawser --help lists no verbs")
    links = {verb: set(re.findall(r"\b([a-z]+):[S/0]", help_of(program, verb))) for verb in ("serve", "use")}
    if links["serve"] != links["use"] or "ivshmem" not in links["use"]:
        wrong.append(f"serve and use take different links: {links}")
    for shell, (file, section_of) in SHELLS.items():
        text = (folder / file).read_text()
        wrong += [f"{shell}: --link {link}: is missing" for link in sorted(links["use"])
                  if not re.search(rf"\b{link}\\?:", text)]
        for verb in verbs:
            own = help_of(program, verb)
            expected = options_in(own)
            for inner in verbs_in(own):
                expected |= options_in(help_of(program, verb, inner))
                if not re.search(rf"\b{inner}\b", text):
                    wrong.append(f"{shell}: {verb} {inner} is missing")
            there = section_of(text, verb)
            wrong += [f"{shell}: {verb} --{option} is missing" for option in sorted(expected - there)]
            wrong += [f"{shell}: {verb} --{option} does not exist" for option in sorted(there - expected)]
        if shutil.which(shell):
            parsed = subprocess.run([shell, "-n", folder / file], capture_output=True, text=True)
            if parsed.returncode != 0:
                wrong.append(f"{shell} does not accept {file}: {parsed.stderr.strip()}")
    # What a shell really offers, where it is at hand (it is, for the one that every Debian has).
    asked = "source %s/hawser.bash; COMP_WORDS=(%s); COMP_CWORD=%d; _hawser 2>/dev/null; echo ${COMPREPLY[@]}"
    for words, expected in ((["hawser", "''"], verbs), (["hawser", "serve", "--dev"], ["--device"]),
                            (["hawser", "boot", "--device", "g"], ["guest"]),
                            (["hawser", "serve", "--device", "net,u"], ["net,user"])):
        said = subprocess.run(["bash", "-c", asked % (folder, " ".join(words), len(words) - 1)],
                              capture_output=True, text=True).stdout.split()
        if not set(expected) <= set(said):
            wrong.append(f"bash offers {said} after {words}, not {expected}")
    for line in wrong:
        print(line)
    print(f"{len(verbs)} verbs in {len(SHELLS)} shells: {len(wrong)} findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
