#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Writes the initramfs of a Linux guest: the same bytes from the same parts.

    build.py --root FOLDER --release VERSION --program FILE... [--modules FOLDER] [--without MODULE...] --output FILE

FOLDER is what Debian's packages hold (tools/linux_guest.sh). Of that come busybox, a few programs with the libraries
that they name, and a few of the kernel's modules with the modules that those name; beside them the programs given, the
*.ko in --modules, and from this folder the scripts. Uncompressed: to unpack it costs an emulated processor more than
to copy it.
"""

import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = {"init": "init", "lib.sh": "lib/guest.sh", "driver.sh": "lib/driver.sh", "device.sh": "lib/device.sh"}
PROGRAMS = {"bin/busybox": "bin/busybox", "sbin/mke2fs": "sbin/mkfs.ext4", "usr/bin/iperf3": "bin/iperf3"}

# With what these depend on. What a kernel has built in has no file.
MODULES = """
    virtio virtio_ring virtio_blk virtio_net virtio_console virtio-rng virtio_pci
    ext4 crc32c_generic tun bridge brd
    vfio-pci vfio_iommu_type1
    xen-privcmd xen-evtchn
""".split()


class Problem(Exception):
    """One sentence."""


def canonical(module):
    return module.replace("-", "_")


class Modules:
    """The kernel's modules, and what each says of itself."""

    def __init__(self, root, release, own):
        self.top = root / "lib" / "modules" / release
        self.files = {canonical(f.stem): f for f in sorted(self.top.rglob("*.ko"))}
        self.own = {canonical(f.stem): f for f in sorted(own.glob("*.ko"))} if own else {}
        self.builtin = {canonical(pathlib.Path(line).stem) for line in
                        (self.top / "modules.builtin").read_text().split()}

    def file(self, name):
        return self.own.get(name) or self.files.get(name)

    def info(self, name):
        """(depends, aliases): the zero-terminated key=value strings that a module carries."""
        data = self.file(name).read_bytes()
        depends = re.findall(rb"\0depends=([^\0]*)\0", data)
        aliases = re.findall(rb"\0alias=([^\0]+)(?=\0)", data)
        names = [canonical(n) for n in depends[0].decode().split(",") if n] if depends else []
        return names, [a.decode() for a in aliases]

    def closure(self, wanted):
        """Names of modules, each after those that it depends on."""
        done = []

        def add(name, wanted_by):
            if name in done or name in self.builtin:
                return
            if not self.file(name):
                raise Problem(f"there is no module {name}, which {wanted_by} needs, in {self.top}")
            for other in self.info(name)[0]:
                add(other, name)
            done.append(name)

        for name in wanted:
            add(canonical(name), "the image")
        return done


