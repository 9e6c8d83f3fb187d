#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Programs with greenlets that are built in unusual ways, and one that a debugger looks at.

Usage: built_programs_test.py INCLUDE_DIRECTORY STATIC_LIBRARY SHARED_LIBRARY COMPILER...

COMPILER is the command that the library was built with. Boost.Context has no code for shadow
stacks in every version, so nothing of ours may say that it has: a program that says so would be
stopped at its first switch. From Boost 1.88 on, `boost::context::fiber` exchanges the exceptions in
flight by itself; the library uses only the jump below that class, so it must not matter.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

INCLUDES, STATIC, SHARED, COMPILER = *map(pathlib.Path, sys.argv[1:4]), sys.argv[4:]
LIMIT = 120

# Two greenlets and their parent are in handlers at the same time.
PROGRAM = r"""
#include <tendril/greenlet/greenlet.hpp>
#include <boost/version.hpp>
#include <cstdio>
#include <exception>
#include <string>

using tendril::greenlet;

extern "C" [[gnu::noinline]] void stop_here() { asm volatile("" : : : "memory"); }

[[gnu::noinline]] void go_down(int depth) {
    if (depth > 0) {
        go_down(depth - 1);
    } else {
        stop_here();
    }
    asm volatile("" : : : "memory");
}

std::string rethrown() {
    try {
        throw;
    } catch (std::string const& own) {
        return own;
    }
}

greenlet thrower(std::string const& text) {
    return greenlet{[text] {
        try {
            throw text;
        } catch (std::string const&) {
            greenlet::current().parent().switch_to();
            std::printf("%s\n", rethrown().c_str());
            go_down(3);
        }
    }};
}

int main() {
    greenlet const first = thrower("first");
    greenlet const second = thrower("second");
    try {
        throw std::string{"main"};
    } catch (std::string const&) {
        first.switch_to();
        second.switch_to();
        first.switch_to();
        second.switch_to();
        std::printf("%s, %d in flight\n", rethrown().c_str(), std::uncaught_exceptions());
    }
    std::printf("Boost %d\n", BOOST_VERSION);
}
"""
PRINTED = "first\nsecond\nmain, 0 in flight\n"


class Skipped(Exception):
    """What is needed for a case is not there."""


def run(command):
    """Runs a command. Returns its status and all that it said."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT,
        check=False)
    return done.returncode, done.stdout


def need(tool):
    """Returns the path of a program, or skips the case."""
    found = shutil.which(tool)
    if found is None:
        raise Skipped(f"there is no {tool}")
    return found


def build(folder, *arguments):
    """Builds the program. Returns its path."""
    source, program = pathlib.Path(folder, "main.cpp"), pathlib.Path(folder, "main")
    source.write_text(PROGRAM, encoding="utf-8")
    status, said = run([
        *COMPILER, "-std=c++20", "-O1", "-g", *arguments, "-I", str(INCLUDES), str(source),
        str(STATIC), "-lboost_context", "-pthread", "-o", str(program)])
    if status != 0 and "fcf-protection" in said:
        raise Skipped("the compiler has no -fcf-protection for this processor")
    assert status == 0, said
    return program


def expect_no_mark(file):
    """A file of code does not say that it is made for shadow stacks or checked jumps."""
    status, said = run([need("readelf"), "-n", str(file)])
    assert status == 0, said
    marks = re.findall(r"SHSTK|IBT", said)
    assert not marks, f"{file} is marked {marks}"


def libraries_are_not_marked(_):
    """Neither the static nor the shared library is marked."""
    expect_no_mark(STATIC)
    expect_no_mark(SHARED)


def a_protected_program_runs(folder):
    """A program that asks for shadow stacks gets none with this library, and runs."""
    program = build(folder, "-fcf-protection=full")
    expect_no_mark(program)
    status, said = run([str(program)])
    assert status == 0 and said.startswith(PRINTED), said


def boost_is_only_jumped_with(_):
    """The library includes nothing of Boost.Context but the bare jump."""
    sources = [*INCLUDES.rglob("*.hpp"), *(INCLUDES.parent / "lib").rglob("*.[ch]pp")]
    included = {line for source in sources
                for line in re.findall(r"#include <(boost/context/.*)>", source.read_text())}
    assert included == {"boost/context/detail/fcontext.hpp"}, included


def a_later_boost_makes_no_difference(folder):
    """The same program, told that Boost is 1.88, prints the same."""
    fake = pathlib.Path(folder, "boost", "version.hpp")
    fake.parent.mkdir()
    fake.write_text('#define BOOST_VERSION 108800\n#define BOOST_LIB_VERSION "1_88"\n')
    status, said = run([str(build(folder, "-I", folder))])
    assert status == 0 and said == PRINTED + "Boost 108800\n", said


def a_debugger_finds_the_way_to_the_entry(folder):
    """A backtrace from inside a greenlet has every frame and ends in the library's entry."""
    status, said = run([
        need("gdb"), "-nx", "-batch", "-ex", "set debuginfod enabled off", "-ex",
        "break stop_here", "-ex", "run", "-ex", "thread apply all bt", str(build(folder))])
    if "Breakpoint 1," not in said:
        raise Skipped("the debugger may not run programs here: " + said.strip().split("\n")[-1])
    frames = re.findall(r"(?m)^#\d+ .*", said)
    assert status == 0 and "corrupt" not in said, said
    assert sum("go_down (" in frame for frame in frames) == 4, said
    entries = [at for at, frame in enumerate(frames) if "trampoline (" in frame]
    assert len(entries) == 1 and len(frames) - 1 - entries[0] <= 3, said


CASES = [
    libraries_are_not_marked,
    a_protected_program_runs,
    boost_is_only_jumped_with,
    a_later_boost_makes_no_difference,
    a_debugger_finds_the_way_to_the_entry,
]


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, case in enumerate(CASES, 1):
        name = case.__name__
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(folder)
                print(f"ok {number} - {name}", flush=True)
            except Skipped as reason:
                print(f"ok {number} - {name} # SKIP {reason}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"not ok {number} - {name}", flush=True)
                print("".join(f"# {line}\n" for line in str(error).splitlines()[-40:]), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
