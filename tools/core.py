# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""What the checks know of the source tree: which files there are, which are freestanding, what may include what."""

import fnmatch
import os

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

MODULES = ["transport", "virtio", "ivshmem", "argo", "guests", "cli", "bench", "tests"]

# The module rule: an owner is a module or a folder of one; what is not listed may not be included.
CORE = ["transport", "virtio", "ivshmem", "argo"]
MAY_INCLUDE = {
    "transport": ["transport"],
    "virtio": ["transport", "virtio"],
    "ivshmem": ["transport", "ivshmem"],
    "argo": ["transport", "argo"],
    "guests/app": [*CORE, "guests/app"],
    "guests/baremetal": [*CORE, "guests/app", "guests/baremetal"],
    "guests/process": [*CORE, "guests/app", "guests/process"],
    "guests/launch": [*CORE, "guests/launch"],
    "guests": [*CORE, "guests"],
    # The command's verbs are a few lines over these libraries.
    "cli": [*CORE, "guests/app", "guests/launch", "guests/process", "bench", "cli"],
    # Its image measures in a guest, its suites over the broker's processes (docs/decisions/0008).
    "bench": [*CORE, "guests/app", "guests/baremetal", "guests/process", "bench"],
    # Tests see everything but the command.
    "tests": [*CORE, "guests/app", "guests/baremetal", "guests/launch", "guests/process", "bench", "tests"],
}

# Everything of these is freestanding ...
FREESTANDING = ["transport/*", "virtio/*", "ivshmem/*", "argo/*", "guests/app/*", "guests/baremetal/*"]
# ... but what only processes use.
HOSTED = ["*/server/*", "*/client/*", "*/broker/*", "*/loopback*", "*/examples/*"]

STANDARD_HEADERS = {
    "algorithm", "array", "bit", "compare", "concepts", "cstddef", "cstdint", "cstring", "initializer_list", "limits",
    "new", "optional", "span", "string_view", "type_traits", "utility",
}

# What C reads of these instead: the kernel has no others.
C_HEADERS = {"transport/include/hawser/transport/wire_types.h": {"linux/types.h", "linux/stddef.h", "stddef.h"}}

SYMBOLS = {"memcpy", "memmove", "memset", "memcmp"}


def sources():
    """Every C++ file of the modules, relative to the root."""
    found = []
    for module in MODULES:
        for folder, folders, files in os.walk(os.path.join(ROOT, module)):
            folders[:] = sorted(f for f in folders if not f.startswith((".", "build")))
            found += [os.path.relpath(os.path.join(folder, f), ROOT) for f in sorted(files)
                      if f.endswith((".hpp", ".cpp", ".h"))]
    return found


def freestanding(path):
    return any(fnmatch.fnmatch(path, p) for p in FREESTANDING) and not any(fnmatch.fnmatch(path, p) for p in HOSTED)


def owner(path):
    """The longest entry of MAY_INCLUDE that holds the file."""
    return max((o for o in MAY_INCLUDE if path.startswith(o + "/")), key=len, default=None)


def public_headers():
    """Pairs of a header's path and the name by which it is included."""
    return [(path, path.split("/include/", 1)[1]) for path in sources()
            if "/include/hawser/" in path and path.endswith((".hpp", ".h"))]


def include_folders(who):
    """The include folders of all that `who` may include."""
    folders = {path.split("/hawser/", 1)[0] for path, _ in public_headers() if owner(path) in MAY_INCLUDE[who]}
    return [os.path.join(ROOT, f) for f in sorted(folders)]
