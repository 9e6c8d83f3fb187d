#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What does an echo of 64 bytes cost a server, against Asio callbacks and epoll by hand?

Usage: compare_echo.py BUILD_DIR [--seconds S] [--rounds N] [CONNECTIONS...]

For each number of connections (100, 1000 and 10,000 when none is given) the servers take turns, N
times (5), S seconds each (2). Then strace counts their system calls for each message.
"""

import argparse
import pathlib
import signal
import subprocess
import sys
import time

from contestants import Server, judge, middle, prepare, programs_in, ratio, run_load, start_load

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


def count_calls(program, load, connections):
    """Returns the system calls of a server for each message that it sends, by name."""
    with Server(program) as server:
        process = start_load(load, server, connections, 4)
        time.sleep(1)
        tracer = subprocess.Popen(
            ["strace", "-c", "-f", "-p", str(server.process.pid)], stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        tracer.send_signal(signal.SIGINT)
        lines = tracer.communicate(timeout=30)[1].splitlines()
        process.communicate(timeout=30)
    rows = [line.split() for line in lines]
    counts = {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit()}
    counts.pop("total", None)
    messages = counts.get("sendto", 0) + counts.get("sendmsg", 0)
    if messages == 0:
        sys.exit("strace has seen no message: " + " ".join(lines))
    return {name: count / messages for name, count in counts.items() if count / messages >= 0.001}


def compare_calls(programs, load, connections):
    """Prints the system calls for each message, and the verdict."""
    print(f"  system calls for each message, {connections} connections")
    sums = {}
    for name, program in programs.items():
        counts = count_calls(program, load, connections)
        sums[name] = sum(counts.values())
        each = ", ".join(f"{call} {count:.3f}" for call, count in sorted(counts.items()))
        print(f"    {name:8} {sums[name]:.3f}: {each}", flush=True)
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
