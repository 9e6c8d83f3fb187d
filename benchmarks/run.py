#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs the benchmarks of one floor, or of all.

Usage: run.py BUILD_DIR [FLOOR]

A floor's benchmarks are the sources FLOOR/NAME_bench.cpp, each with the scripts FLOOR/NAME_*.py
that ask others the same question; COMPARISONS are those of whole servers. A program in Go,
FLOOR/NAME_go.go, is built here, beside the benchmark that asks it. Each prints its question first.
The status is 0 when everything could be measured: a bar that does not hold is a result, and what
was not built, because another contestant is not installed, is an error.
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
COMPARISONS = {
    "io": ["io/compare_echo.py", "io/compare_accept.py"],
    "servers": ["servers/compare_http.py", "servers/compare_transfer.py", "servers/measure_idle.py"],
}
# The system's own, for which Debian's packages are.
PYTHON = "/usr/bin/python3"


def commands_of(source, programs):
    """Returns the command of a benchmark, and those of the scripts beside it."""
    floor, name = source.parent.name, source.name.removesuffix("_bench.cpp")
    scripts = sorted(source.parent.glob(f"{name}_*.py"))
    program = programs / f"{floor}_{name}_bench"
    return [[str(program)]] + [[PYTHON, str(script), str(programs)] for script in scripts]


def build_in_go(source, programs):
    """Builds a program in Go, and says whether that worked."""
    command = ["go", "build", "-o", str(programs / source.stem), str(source)]
    try:
        return subprocess.run(command, check=False).returncode == 0
    except FileNotFoundError:
        print("Go is not installed (Debian: golang-go)", flush=True)
        return False


def succeeds(command):
    """Runs a command, and says whether it could measure."""
    print("==>", " ".join(command), flush=True)
    try:
        return subprocess.run(command, check=False).returncode == 0
    except FileNotFoundError:
        print("  was not built: a contestant is missing, and ./dev bench installs it", flush=True)
        return False


def main():
    build = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    programs = build / "benchmarks"
    commands = []
    failed = 0
    for source in sorted(HERE.glob(f"{wanted or '*'}/*_go.go")):
        failed += not build_in_go(source, programs)
    for source in sorted(HERE.glob(f"{wanted or '*'}/*_bench.cpp")):
        commands += commands_of(source, programs)
    for floor, names in COMPARISONS.items():
        if wanted in ("", floor):
            commands += [[sys.executable, str(HERE / name), str(build)] for name in names]
    if not commands:
        sys.exit(f"no benchmarks of floor '{wanted}'")
    for command in commands:
        failed += not succeeds(command)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
