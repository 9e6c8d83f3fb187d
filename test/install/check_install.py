#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What is installed is enough, and nothing else is needed.

Installs a build into a temporary folder, and builds and runs consumer/ there, once with the shared
and once with the static library: with Meson, with CMake, which finds tendril by its own package, and
with nothing but pkg-config and the compiler.

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
OUTPUTS = {"main": "the answer is 42\n", "secure": "the answer is a secret\n"}
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

    def libraries(self):
        """Returns the folder of the libraries."""
        return self.descriptions[0].parent.parent

    def prefix(self):
        """Returns the folder that CMake looks into."""
        (top,) = [path for path in self.folder.rglob("include") if (path / "tendril").is_dir()]
        return top.parent

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


class Consumer:
    """The programs of consumer/, in a folder of their own that outlives the kinds of library."""

    def __init__(self, installation, compiler, folder):
        self.installation = installation
        self.compiler = compiler
        self.folder = folder
        self.source = folder / "source"
        shutil.copytree(ROOT / CONSUMER, self.source)
        self.environment = installation.environment(compiler)

    def run(self, *commands):
        """Runs commands until one fails. Returns whether all succeeded, and what they printed."""
        text = ""
        for command in commands:
            succeeded, output = run(command, env=self.environment)
            text += output
            if not succeeded:
                return False, text
        return True, text

    def judge(self, report, way, kind, program, name="main"):
        """Whether a program runs, and with the library of which kind."""
        paths = dict(os.environ, LD_LIBRARY_PATH=str(self.installation.libraries()))
        ran, output = run([program], env=paths)
        right = ran and output == OUTPUTS[name]
        report.case(f"{name} of {way} runs with the {kind} library",
                    [] if right else failed(CONSUMER, output))
        is_shared = b"libtendril.so" in program.read_bytes()
        wrong = Problem(CONSUMER, 0, "it uses the library of the other kind")
        report.case(f"{name} of {way} uses the {kind} library",
                    [] if is_shared == (kind == "shared") else [wrong])

    def judge_reads(self, report, way, kind, lines):
        """Whether the compiler has read the headers that are installed, and no others."""
        ours = {line.strip() for line in lines if "/tendril/" in line}
        strays = [Problem(path, 0, "read from elsewhere than the installation")
                  for path in sorted(ours) if not path.startswith(str(self.installation.folder))]
        none_read = [] if ours else [Problem(CONSUMER, 0, "no header of tendril was read")]
        report.case(f"{way} reads installed headers only ({kind})", strays + none_read)


def check_meson(report, consumer, kind):
    """A program that is built by Meson."""
    build = consumer.folder / f"meson-{kind}"
    built, output = consumer.run(
        ["meson", "setup", build, consumer.source], ["meson", "compile", "-C", build])
    report.case(f"Meson builds with the {kind} library",
                [] if built else failed(CONSUMER, output))
    if built:
        consumer.judge(report, "Meson", kind, build / "consumer")
        # What the compiler has read, as it told Ninja.
        _, read = run(["ninja", "-C", build, "-t", "deps"])
        consumer.judge_reads(report, "Meson", kind, read.splitlines())


def check_cmake(report, consumer, kind):
    """Programs that are built by CMake, in one folder for both kinds: the second one only links."""
    build = consumer.folder / "cmake"
    prefix = consumer.installation.prefix()
    built, output = consumer.run(
        ["cmake", "-G", "Ninja", "-S", consumer.source, "-B", build,
         f"-DCMAKE_PREFIX_PATH={prefix}"],
        ["cmake", "--build", build])
    stray = f" of {prefix}/" not in output
    report.case(f"CMake builds with the {kind} library",
                [] if built and not stray else failed(CONSUMER, output))
    if built:
        consumer.judge(report, "CMake", kind, build / "consumer")
        if (build / "secure").exists():
            consumer.judge(report, "CMake", kind, build / "secure", "secure")
        _, read = run(["ninja", "-C", build, "-t", "deps"])
        consumer.judge_reads(report, "CMake", kind, read.splitlines())


def check_compiler(report, consumer, kind, names):
    """Programs that are built by hand, with what pkg-config says."""
    asked, text = consumer.run(["pkg-config", "--cflags", "--libs", "tendril"])
    report.case(f"pkg-config knows the {kind} library", [] if asked else failed("pkg-config", text))
    for name in names:
        program = consumer.folder / f"{name}-{kind}"
        built, output = consumer.run(
            [*consumer.compiler.split(), "-std=c++20", "-o", program,
             consumer.source / f"{name}.cpp", *text.split()])
        report.case(f"the compiler builds {name} with the {kind} library",
                    [] if built else failed(CONSUMER, output))
        if built:
            consumer.judge(report, "the compiler", kind, program, name)


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
            consumer = Consumer(installation, " ".join(compiler), folder / "consumer")
            words = installation.descriptions[0].read_text(encoding="utf-8").split()
            # The one that needs more is enough here.
            by_hand = ["secure"] if "-lssl" in words else ["main"]
            for each in ("shared", "static") if kind == "both" else (kind,):
                if each == "static":
                    installation.remove_shared()
                check_meson(report, consumer, each)
                check_cmake(report, consumer, each)
                check_compiler(report, consumer, each, by_hand)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
