#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT

"""./dev as a newcomer meets it: help and wrong words before anything is installed or built, and what gets installed.

    dev.py --root REPOSITORY --hawser PROGRAM [unittest arguments]

It runs in a copy of the scripts, among tools that write down how they were called and then fail.
"""

import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import sys

import kit

ROOT = HAWSER = None  # set by main()

VERBS = ("setup", "build", "xen", "demo", "test", "check", "bench", "package", "soak", "fmt", "clean")
FAKE = """#!/bin/sh
echo "${0##*/} $*" >>"$CALLS"
exit 1
"""
OPTION = re.compile(r"--[a-z][a-z-]*")


def options(text):
    return set(OPTION.findall(text)) - {"--help"}


class Case(kit.Case):
    def setUp(self):
        super().setUp()
        self.tree = pathlib.Path(self.folder, "tree")
        shutil.copytree(pathlib.Path(ROOT, "tools"), self.tree / "tools", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(pathlib.Path(ROOT, "dev"), self.tree)
        (self.tree / "cli").mkdir()
        (self.tree / "cli" / "meson.build").touch()
        self.calls_path = pathlib.Path(self.folder, "calls")
        fakes = pathlib.Path(self.folder, "bin")
        fakes.mkdir()
        for name in ("apt-get", "dpkg-query", "meson", "ninja", "sudo"):
            (fakes / name).write_text(FAKE)
            (fakes / name).chmod(0o755)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("HAWSER_")}
        self.environment |= {"PATH": f"{fakes}:{os.environ['PATH']}", "CALLS": str(self.calls_path)}

    def dev(self, *words, wrap=(), **environment):
        return subprocess.run([*wrap, "./dev", *words], cwd=self.tree, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, env=self.environment | environment)

    def fake(self, name, what):
        path = pathlib.Path(self.folder, "bin", name)
        path.write_text("#!/bin/sh\n" + what)
        path.chmod(0o755)

    def calls(self):
        return self.calls_path.read_text().splitlines() if self.calls_path.exists() else []

    def expect_untouched(self):
        self.assertEqual(self.calls(), [])
        self.assertFalse((self.tree / "build").exists())


