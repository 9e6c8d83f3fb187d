#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""How much processor time does an echo of 64 bytes cost the server, against Asio callbacks?

Usage: compare_echo.py BUILD_DIR [--seconds S] [--repeats N] [CONNECTIONS...]

The server is pinned to processor 0 and the load to processor 1. For each number of connections
(100 and 1000 when none is given) the two servers take turns, N times (5), S seconds each (3). What
counts is the server's own processor time divided by the requests answered, read from the kernel
(/proc/PID/schedstat): rates and latencies move with whatever else the machine does.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys


def cpu_nanoseconds(pid):
    """Returns the time that a process has spent on a processor."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0])


class Server:
    """A server under test, running as long as the `with` block."""

    def __init__(self, program):
        self.program = program

    def __enter__(self):
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", str(self.program)], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def measure(server, load, connections, seconds):
    """Runs the load once; returns microseconds of server time per request, and the load's words."""
    before = cpu_nanoseconds(server.process.pid)
    output = subprocess.run(
        ["taskset", "-c", "1", str(load), str(server.port), str(connections), str(seconds)],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout.split()
    spent = cpu_nanoseconds(server.process.pid) - before
    words = dict(zip(output[::2], output[1::2]))
    return spent / int(words["requests"]) / 1000, words


def compare(programs, load, connections, seconds, repeats):
    """Lets the servers take turns and prints a row for each. Returns the ratio of the medians."""
    costs = {name: [] for name in programs}
    last = {}
    for _ in range(repeats):
        for name, program in programs.items():
            with Server(program) as server:
                measure(server, load, connections, 0.5)
                cost, last[name] = measure(server, load, connections, seconds)
                costs[name].append(cost)
    for name, each in costs.items():
        words = last[name]
        rate = int(words["requests"]) / float(words["seconds"])
        print(
            f"{connections:6} connections  {name:8}  CPU per request: median "
            f"{statistics.median(each):.3f} us, from {min(each):.3f} to {max(each):.3f}   "
            f"{rate:8.0f}/s  p50 {words['p50_us']} us  p99 {words['p99_us']} us"
        )
    medians = [statistics.median(each) for each in costs.values()]
    print(f"{connections:6} connections  ratio tendril/asio {medians[0] / medians[1]:.3f}")
    return medians[0] / medians[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("connections", nargs="*", type=int, default=[100, 1000])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if os.cpu_count() < 2:
        sys.exit("this comparison needs two processors")
    programs = {
        "tendril": options.build / "docs/examples/echo_server",
        "asio": options.build / "benchmarks/echo_asio",
    }
    load = options.build / "benchmarks/load"
    for connections in options.connections:
        compare(programs, load, connections, options.seconds, options.repeats)


if __name__ == "__main__":
    main()
