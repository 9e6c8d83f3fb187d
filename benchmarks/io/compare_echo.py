#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What does an echo of 64 bytes cost a server, against Asio callbacks and epoll by hand?

Usage: compare_echo.py BUILD_DIR [--seconds S] [--rounds N] [CONNECTIONS...]

For each number of connections (100, 1000 and 10,000 when none is given) the servers take turns, N
times (5), S seconds each (2). Then strace counts their system calls for each message.
"""

import argparse
import pathlib

from contestants import Server, count_calls, judge, middle, prepare, programs_in, ratio, run_load

MOST_CPU = 1.03
MANY = 10_000


def compare(programs, load, connections, options):
    """Lets the servers take turns, and prints a line for each and the verdicts."""
    costs = {name: [] for name in programs}
    tails = {name: [] for name in programs}
    rates = {name: [] for name in programs}
    for _ in range(options.rounds):
        for name, program in programs.items():
            with Server(program) as server:
                run_load(load, server, connections, 0.3)
                measured = run_load(load, server, connections, options.seconds)
                costs[name].append(measured["cpu"] / measured["requests"] / 1000)
                tails[name].append(measured["p999_us"] / 1000)
                rates[name].append(measured["requests"] / measured["seconds"])
    print(f"  {connections} connections, {options.rounds} rounds in turns; median (middle half)")
    for name in programs:
        print(f"    {name:8} us of processor a request {middle(costs[name])}   "
              f"p99.9 in ms {middle(tails[name])}   requests/s {middle(rates[name])}")
    judge("processor, against asio", MOST_CPU, ratio(costs["tendril"], costs["asio"]))
    if connections >= MANY:
        judge("p99.9, against epoll", 1, ratio(tails["tendril"], tails["epoll"]))


def compare_calls(programs, load, connections):
    """Prints the system calls for each message, and the verdict."""
    print(f"  system calls for each message, {connections} connections")
    sums = {name: count_calls(name, program, load, connections)
            for name, program in programs.items()}
    judge("calls, against asio", 1.005, sums["tendril"] / sums["asio"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("connections", nargs="*", type=int, default=[100, 1000, MANY])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    prepare()
    print(__doc__.splitlines()[0])
    programs = programs_in(options.build)
    load = options.build / "benchmarks/load"
    for connections in options.connections:
        compare(programs, load, connections, options)
    for connections in options.connections:
        if connections < MANY:
            compare_calls(programs, load, connections)


if __name__ == "__main__":
    main()