class Help(Case):
    def help(self, *words):
        done = self.dev(*words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.expect_untouched()
        return done.stdout

    def test_every_verb_explains_itself_before_anything_is_installed_or_built(self):
        for verb in VERBS:
            with self.subTest(verb):
                self.assertGreater(len(self.help(verb, "--help")), 20)
                self.assertEqual(self.help(verb, "-h"), self.help("help", verb))
        for words in (("argo", "--help"), ("argo", "--broker", "-h"), ("--json", "--help"), ("xen-shm", "--help")):
            self.assertEqual(self.help("demo", *words), self.help("help", "demo"))
        self.assertEqual(self.help("bench", "queue", "--help"), self.help("help", "bench"))

    def test_the_help_has_every_option_that_the_program_takes(self):
        boot = subprocess.run([HAWSER, "boot", "--help"], capture_output=True, text=True).stdout
        self.assertEqual(options(self.help("demo", "--help")), options(boot) | {"--broker"})
        bench = self.help("bench", "--help")
        names = re.findall(r"^  ([a-z-]+) +\S", subprocess.run([HAWSER, "bench", "--help"], capture_output=True, text=True)
                           .stdout.split("Subcommands:")[1], re.M)
        self.assertEqual(names, ["compare"])
        taken = options(subprocess.run([HAWSER, "bench", "--help"], capture_output=True, text=True).stdout)
        for name in names:
            self.assertIn(f"./dev bench {name} ", bench)
            taken |= options(subprocess.run([HAWSER, "bench", name, "--help"], capture_output=True, text=True).stdout)
        self.assertEqual(options(bench), taken)


class WrongWords(Case):
    def test_they_are_named_at_once_with_the_status_that_hawser_gives_them(self):
        for *words, wrong in (("foo",), ("help", "foo"), ("demo", "foo"), ("demo", "--foo"), ("demo", "argo", "--foo=1"),
                              ("demo", "argo", "--json", "-x"), ("demo", "--link"), ("demo", "--broker"),
                              ("demo", "xen-shm", "--broker"), ("demo", "linux", "--broker"), ("demo", "linux", "--link"),
                              ("demo", "linux", "--link", "foo"), ("demo", "linux", "--link=argo", "--arch", "x86_64"),
                              ("demo", "linux", "--link", "argo", "--device", "process"), ("demo", "argo", "--link"),
                              ("demo", "xen-shm", "--driver", "linux"), ("bench", "foo"), ("bench", "queue", "--foo"),
                              ("build", "foo"), ("clean", "foo"), ("setup", "--foo"), ("soak", "abc"), ("soak", "0"),
                              ("check", "foo"), ("package", "mips"), ("package", "test", "foo"), ("test", "--foo"),
                              ("test", "one", "two")):
            with self.subTest(words=(*words, wrong)):
                done = self.dev(*words, wrong)
                self.assertEqual((done.returncode, done.stdout), (64, ""), done.stderr)
                self.assertIn(f'"{wrong.split("=")[0]}"', done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.expect_untouched()


class Packages(Case):
    def installed(self, *words):
        """What the verb would have apt-get install on a machine that has nothing."""
        self.dev(*words)
        log = self.tree / "build" / "logs" / "apt-get-update.log"  # that is where it ends
        self.assertTrue(log.exists())
        said = " ".join(self.dev(*words).stdout.splitlines())
        return set(re.search(r"installing \d+ packages: (.*?)   ", said)[1].split())

    def setUp(self):
        super().setUp()
        if shutil.which("dpkg") is None:
            self.skipTest("SKIPPED: no Debian")
        if os.geteuid() != 0:
            self.skipTest("SKIPPED: packages are installed by root")

    def test_a_demo_takes_what_it_needs_and_setup_takes_everything(self):
        demo, argo, test, everything = (self.installed(*words) for words in (("demo",), ("demo", "argo"), ("test",), ("setup",)))
        self.assertLessEqual({"g++", "meson", "ninja-build", "qemu-system-x86", "libfmt-dev"}, demo)
        for other in ("clang", "doctest-dev", "librapidcheck-dev", "spin", "clang-tidy", "flex", "g++-s390x-linux-gnu"):
            self.assertNotIn(other, demo)
            self.assertIn(other, everything)
        self.assertLessEqual(demo | {"flex", "bison", "bc"}, argo)
        self.assertNotIn("clang", argo)
        self.assertLessEqual(argo | {"clang", "doctest-dev", "spin"}, test)
        self.assertLess(test, everything)
        self.assertIn("reuse", everything - test)


class Sudo(Case):
    def test_who_needs_no_password_for_commands_is_not_asked_for_one(self):
        """sudo -v asks for one, unless all that is said of a user in sudoers waives it."""
        if shutil.which("dpkg") is None or os.geteuid() != 0:
            self.skipTest("SKIPPED: needs a Debian, and root to be somebody else")
        self.fake("sudo", 'case "$1" in\n-v) exit 1 ;;\n-n) shift ;;\nesac\nexec "$@"\n')
        os.chmod(self.folder, 0o777)
        os.chmod(self.tree, 0o777)
        done = self.dev("build", wrap=("setpriv", "--reuid", "65534", "--clear-groups"))
        self.assertNotIn("sudo", done.stderr)
        self.assertTrue([call for call in self.calls() if call.startswith("apt-get ")], done.stdout + done.stderr)


class Ends(Case):
    def test_progress_ends_with_the_run_that_was_killed(self):
        self.fake("meson", "exec sleep 4\n")
        running = subprocess.Popen(["./dev", "build"], cwd=self.tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env=self.environment | {"HAWSER_NO_SETUP": "1"})
        self.addCleanup(running.stdout.close)
        self.assertTrue(running.stdout.readline())  # progress, after two seconds
        running.kill()
        running.wait()
        self.assertTrue(select.select([running.stdout], [], [], 10)[0])
        os.set_blocking(running.stdout.fileno(), False)
        self.assertTrue(kit.eventually(lambda: running.stdout.read() == b""), "somebody still writes there")

    def test_tests_end_with_a_run_that_is_told_to_end(self):
        self.fake("ninja", "echo ninja: no work to do.\n")
        self.fake("meson", """case "$1 $3" in
"introspect --tests") echo '[{"name": "a", "suite": ["hawser:unit"], "depends": []}]' ;;
introspect*) echo '[]' ;;
*) sleep 30 & child=$!
   trap 'kill $child; echo ended >>"$CALLS"; exit 1' TERM
   echo started >>"$CALLS"
   wait ;;
esac
""")
        (self.tree / "build" / "native").mkdir(parents=True)
        (self.tree / "build" / "native" / "build.ninja").touch()
        running = subprocess.Popen([sys.executable, "tools/dev/run_tests.py"], cwd=self.tree, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, env=self.environment)
        self.addCleanup(running.kill)
        self.assertTrue(kit.eventually(lambda: "started" in self.calls()))
        running.terminate()
        self.assertEqual(running.wait(10), 143)
        self.assertEqual(self.calls()[-1], "ended")


class Counts(Case):
    def test_a_case_that_skipped_itself_is_not_among_those_that_passed(self):
        said = """[doctest] doctest version is "2.4.9"
===============================================================================
../a_test.cpp:3:
TEST CASE:  a moon rises
  by night

../a_test.cpp:5: MESSAGE: skipped: this machine has no sky

../a_test.cpp:3:
TEST CASE:  a moon rises
  by day

../a_test.cpp:9: MESSAGE: SKIPPED: this machine has no sky

===============================================================================
[doctest] test cases:    4 |    4 passed | 0 failed | 0 skipped
"""
        log = self.tree / "build" / "native" / "meson-logs" / "testlog.json"
        log.parent.mkdir(parents=True)
        (log.parent / "prepared").write_text(json.dumps({"name": "hawser:unit / a", "stdout": said, "result": "OK", "returncode": 0}) + "\n")
        (self.tree / "build" / "native" / "build.ninja").touch()
        self.fake("ninja", "echo ninja: no work to do.\n")
        self.fake("meson", f"""case "$1 $3" in
"introspect --tests") echo '[{{"name": "a", "suite": ["hawser:unit"], "depends": []}}]' ;;
introspect*) echo '[]' ;;
*) mv {log.parent}/prepared {log} ;;
esac
""")
        done = subprocess.run([sys.executable, "tools/dev/run_tests.py"], cwd=self.tree, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20, env=self.environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("build/native a: a moon rises: this machine has no sky", done.stdout)
        self.assertEqual(done.stdout.splitlines()[-2:], ["1 skipped", "3 passed, 0 failed"])


class Places(Case):
    def test_a_tree_that_can_not_be_written_is_one_sentence(self):
        (self.tree / "build").touch()  # not even root makes a folder of it
        wraps = [()]
        if os.geteuid() == 0:
            wraps.append(("setpriv", "--reuid", "65534", "--clear-groups"))
            os.chmod(self.folder, 0o755)
        for wrap in wraps:
            if wrap:
                (self.tree / "build").unlink()
            for verb in ("demo", "build", "test", "bench queue"):
                with self.subTest(verb=verb, wrap=wrap):
                    done = self.dev(*verb.split(), wrap=wrap, HAWSER_NO_SETUP="1")
                    self.assertEqual(done.returncode, 1)
                    self.assertEqual(done.stdout, "")
                    self.assertIn("build", done.stderr)
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_nothing_is_cleaned_where_nothing_can_be_removed(self):
        if os.geteuid() != 0:
            self.skipTest("SKIPPED: needs root, to be somebody else")
        os.chmod(self.folder, 0o755)
        (self.tree / "build" / "native" / "a").mkdir(parents=True)
        done = self.dev("clean", wrap=("setpriv", "--reuid", "65534", "--clear-groups"))
        self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (1, "", 1), done.stderr)


def main():
    global ROOT, HAWSER
    if len(sys.argv) < 5 or sys.argv[1] != "--root" or sys.argv[3] != "--hawser":
        sys.exit(__doc__)
    ROOT, HAWSER = sys.argv[2], os.path.abspath(sys.argv[4])
    del sys.argv[1:5]
    kit.main()


if __name__ == "__main__":
    main()