def needed(program):
    """Names of the libraries and the interpreter that an ELF file asks for."""
    out = subprocess.run(["readelf", "-lW", "-dW", program], capture_output=True, text=True, check=True,
                         env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout
    interpreter = re.findall(r"\[Requesting program interpreter: (\S+)\]", out)
    return re.findall(r"\(NEEDED\).*\[(.+)\]", out), interpreter[0] if interpreter else None


class Archive:
    """A cpio archive of the kind that the kernel reads ("newc"), in memory, sorted, without owners and times."""

    def __init__(self):
        self.entries = {}

    def folder(self, path):
        if path not in ("", "."):
            self.folder(str(pathlib.PurePosixPath(path).parent))
            self.entries.setdefault(path, (0o40755, b""))

    def file(self, path, data, executable=False):
        self.folder(str(pathlib.PurePosixPath(path).parent))
        self.entries[path] = (0o100755 if executable else 0o100644, data)

    def link(self, path, target):
        self.folder(str(pathlib.PurePosixPath(path).parent))
        self.entries[path] = (0o120777, target.encode())

    def node(self, path, major, minor):
        self.folder(str(pathlib.PurePosixPath(path).parent))
        self.entries[path] = (0o20600, b"", major, minor)

    def bytes(self):
        out = bytearray()

        def put(number, path, mode, data, major=0, minor=0):
            name = path.encode() + b"\0"
            links = 2 if mode & 0o170000 == 0o40000 else 1
            fields = [number, mode, 0, 0, links, 0, len(data), 0, 0, major, minor, len(name), 0]
            out.extend(b"070701" + b"".join(b"%08x" % f for f in fields) + name)
            out.extend(bytes(-len(out) % 4))
            out.extend(data)
            out.extend(bytes(-len(out) % 4))

        for number, path in enumerate(sorted(self.entries), start=1):
            put(number, path, *self.entries[path])
        put(0, "TRAILER!!!", 0, b"")
        out.extend(bytes(-len(out) % 512))
        return bytes(out)


def add_programs(archive, root, programs):
    """Each with its libraries, all of which go to /lib."""
    places = sorted(p for base in ("lib", "usr/lib", "lib64") for p in [root / base, *root.glob(f"{base}/*-linux-gnu")])
    seen, open_ = set(), []
    for source, target in programs:
        archive.file(target, source.read_bytes(), executable=True)
        open_.append(source)
    while open_:
        program = open_.pop()
        libraries, interpreter = needed(program)
        for name in libraries + ([pathlib.PurePosixPath(interpreter).name] if interpreter else []):
            if name in seen:
                continue
            seen.add(name)
            found = [p / name for p in places if (p / name).is_file()]
            if not found:
                raise Problem(f"{program} needs {name}, which no package in {root} has")
            archive.file(f"lib/{name}", found[0].read_bytes(), executable=True)
            open_.append(found[0])
        if interpreter and interpreter.startswith("/lib64/"):
            archive.link("lib64", "lib")


def add_modules(archive, modules, release, without):
    names = modules.closure([name for name in (*MODULES, *modules.own) if canonical(name) not in without])
    paths = {n: f"updates/{n}.ko" if n in modules.own else str(modules.files[n].relative_to(modules.top)) for n in names}
    depends, aliases = "", ""
    for name in names:
        archive.file(f"lib/modules/{release}/{paths[name]}", modules.file(name).read_bytes())
        # busybox wants all that must be loaded before, the nearest first
        depends += f"{paths[name]}: {' '.join(paths[n] for n in reversed(modules.closure([name])[:-1]))}".rstrip() + "\n"
        aliases += "".join(f"alias {alias} {name}\n" for alias in modules.info(name)[1])
    archive.file(f"lib/modules/{release}/modules.dep", depends.encode())
    archive.file(f"lib/modules/{release}/modules.alias", aliases.encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    parser.add_argument("--release", required=True, help="of the kernel, as uname -r says it")
    parser.add_argument("--program", type=pathlib.Path, action="append", default=[], help="goes to /bin")
    parser.add_argument("--modules", type=pathlib.Path, help="folder with further modules")
    parser.add_argument("--without", action="append", default=[], help="a module that this kernel has not")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    chosen = parser.parse_args()
    try:
        archive = Archive()
        for folder in ("dev", "proc", "sys", "tmp", "run", "etc", "root", "mnt", "usr/bin", "usr/sbin"):
            archive.folder(folder)
        archive.node("dev/console", 5, 1)
        for source, target in SCRIPTS.items():
            archive.file(target, (HERE / source).read_bytes(), executable=target == "init")
        archive.link("bin/sh", "busybox")
        archive.file("etc/passwd", b"root::0:0:root:/root:/bin/sh\n")
        archive.file("etc/mke2fs.conf", (chosen.root / "etc" / "mke2fs.conf").read_bytes())
        add_programs(archive, chosen.root, [(chosen.root / s, t) for s, t in PROGRAMS.items()] +
                     [(p, f"bin/{p.name}") for p in chosen.program])
        add_modules(archive, Modules(chosen.root, chosen.release, chosen.modules), chosen.release, chosen.without)
        data = archive.bytes()
        part = chosen.output.with_name(chosen.output.name + ".part")
        part.write_bytes(data)
        part.rename(chosen.output)
    except (Problem, OSError, subprocess.CalledProcessError) as problem:
        print(f"build.py: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
