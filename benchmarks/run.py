#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs the benchmarks of one floor, or of all.

Usage: run.py BUILD_DIR [FLOOR]

A floor's benchmarks are the programs BUILD_DIR/benchmarks/FLOOR_*; `servers` are the comparisons of
whole servers. Each prints its question and its baseline first.
"""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
SERVERS = [["servers/compare_echo.py"], ["servers/measure_idle.py"]]


def main():
    build = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    commands = [
        [str(program)]
        for program in sorted((build / "benchmarks").glob("*_bench"))
        if program.name.startswith(wanted)
    ]
    if wanted in ("", "servers"):
        commands += [[sys.executable, str(HERE / name), str(build)] for (name,) in SERVERS]
    if not commands:
        sys.exit(f"no benchmarks of floor '{wanted}'")
    failed = 0
    for command in commands:
        print("==>", " ".join(command), flush=True)
        failed += subprocess.run(command, check=False).returncode != 0
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
