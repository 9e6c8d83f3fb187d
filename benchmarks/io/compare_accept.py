#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What does a short connection cost a server: accept, one request, close?

Usage: compare_accept.py BUILD_DIR [--seconds S] [--rounds N]

The servers take turns, N times (7), S seconds each (2), with 64 connections at once. A rate says
what the server can do only while the server, and not the load, is what keeps a processor busy; so
the server's own time for a connection is judged beside the rate.
"""

import argparse
import pathlib

from contestants import Server, count_calls, judge, middle, prepare, programs_in, ratio, run_load

AT_ONCE = 64
SLOWEST = 0.97


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    prepare()
    print(__doc__.splitlines()[0])
    programs = programs_in(options.build)
    load = options.build / "benchmarks/connect_load"
    costs = {name: [] for name in programs}
    times = {name: [] for name in programs}
    for _ in range(options.rounds):
        for name, program in programs.items():
            with Server(program) as server:
                run_load(load, server, AT_ONCE, 0.3)
                measured = run_load(load, server, AT_ONCE, options.seconds)
                costs[name].append(measured["cpu"] / measured["connections"] / 1000)
                times[name].append(measured["seconds"] / measured["connections"] * 1e6)
    print(f"  {AT_ONCE} connections at once, {options.rounds} rounds in turns; median (middle half)")
    for name in programs:
        print(f"    {name:8} us of processor a connection {middle(costs[name])}   "
              f"us from one to the next {middle(times[name])}")
    judge("time, against epoll", 1 / SLOWEST, ratio(times["tendril"], times["epoll"]))
    judge("processor, against epoll", 1 / SLOWEST, ratio(costs["tendril"], costs["epoll"]))
    print("  system calls for each connection")
    for name, program in programs.items():
        count_calls(name, program, load, AT_ONCE)


if __name__ == "__main__":
    main()
