#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""Writes the Debian packages: the same bytes from the same parts.

    build.py --version VERSION --output FOLDER [--program ARCH=FILE]...

hawser-dkms_VERSION_all.deb has the sources of the kernel modules, as kmod/Makefile stages them;
hawser-guest_VERSION_ARCH.deb, one for each --program (ARCH is Debian's: amd64, arm64), has that program.
SOURCE_DATE_EPOCH is the date of everything in them; by default that of the last commit. DEBFULLNAME and DEBEMAIL name
the maintainer.
"""

import argparse
import email.utils
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
OUR_EPOCH = 1767225600  # 2026-01-01: what has no history

# Debian 12's package of each library that the program may ask for, by the name in the ELF file. The C library's version
# is asked of the program itself.
LIBRARIES = {
    "libc.so.6": "libc6",
    "libfdt.so.1": "libfdt1",
    "libfmt.so.9": "libfmt9",
    "libgcc_s.so.1": "libgcc-s1",
    "libm.so.6": "libc6",
    "libslirp.so.0": "libslirp0 (>= 4.7)",
    "libstdc++.so.6": "libstdc++6 (>= 12)",
    "libtomlplusplus.so.3": "libtomlplusplus3",
    "liburing.so.2": "liburing2 (>= 2.3)",
}

DKMS = """\
Package: hawser-dkms
Source: hawser
Version: {version}
Architecture: all
Maintainer: {maintainer}
Installed-Size: {size}
Depends: dkms
Recommends: linux-headers-amd64 | linux-headers-arm64 | linux-headers-generic
Suggests: hawser-guest
Section: kernel
Priority: optional
Description: virtio devices of another guest - kernel modules' sources (DKMS)
 A Linux guest uses a disk, a network, a console or entropy that another guest
 serves, through its kernel's own virtio drivers. The two share an ivshmem
 window, or nothing but Xen's Argo; the other side is not trusted.
 .
 DKMS builds the modules hawser, hawser_ivshmem and hawser_argo for each kernel
 whose headers are installed.
"""

GUEST = """\
Package: hawser-guest
Source: hawser
Version: {version}
Architecture: {arch}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: {depends}
Recommends: hawser-dkms
Section: admin
Priority: optional
Description: virtio devices for another guest - programs of user space
 A guest serves a disk, a network, a console or entropy to another guest, over
 an ivshmem window that they share or over Xen's Argo; the other side is not
 trusted.
 .
 This package has the program hawser and a template of services that start it
 at boot. None is enabled. Windows are reached through the kernel module
 hawser_ivshmem, of the package hawser-dkms.
"""

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: hawser

Files: *
Copyright: 2026 The Hawser authors
License: Expat

{more}License: Expat
{text}
"""

# What the modules' sources say of themselves, for the kernel's sake.
COPYRIGHT_DKMS = """\
Files: usr/src/*
Copyright: 2026 The Hawser authors
License: Expat or GPL-2

License: GPL-2
 Version 2 of the GNU General Public License, which is on Debian systems in
 /usr/share/common-licenses/GPL-2.

"""


class Problem(Exception):
    """One sentence."""


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def source_date():
    if os.environ.get("SOURCE_DATE_EPOCH"):
        return int(os.environ["SOURCE_DATE_EPOCH"])
    try:
        return int(run("git", "-c", "safe.directory=*", "-C", str(ROOT), "log", "-1", "--format=%ct"))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return OUR_EPOCH


class Package:
    """A folder with what a package has, and then the package."""

    def __init__(self, folder, name, values):
        self.folder, self.name, self.values = folder / name, name, values
        self.conffiles = []

    def put(self, path, data, mode=0o644):
        target = self.folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        target.chmod(mode)
        if path.startswith("/etc/"):
            self.conffiles.append(path)

    def folder_at(self, path):
        (self.folder / path.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def filled(self, file):
        """One of our templates."""
        text = (HERE / file).read_text(encoding="utf-8")
        for name, value in self.values.items():
            text = text.replace(f"@{name.upper()}@", value)
        return text

    def zipped(self, path, text):
        self.put(path + ".gz", gzip.compress(text.encode(), 9, mtime=0))

    def documents(self, more=""):
        doc = f"/usr/share/doc/{self.name}"
        text = "".join(f" {line}\n" if line else " .\n" for line in
                       (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()[4:])
        self.put(f"{doc}/copyright", COPYRIGHT.format(more=more, text=text.rstrip("\n")))
        self.zipped(f"{doc}/changelog",
                    "hawser ({version}) bookworm; urgency=medium\n\n  * CHANGELOG.md of the sources tells what is new.\n\n"
                    " -- {maintainer}  {when}\n".format(**self.values))

    def scripts(self):
        """The maintainer's, with how dpkg finds out what was changed."""
        for script in ("postinst", "prerm", "postrm"):
            file = HERE / f"{self.name}.{script}"
            if file.exists():
                self.put(f"DEBIAN/{script}", self.filled(file.name), 0o755)
        files = sorted(p for p in self.folder.rglob("*") if p.is_file() and self.folder / "DEBIAN" not in p.parents)
        sums = "".join(f"{hashlib.md5(p.read_bytes()).hexdigest()}  {p.relative_to(self.folder)}\n" for p in files
                       if "/" + str(p.relative_to(self.folder)) not in self.conffiles)
        self.put("DEBIAN/md5sums", sums)
        if self.conffiles:
            self.put("DEBIAN/conffiles", "".join(f"{c}\n" for c in sorted(self.conffiles)))
        return sum((p.stat().st_size + 1023) // 1024 for p in files)

    def write(self, control, output, arch, **more):
        size = self.scripts()
        self.put("DEBIAN/control", control.format(size=size, arch=arch, **more, **self.values))
        date = int(self.values["epoch"])
        for path in [self.folder, *self.folder.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
            os.utime(path, (date, date))
        deb = output / f"{self.name}_{self.values['version']}_{arch}.deb"
        run("dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "--build", str(self.folder), str(deb),
            env={**os.environ, "SOURCE_DATE_EPOCH": str(date)})
        print(deb)


def dkms(package, output, work):
    stage = work / "stage"
    run("make", "-s", "-C", str(HERE.parent / "kmod"), f"STAGE={stage}", "stage")
    if not (stage / "Kbuild").exists():
        raise Problem(f"kmod/Makefile staged nothing in {stage}")
    top = "/usr/src/hawser-{version}".format(**package.values)
    for file in sorted(p for p in stage.rglob("*") if p.is_file()):
        package.put(f"{top}/{file.relative_to(stage)}", file.read_bytes())
    package.put(f"{top}/dkms.conf", package.filled("dkms.conf"))
    package.put("/etc/modprobe.d/hawser.conf", package.filled("modprobe.conf"))
    package.put("/usr/share/doc/hawser-dkms/README.Debian", package.filled("hawser-dkms.README.Debian"))
    package.documents(COPYRIGHT_DKMS)
    package.write(DKMS, output, "all")


def dependencies(program):
    """Of an ELF file, for the field Depends."""
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-dW", str(program)))
    unknown = sorted(n for n in names if n not in LIBRARIES and not n.startswith("ld-linux"))
    if unknown:
        raise Problem(f"{program} needs {', '.join(unknown)}: which packages have these? See LIBRARIES in {__file__}")
    found = {LIBRARIES[n] for n in names if n in LIBRARIES} - {"libc6"}
    versions = [tuple(map(int, v.split("."))) for v in
                re.findall(r"\bGLIBC_([0-9.]+)", run("readelf", "-VW", str(program)))]
    found.add("libc6 (>= {})".format(".".join(map(str, max(versions)))))
    return ", ".join(sorted(found))


def identify(program):
    """Its build's identity is made of where it was built, too; now of the bytes that are there."""
    data = bytearray(program.read_bytes())
    head = struct.pack("<III4s", 4, 20, 3, b"GNU")  # NT_GNU_BUILD_ID of 20 bytes
    if data.count(head) != 1:
        raise Problem(f"{program} has no build's identity of the usual form")
    at = data.index(head) + len(head)
    data[at : at + 20] = bytes(20)
    data[at : at + 20] = hashlib.sha1(data).digest()
    program.write_bytes(data)


def forget_places(program):
    """A program that is built for another architecture has been told where its libraries are here (RUNPATH)."""
    data = bytearray(program.read_bytes())
    table, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQ", data, table + size * n) for n in range(count)]
    dynamic = next(h for h in headers if h[0] == 2)  # PT_DYNAMIC
    entries = [struct.unpack_from("<QQ", data, dynamic[2] + at) for at in range(0, dynamic[5], 16)]
    strings = next(value for tag, value in entries if tag == 5)  # DT_STRTAB
    load = next(h for h in headers if h[0] == 1 and h[3] <= strings < h[3] + h[5])  # the PT_LOAD that has it
    for tag, value in entries:
        if tag in (15, 29):  # DT_RPATH, DT_RUNPATH
            at = strings - load[3] + load[2] + value
            end = data.index(0, at)
            data[at:end] = bytes(end - at)
    kept = [e for e in entries if e[0] not in (15, 29)]
    kept += [(0, 0)] * (len(entries) - len(kept))
    struct.pack_into(f"<{2 * len(kept)}Q", data, dynamic[2], *(number for entry in kept for number in entry))
    program.write_bytes(data)


def guest(package, output, arch, program):
    tools = {"amd64": "x86_64", "arm64": "aarch64"}[arch] + "-linux-gnu-"
    if run("dpkg", "--print-architecture").strip() == arch:
        tools = ""
    stripped = package.folder / "usr/bin/hawser"
    stripped.parent.mkdir(parents=True)
    run(f"{tools}strip", "--remove-section=.comment", "-o", str(stripped), str(program))
    forget_places(stripped)
    identify(stripped)
    stripped.chmod(0o755)
    completions = ROOT / "cli" / "completions"
    for source, target in (("hawser.bash", "bash-completion/completions/hawser"),
                           ("_hawser", "zsh/vendor-completions/_hawser"),
                           ("hawser.fish", "fish/vendor_completions.d/hawser.fish")):
        package.put(f"/usr/share/{target}", (completions / source).read_bytes())
    package.put("/lib/systemd/system/hawser-serve@.service", package.filled("hawser-serve@.service"))
    package.put("/usr/share/doc/hawser-guest/examples/disk.conf", package.filled("disk.conf"))
    package.zipped("/usr/share/man/man1/hawser.1", package.filled("hawser.1"))
    package.folder_at("/etc/hawser")
    package.documents()
    package.write(GUEST, output, arch, depends=dependencies(program))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--program", action="append", default=[], metavar="ARCH=FILE")
    words = parser.parse_args()
    date = source_date()
    values = {
        "version": words.version,
        "epoch": str(date),
        "date": time.strftime("%Y-%m-%d", time.gmtime(date)),
        "when": email.utils.formatdate(date),
        "maintainer": "{} <{}>".format(os.environ.get("DEBFULLNAME", "The Hawser authors"),
                                       os.environ.get("DEBEMAIL", "hawser@packages.invalid")),
    }
    words.output.mkdir(parents=True, exist_ok=True)
    words.output = words.output.resolve()  # make works elsewhere
    work = pathlib.Path(tempfile.mkdtemp(prefix="work-", dir=words.output))
    try:
        os.umask(0o022)
        dkms(Package(work, "hawser-dkms", values), words.output, work)
        for word in words.program:
            arch, _, program = word.partition("=")
            if arch not in ("amd64", "arm64") or not program:
                raise Problem(f'"{word}" is no program; expected amd64=FILE or arm64=FILE')
            guest(Package(work / arch, "hawser-guest", values), words.output, arch, pathlib.Path(program))
    except subprocess.CalledProcessError as error:
        raise Problem(f"{' '.join(error.cmd)}: {error.stderr.strip()}") from error
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    try:
        main()
    except (Problem, OSError) as problem:
        print(f"build.py: {problem}", file=sys.stderr)
        sys.exit(1)
