#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""How many instructions does a mutex take that nobody else wants, locked and unlocked?

Counts those of mutex_bench with two numbers of pairs under callgrind, and divides the difference.
"""

import pathlib
import re
import subprocess
import sys

BAR = 20
FEW, MANY = 10_000, 110_000


def instructions(program, pairs):
    """Returns how many instructions the program takes for so many pairs."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, str(pairs)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", ended.stderr).group(1))


def main():
    programs = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/benchmarks")
    program = str(programs / "sync_mutex_bench")
    print("How many instructions are a lock and an unlock that nobody contends?")
    pair = (instructions(program, MANY) - instructions(program, FEW)) / (MANY - FEW)
    print(f"      {pair:.1f} instructions a pair, the loop around them included")
    print(f"      bar {BAR}, measured {pair:.1f}: {'holds' if pair <= BAR else 'does not hold'}")


if __name__ == "__main__":
    main()
