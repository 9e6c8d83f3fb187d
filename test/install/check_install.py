#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What is installed is enough, and nothing else is needed.

Installs a build into a temporary folder, and builds and runs consumer/ there, which finds tendril
with pkg-config, once with the shared and once with the static library.

    check_install.py ROOT BUILD KIND COMPILER...

KIND is Meson's `default_library`. With `both` the two libraries are made of the same objects, so
that testing both costs one more link and no second compilation. Prints TAP.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(ROOT / "test/structure"))
from tree import Problem, Report, Tree  # noqa: E402, the path must be known first

CONSUMER = "test/install/consumer"
OUTPUT = "the answer is 42\n"
NEEDED_FLAGS = ("-fstack-clash-protection", "-ltendril", "-lboost_context", "-pthread")


def run(command, **options):
    """Runs a command. Returns whether it succeeded, and all that it printed."""
    together = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, check=False, **together, **options)
    return done.returncode == 0, done.stdout


def failed(what, output):
    """Returns the problems of a command: one, with the end of what it printed."""
    return [Problem(what, 0, "failed:\n" + "\n".join(output.strip().splitlines()[-25:]))]


class Installation:
    """A folder that holds what `meson install` installs."""

    def __init__(self, build, folder):
        self.folder = folder
        self.installed, self.output = run(
            ["meson", "install", "-C", build, "--no-rebuild", "--destdir", folder])
        self.descriptions = list(folder.rglob("tendril.pc"))

    def environment(self, compiler):
        """Returns an environment in which pkg-config finds this tendril."""
        return dict(
            os.environ,
            CXX=compiler,
            PKG_CONFIG_PATH=str(self.descriptions[0].parent),
            PKG_CONFIG_SYSROOT_DIR=str(self.folder))

    def headers(self):
        """Returns the installed headers, from `tendril/` on."""
        (top,) = [path for path in self.folder.rglob("tendril") if path.parent.name == "include"]
        files = [path for path in top.rglob("*") if path.is_file()]
        return {path.relative_to(top.parent).as_posix() for path in files}

    def remove_shared(self):
        """Leaves only the static library."""
        for path in self.folder.rglob("libtendril.so*"):
            path.unlink()


def check_content(report, installation):
    """The headers, and the description for pkg-config."""
    expected = {path.removeprefix("include/") for path in Tree(ROOT).match("include/tendril/")}
    found = installation.headers()
    report.case(
        "every public header is installed, and nothing else",
        [Problem(f"include/{path}", 0, "not installed, or installed without being there")
         for path in sorted(expected ^ found)])
    words = installation.descriptions[0].read_text(encoding="utf-8").split()
    report.case(
        "tendril.pc has the flags that programs need",
        [Problem("lib/meson.build", 0, f"tendril.pc lacks {flag}")
         for flag in NEEDED_FLAGS if flag not in words])
    report.case(
        "tendril.pc names no file of the machine that built it",
        [Problem("lib/meson.build", 0, f"tendril.pc names {word}: name the library")
         for word in words if word.startswith("/")])


def check_consumer(report, installation, kind, compiler, folder):
    """A program that is built with what is installed."""
    source, build = folder / "source", folder / "build"
    shutil.copytree(ROOT / CONSUMER, source)
    environment = installation.environment(compiler)
    built, output = run(["meson", "setup", build, source], env=environment)
    if built:
        built, output = run(["meson", "compile", "-C", build], env=environment)
    report.case(
        f"a program builds with the {kind} library", [] if built else failed(CONSUMER, output))
    if not built:
        return
    ran, output = run([build / "consumer"])
    report.case(
        f"a program runs with the {kind} library",
        [] if ran and output == OUTPUT else failed(CONSUMER, output))
    is_shared = b"libtendril.so" in (build / "consumer").read_bytes()
    wrong = Problem(CONSUMER, 0, "it uses the library of the other kind")
    report.case(
        f"that program uses the {kind} library", [] if is_shared == (kind == "shared") else [wrong])
    # What the compiler has read, as it told Ninja.
    _, read = run(["ninja", "-C", build, "-t", "deps"])
    ours = {line.strip() for line in read.splitlines() if "/tendril/" in line}
    strays = [Problem(path, 0, "read from elsewhere than the installation") for path in sorted(ours)
              if not path.startswith(str(installation.folder))]
    none_read = [] if ours else [Problem(CONSUMER, 0, "no header of tendril was read")]
    report.case(f"that program reads installed headers only ({kind})", strays + none_read)


def main():
    build, kind, *compiler = sys.argv[2:]
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        installation = Installation(build, folder / "installed")
        complete = installation.installed and len(installation.descriptions) == 1
        report.case("the build installs", [] if complete else failed(build, installation.output))
        if complete:
            check_content(report, installation)
            for each in ("shared", "static") if kind == "both" else (kind,):
                if each == "static":
                    installation.remove_shared()
                check_consumer(report, installation, each, " ".join(compiler), folder / each)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
