#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs the benchmarks of one floor, or of all.

Usage: run.py BUILD_DIR [FLOOR]

A floor's benchmarks are the programs BUILD_DIR/benchmarks/FLOOR_*_bench, each with the scripts
FLOOR/NAME_*.py that ask others the same question; `servers` are the comparisons of whole servers.
Each prints its question first. The status is 0 when everything could be measured: a bar that does
not hold is a result.
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SERVERS = ["servers/compare_echo.py", "servers/measure_idle.py"]
# The system's own, for which Debian's packages are.
PYTHON = "/usr/bin/python3"


def commands_of(program):
    """Returns the command of a benchmark, and those of the scripts beside it."""
    floor, name = program.name.removesuffix("_bench").split("_", 1)
    scripts = sorted((HERE / floor).glob(f"{name}_*.py"))
    return [[str(program)]] + [[PYTHON, str(script)] for script in scripts]


def main():
    build = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    commands = []
    for program in sorted((build / "benchmarks").glob(f"{wanted}*_bench")):
        commands += commands_of(program)
    if wanted in ("", "servers"):
        commands += [[sys.executable, str(HERE / name), str(build)] for name in SERVERS]
    if not commands:
        sys.exit(f"no benchmarks of floor '{wanted}'")
    failed = 0
    for command in commands:
        print("==>", " ".join(command), flush=True)
        failed += subprocess.run(command, check=False).returncode != 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
