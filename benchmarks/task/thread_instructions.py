#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""How many instructions is a call in a thread of a pool, against a post to Asio's and back?

Counts those of thread_bench, of all its threads, with two numbers of calls under callgrind, and
divides the difference.
"""

import pathlib
import re
import subprocess
import sys

BAR = 1.3
FEW, MANY = 2_000, 22_000


def instructions(program, kind, calls):
    """Returns how many instructions the program takes for so many calls of a kind."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--fair-sched=yes",
               program, kind, str(calls)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", ended.stderr).group(1))


def instructions_a_call(program, kind):
    """Returns how many instructions one call of a kind takes."""
    return (instructions(program, kind, MANY) - instructions(program, kind, FEW)) / (MANY - FEW)


def main():
    programs = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/benchmarks")
    program = str(programs / "task_thread_bench")
    print("How many instructions is a call in a thread of a pool, there and back?")
    base = instructions_a_call(program, "asio")
    ours = instructions_a_call(program, "tendril")
    print(f"      {base:.0f} instructions, asio::post there and back, descriptors too")
    print(f"      {instructions_a_call(program, 'bare'):.0f} instructions, the same, posts alone")
    print(f"      {ours:.0f} instructions, thread_pool::run")
    ratio = ours / base
    print(f"      bar {BAR}, measured {ratio:.2f}: {'holds' if ratio <= BAR else 'does not hold'}")


if __name__ == "__main__":
    main()
